// The invariants, each broken on purpose: what is `true`, what is `false`, and what is not known.
import { describe, expect, it } from "vitest";
import { seconds, type Instant } from "../base/index.js";
import type { Event, EventOf } from "../boundary/index.js";
import { Agreement } from "./agreement.js";
import { HashChain, NoGap } from "./chain.js";
import { worst, type Check, type CheckContext, type CheckVerdict } from "./check.js";
import { Clock } from "./clock.js";
import { FaultsEffective, FaultsOnTime, KernelConfirms } from "./faults.js";
import { Liveness } from "./liveness.js";
import { NothingLost } from "./nothing-lost.js";
import { NothingTwice } from "./nothing-twice.js";
import { Pool } from "./pool.js";
import { Processes } from "./processes.js";
import { RecentMap } from "./recent-map.js";
import { Validity } from "./validity.js";
import { ViewOrder } from "./view-order.js";

const context: CheckContext = {
  orderers: ["orderer1", "orderer2", "orderer3", "orderer4"],
  peers: ["peer1"],
  fidelity: "library",
  patience: seconds(10),
  faultsExpected: 1,
};

const at = (second: number): Instant => (second * 1_000_000) as Instant; // integer microseconds

function verdictOf(check: Check, ...events: readonly Event[]): CheckVerdict {
  for (const event of events) check.observe(event);
  return check.verdict();
}

function block(node: string, number: number, more: Partial<EventOf<"block">> = {}): Event {
  return {
    kind: "block",
    at: at(number),
    node,
    role: node.startsWith("peer") ? "peer" : "orderer",
    number,
    hash: `h${number}`,
    previousHash: `h${number - 1}`,
    view: 0,
    bytes: 100,
    transactions: [`tx${number}`],
    duplicates: [],
    source: "decision",
    ...more,
  };
}

function request(
  transaction: string,
  state: EventOf<"request">["state"],
  orderer = "",
  second = 1,
  detail = "",
): Event {
  const stamp = { at: at(second), node: "client1" };
  return { kind: "request", ...stamp, transaction, state, intendedAt: at(second), orderer, detail };
}

function step(node: string, name: EventOf<"step">["step"], facts: EventOf<"step">["facts"], second = 1): Event {
  return { kind: "step", at: at(second), node, component: "controller", step: name, facts };
}

function fault(state: EventOf<"fault">["state"], more: Partial<EventOf<"fault">> = {}): Event {
  return {
    kind: "fault",
    at: at(5),
    node: "orderer1",
    state,
    fault: 1,
    what: "interface-down",
    how: "admin",
    target: "orderer1:eth1",
    asked: "leader",
    detail: "",
    ...more,
  };
}

const accepted = (transaction: string, ...orderers: readonly string[]): readonly Event[] =>
  orderers.map((orderer) => request(transaction, "accepted", orderer));

describe("composition", () => {
  it("keeps the worst, and nothing at all is unknown", () => {
    expect(worst(["true", "unknown", "false"])).toBe("false");
    expect(worst(["true", "unknown"])).toBe("unknown");
    expect(worst(["true"])).toBe("true");
    expect(worst([])).toBe("unknown");
  });
});

describe("agreement", () => {
  it("is false when two nodes have different blocks of one number", () => {
    const verdict = verdictOf(new Agreement(), block("orderer1", 7), block("peer1", 7, { hash: "other" }));
    expect(verdict).toMatchObject({ verdict: "false", detail: "block 7: orderer1 has h7, peer1 has other" });
  });

  it("is false when one node stores two blocks under one number", () => {
    const verdict = verdictOf(new Agreement(), block("orderer1", 7), block("orderer1", 7, { hash: "other" }));
    expect(verdict.verdict).toBe("false");
  });

  it("needs two nodes", () => {
    expect(verdictOf(new Agreement(), block("orderer1", 7)).verdict).toBe("unknown");
    expect(verdictOf(new Agreement(), block("orderer1", 7), block("orderer2", 7)).verdict).toBe("true");
  });
});

describe("gap and chain", () => {
  it("find a hole and a broken link", () => {
    expect(verdictOf(new NoGap(), block("orderer1", 1), block("orderer1", 3)).verdict).toBe("false");
    expect(verdictOf(new HashChain(), block("peer1", 1), block("peer1", 2, { previousHash: "x" })).verdict).toBe(
      "false",
    );
  });

  it("take a block stored again after a restart as no gap", () => {
    const events = [block("orderer1", 1), block("orderer1", 2), block("orderer1", 2), block("orderer1", 3)];
    expect(verdictOf(new NoGap(), ...events).verdict).toBe("true");
    expect(verdictOf(new HashChain(), ...events).verdict).toBe("true");
  });

  it("know nothing of a single block", () => {
    expect(verdictOf(new NoGap(), block("orderer1", 1)).verdict).toBe("unknown");
    expect(verdictOf(new HashChain(), block("orderer1", 1)).verdict).toBe("unknown");
  });
});

describe("nothing lost", () => {
  const two = ["orderer2", "orderer3"] as const;

  it("is true when what f+1 orderers accepted is committed", () => {
    expect(verdictOf(new NothingLost(context), ...accepted("tx2", ...two), block("peer1", 2)).verdict).toBe("true");
  });

  it("asks nothing of a transaction that only f orderers accepted", () => {
    const events = [...accepted("tx2", ...two), ...accepted("rest", "orderer1"), block("peer1", 2), block("peer1", 60)];
    expect(verdictOf(new NothingLost(context), ...events).verdict).toBe("true");
  });

  it("is false when others were committed for longer than the patience", () => {
    const events = [...accepted("gone", ...two), ...accepted("tx12", ...two), block("peer1", 12)];
    const verdict = verdictOf(new NothingLost(context), ...events);
    expect(verdict.verdict).toBe("false");
    expect(verdict.detail).toContain("gone (overtaken)");
  });

  it("is false when every orderer that accepted it removed it", () => {
    const removed = two.map((orderer) => step(orderer, "autoRemoved", { clientId: "c", requestId: "gone" }));
    const events = [...accepted("gone", ...two), ...accepted("tx2", ...two), ...removed, block("peer1", 2)];
    expect(verdictOf(new NothingLost(context), ...events).detail).toContain("gone (removed from every pool)");
  });

  it("is false when every pool is empty at the end", () => {
    const empty = context.orderers.map((subject): Event => {
      return { kind: "probe", at: at(9), node: "", probe: "pool", subject, asked: "", measured: 0, unit: "count" };
    });
    const events = [...accepted("gone", ...two), ...accepted("tx2", ...two), block("peer1", 2), ...empty];
    expect(verdictOf(new NothingLost(context), ...events).detail).toContain("gone (every pool is empty)");
  });

  it("is unknown while it may still be pending", () => {
    const events = [...accepted("later", ...two), ...accepted("tx2", ...two), block("peer1", 2)];
    const verdict = verdictOf(new NothingLost(context), ...events);
    expect(verdict).toMatchObject({ verdict: "unknown" });
    expect(verdict.detail).toContain("1 transactions");
  });

  it("counts an acceptance heard after the commit for nothing", () => {
    const events = [
      ...accepted("tx2", "orderer1", "orderer2"),
      block("peer1", 2),
      ...accepted("tx2", "orderer3", "orderer4"),
    ];
    expect(verdictOf(new NothingLost(context), ...events, block("peer1", 60)).verdict).toBe("true");
  });
});

describe("nothing twice", () => {
  const again = { transactions: ["tx1"], duplicates: [0] };
  const inFlight = step("orderer2", "inFlightCommitted", { view: 0, sequence: 1 });

  it("names the library's own duplicate after an in-flight commit", () => {
    const check = new NothingTwice(context);
    const verdict = verdictOf(check, inFlight, block("peer1", 1), block("peer1", 2, again));
    expect(verdict.verdict).toBe("true");
    expect(verdict.detail).toContain("1 duplicates after an in-flight commit");
    expect(check.named).toBe(1);
  });

  it("names it after a decision restored from the log", () => {
    const events = [step("orderer2", "restored", { from: "commit" }), block("orderer2", 1), block("peer1", 1)];
    expect(verdictOf(new NothingTwice(context), ...events, block("peer1", 2, again)).verdict).toBe("true");
  });

  it.each([
    [1_000, "false"],
    [1_001, "true"],
  ] as const)("takes one that comes again after %d others for %s", (others, expected) => {
    const between = Array.from({ length: others - 1 }, (_, index) => `other${index}`);
    const check = new NothingTwice(context);
    const verdict = verdictOf(
      check,
      block("peer1", 1),
      block("peer1", 2, { transactions: between }),
      block("peer1", 3, again),
    );
    expect(verdict.verdict).toBe(expected);
    expect(check.forgotten).toBe(expected === "true" ? 1 : 0);
  });

  it.each([
    ["nothing was in flight", context, [block("peer1", 1), block("peer1", 2, again)]],
    ["the peer did not mark it", context, [inFlight, block("peer1", 1), block("peer1", 2, { transactions: ["tx1"] })]],
    [
      "fidelity is improved",
      { ...context, fidelity: "improved" },
      [inFlight, block("peer1", 1), block("peer1", 2, again)],
    ],
    ["it stands twice in one block", context, [block("peer1", 1, { transactions: ["tx1", "tx1"] })]],
  ] as const)("is false when %s", (_, its, events) => {
    expect(verdictOf(new NothingTwice(its), ...events).verdict).toBe("false");
  });

  it("does not take the same block at two peers for a duplicate", () => {
    expect(verdictOf(new NothingTwice(context), block("peer1", 1), block("peer2", 1)).verdict).toBe("true");
  });
});

describe("validity", () => {
  it("is false for a transaction that nobody asked for", () => {
    const verdict = verdictOf(new Validity(), request("tx1", "invoked"), block("peer1", 1), block("peer1", 2));
    expect(verdict).toMatchObject({ verdict: "false", detail: "tx2 in block 2 was asked for by no client" });
  });

  it("waits for an invocation that is heard just after the commit", () => {
    expect(verdictOf(new Validity(), block("peer1", 1), request("tx1", "invoked")).verdict).toBe("true");
  });
});

describe("view order", () => {
  it("is false when an orderer goes back", () => {
    const events = [step("orderer1", "viewStarting", { view: 2 }), step("orderer1", "viewStarting", { view: 1 })];
    expect(verdictOf(new ViewOrder(context), ...events).verdict).toBe("false");
  });

  it("starts afresh with a new process", () => {
    const ended: Event = {
      kind: "process",
      at: at(2),
      node: "orderer1",
      process: "orderer",
      pid: 1,
      state: "ended",
      detail: "",
    };
    const events = [
      step("orderer1", "viewStarting", { view: 2 }),
      ended,
      step("orderer1", "viewStarting", { view: 1 }),
    ];
    expect(verdictOf(new ViewOrder(context), ...events).verdict).toBe("true");
  });
});

describe("liveness", () => {
  const started: Event = { kind: "phase", at: at(1), node: "", phase: "timeline-started" };
  const healed = fault("healed", { at: at(20) });

  it("is true when work asked for after the heal is committed", () => {
    const events = [started, healed, request("tx30", "invoked", "", 21), block("peer1", 30)];
    expect(verdictOf(new Liveness(context), ...events).verdict).toBe("true");
  });

  it("does not count the commit of older work", () => {
    const events = [
      started,
      request("tx30", "invoked", "", 2),
      healed,
      request("new", "invoked", "", 21),
      block("peer1", 30),
    ];
    expect(verdictOf(new Liveness(context), ...events).verdict).toBe("unknown");
    expect(verdictOf(new Liveness(context), ...events, block("peer1", 40)).verdict).toBe("false");
  });

  it("asks nothing after a heal that only ends the run", () => {
    const stopped: Event = { kind: "phase", at: at(19), node: "", phase: "workload-stopped" };
    const events = [started, request("tx3", "invoked", "", 2), block("peer1", 3), stopped, healed];
    expect(verdictOf(new Liveness(context), ...events).verdict).toBe("true");
  });
});

describe("pool", () => {
  it("is false when a request was refused for lack of room", () => {
    const check = new Pool();
    const events = [
      step("orderer1", "refused", { reason: "pool full" }),
      request("a", "refused", "orderer1", 1, "pool full"),
    ];
    expect(verdictOf(check, ...events).verdict).toBe("false");
    expect(check.overflow).toBe(1);
  });

  it("takes other refusals as normal", () => {
    expect(verdictOf(new Pool(), request("a", "refused", "orderer1", 1, "request already processed")).verdict).toBe(
      "true",
    );
  });
});

describe("faults", () => {
  it("are unknown when one failed or never became effective", () => {
    expect(
      verdictOf(new FaultsEffective(context), fault("requested"), fault("failed", { detail: "gone" })).verdict,
    ).toBe("unknown");
    expect(verdictOf(new FaultsEffective(context), fault("requested")).verdict).toBe("unknown");
    expect(verdictOf(new FaultsEffective(context)).verdict).toBe("unknown");
    expect(verdictOf(new FaultsEffective(context), fault("requested"), fault("effective")).verdict).toBe("true");
  });

  it("are marked when late by more than 5 ms", () => {
    const late = (us: number): Event => fault("effective", { dueAt: (at(5) - us) as Instant }); // microseconds before it took effect
    expect(verdictOf(new FaultsOnTime(), late(5_000)).verdict).toBe("true");
    expect(verdictOf(new FaultsOnTime(), late(5_001)).verdict).toBe("unknown");
    expect(verdictOf(new FaultsOnTime(), fault("effective")).verdict).toBe("true");
  });

  it("must be reported by the kernel of the node's own namespace", () => {
    const link: Event = {
      kind: "link",
      at: at(5),
      node: "orderer1",
      interface: "eth1",
      admin: "down",
      carrier: false,
      deleted: false,
    };
    expect(verdictOf(new KernelConfirms(), fault("requested"), link, fault("effective")).verdict).toBe("true");
    expect(verdictOf(new KernelConfirms(), fault("requested"), fault("effective"), link).verdict).toBe("true");
    expect(verdictOf(new KernelConfirms(), fault("requested"), fault("effective")).verdict).toBe("unknown");
    const elsewhere = { ...link, node: "orderer2" };
    expect(verdictOf(new KernelConfirms(), fault("requested"), elsewhere, fault("effective")).verdict).toBe("unknown");
    expect(verdictOf(new KernelConfirms(), fault("effective", { how: "blackhole" })).verdict).toBe("true");
  });
});

describe("processes", () => {
  const life = (process: string, state: "started" | "ended", pid = 7): Event => {
    return { kind: "process", at: at(2), node: "orderer1", process, pid, state, detail: "exit code 1" };
  };

  it("tell a service's death from a daemon's", () => {
    expect(verdictOf(new Processes(), life("orderer", "started"), life("orderer", "ended")).verdict).toBe("false");
    expect(verdictOf(new Processes(), life("ospfd", "started"), life("ospfd", "ended")).verdict).toBe("unknown");
  });

  it("expect the death of what a fault killed, and of everything at the end", () => {
    const kill = fault("requested", { what: "process-kill", how: "", target: "orderer1" });
    expect(verdictOf(new Processes(), life("orderer", "started"), kill, life("orderer", "ended")).verdict).toBe("true");
    const stopped: Event = { kind: "phase", at: at(3), node: "", phase: "stopped" };
    expect(verdictOf(new Processes(), life("orderer", "started"), stopped, life("orderer", "ended")).verdict).toBe(
      "true",
    );
  });

  it("expect only the deaths that a fault's kind means, and only while it lasts", () => {
    const verdictAfter = (what: EventOf<"fault">["what"], process: string, ...more: readonly Event[]): string => {
      const kill = fault("requested", { what, how: "", target: "orderer1" });
      return verdictOf(new Processes(), life(process, "started"), kill, ...more, life(process, "ended")).verdict;
    };
    expect(verdictAfter("process-kill", "ospfd")).toBe("unknown");
    expect(verdictAfter("frr-kill", "ospfd")).toBe("true");
    expect(verdictAfter("frr-kill", "orderer")).toBe("false");
    expect(verdictAfter("node-pause", "orderer")).toBe("false");
    for (const what of ["node-kill", "node-stop", "node-restart"] as const) {
      expect(["orderer", "ospfd", "node"].map((process) => verdictAfter(what, process))).toEqual([
        "true",
        "true",
        "true",
      ]);
    }
    const healed = fault("healed", { what: "process-kill", how: "", target: "orderer1" });
    expect(verdictAfter("process-kill", "orderer", healed)).toBe("false");
    // A whole node that somebody else ended: the run measured something else.
    expect(verdictOf(new Processes(), life("node", "started"), life("node", "ended")).verdict).toBe("unknown");
  });

  it("count a death once, by whomever it is told", () => {
    const check = new Processes();
    verdictOf(check, life("orderer", "started"), life("orderer", "ended"), life("orderer", "ended", 8));
    expect(check.deaths).toBe(1);
  });
});

describe("clock", () => {
  const probe = (measured: number): Event => {
    return { kind: "probe", at: at(1), node: "", probe: "clock", subject: "orderer1", asked: "", measured, unit: "us" };
  };

  it("must have been probed and must agree", () => {
    expect(verdictOf(new Clock()).verdict).toBe("unknown");
    expect(verdictOf(new Clock(), probe(-40), probe(900)).verdict).toBe("true");
    expect(verdictOf(new Clock(), probe(40), probe(-6_000)).verdict).toBe("unknown");
  });
});

it("a map of recent entries forgets the oldest and says which", () => {
  const map = new RecentMap<string, number>(2);
  expect(map.set("a", 1)).toBeUndefined();
  map.set("b", 2);
  expect(map.set("c", 3)).toEqual({ key: "a", value: 1 });
  expect([map.has("a"), map.get("c"), map.size, map.evicted]).toEqual([false, 3, 2, 1]);
});
