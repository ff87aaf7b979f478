// The invariants of what is committed, each broken on purpose: what is `true`, what is `false`, and what is not known.
import { describe, expect, it } from "vitest";
import type { Event } from "../boundary/index.js";
import { Agreement } from "./agreement.js";
import { HashChain, NoGap } from "./chain.js";
import { NothingLost } from "./nothing-lost.js";
import { NothingTwice } from "./nothing-twice.js";
import { at, block, context, request, step, verdictOf } from "./some-events.js";
import { Validity } from "./validity.js";

const accepted = (transaction: string, ...orderers: readonly string[]): readonly Event[] =>
  orderers.map((orderer) => request(transaction, "accepted", orderer));

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
