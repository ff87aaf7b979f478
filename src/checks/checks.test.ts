// The invariants of how a run went, each broken on purpose, and how verdicts are put together; those of what is committed
// are in committed.test.ts.
import { describe, expect, it } from "vitest";
import type { Instant } from "../base/index.js";
import type { Event, EventOf } from "../boundary/index.js";
import { worst } from "./check.js";
import { Clock } from "./clock.js";
import { FaultsEffective, FaultsOnTime, KernelConfirms } from "./faults.js";
import { Liveness } from "./liveness.js";
import { Pool } from "./pool.js";
import { Processes } from "./processes.js";
import { RecentMap } from "./recent-map.js";
import { at, block, context, fault, request, step, verdictOf } from "./some-events.js";
import { ViewOrder } from "./view-order.js";

describe("composition", () => {
  it("keeps the worst, and nothing at all is unknown", () => {
    expect(worst(["true", "unknown", "false"])).toBe("false");
    expect(worst(["true", "unknown"])).toBe("unknown");
    expect(worst(["true"])).toBe("true");
    expect(worst([])).toBe("unknown");
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
