// The normal case at one replica: section 14.3 of the reference and the tables of section 6.
import { describe, expect, it } from "vitest";
import { emptyBytes, milliseconds, nodeId, seconds } from "../../src/base/index.js";
import { decodeSavedMessage, type Message, type Proposal } from "../../src/smartbft/index.js";
import { Bench, garbage, numbers, only } from "./smartbft-bench.js";

const kinds = (messages: readonly Message[]): readonly string[] => messages.map(({ kind }) => kind);
const first = { sequence: 1 };

/** Follower 2 with the leader's proposal accepted. */
function proposed(options = {}): { bench: Bench; proposal: Proposal } {
  const bench = new Bench(options).start();
  const proposal = bench.proposal(first, "a");
  bench.from(1, bench.prePrepare(proposal, first));
  return { bench, proposal };
}

describe("normal path", () => {
  it("a follower goes through the phases of two decisions, writing before it sends", () => {
    const bench = new Bench().start();
    for (const at of [1, 2].map((sequence) => ({ sequence }))) {
      const proposal = bench.proposal(at, `request ${at.sequence}`);
      bench.clear();
      expect(bench.from(1, bench.prePrepare(proposal, at))).toBe("stored");
      const order = bench.effects.map(({ kind }) => kind).filter((kind) => kind !== "trace");
      expect(order).toEqual(["persist", "send", "send", "send"]);
      expect(kinds(bench.sent())).toEqual(["Prepare"]);
      bench.from(1, bench.prepare(proposal, at));
      expect(bench.sent()).toEqual([]);
      bench.from(3, bench.prepare(proposal, at));
      expect(kinds(bench.sent())).toEqual(["Commit"]);
      bench.from(1, bench.commit(1, proposal, at));
      bench.from(4, bench.commit(4, proposal, at));
      expect(bench.ledger.height).toBe(at.sequence);
      const { signatures } = bench.ledger.last ?? { signatures: [] };
      expect(signatures.map(({ signer }) => signer)).toEqual([1, 4, 2]);
    }
    expect(bench.persisted.map((record) => decodeSavedMessage(record))).toMatchObject([
      { value: { kind: "proposed" } },
      { value: { kind: "commit" } },
    ]);
  });

  it("a leader proposes a batch, but broadcasts it only when it is in its log", () => {
    const bench = new Bench({ self: 1 }).start();
    bench.submit("a", "b");
    expect(bench.sent()).toEqual([]);
    bench.pass(milliseconds(50));
    const order = bench.effects.map(({ kind }) => kind).filter((kind) => kind !== "trace");
    expect(order.slice(0, 2)).toEqual(["persist", "send"]);
    expect(kinds(bench.sent())).toEqual(["PrePrepare", "Prepare"]);
  });

  it("votes for this and the next sequence may come in advance, before this one is decided", () => {
    const twin = new Bench().start();
    twin.decide(1, "a");
    const at = { sequence: 2 };
    const two = twin.proposal(at, "b");
    const bench = new Bench().start();
    const one = bench.proposal(first, "a");
    for (const id of [3, 4]) bench.from(id, bench.prepare(two, at));
    for (const id of [3, 4]) bench.from(id, bench.commit(id, two, at));
    for (const id of [3, 4]) bench.from(id, bench.prepare(one, first));
    for (const id of [3, 4]) bench.from(id, bench.commit(id, one, first));
    bench.from(1, bench.prePrepare(one, first));
    expect(bench.ledger.height).toBe(1);
    bench.from(1, bench.prePrepare(two, at));
    expect(bench.ledger.height).toBe(2);
  });

  it("votes for this and the next sequence may come in advance", () => {
    const bench = new Bench().start();
    const one = bench.proposal(first, "a");
    for (const id of [3, 4]) bench.from(id, bench.prepare(one, first));
    for (const id of [3, 4]) bench.from(id, bench.commit(id, one, first));
    bench.holdDelivery = true;
    bench.from(1, bench.prePrepare(one, first));
    expect(bench.ledger.height).toBe(1);
    // The second proposal follows the first in the ledger, which is stored but not yet answered.
    const at = { sequence: 2 };
    const two = bench.proposal(at, "b");
    expect(bench.from(1, bench.prePrepare(two, at))).toBe("stored");
    for (const id of [3, 4]) bench.from(id, bench.prepare(two, at));
    for (const id of [3, 4]) bench.from(id, bench.commit(id, two, at));
    expect(bench.ledger.height).toBe(1);
    bench.holdDelivery = false;
    bench.release();
    expect(bench.ledger.height).toBe(2);
  });

  it.each([
    [2, 1],
    [3, 1],
    [4, 2],
    [5, 3],
    [6, 3],
    [7, 4],
    [10, 6],
  ])("of %d nodes it waits for %d foreign Prepares", (size, needed) => {
    const bench = new Bench({ size, self: size }).start();
    const proposal = bench.proposal(first, "a");
    bench.from(1, bench.prePrepare(proposal, first));
    bench.sent();
    for (let id = 1; id < needed; id++) bench.from(id, bench.prepare(proposal, first));
    expect(bench.sent()).toEqual([]);
    bench.from(needed, bench.prepare(proposal, first));
    expect(kinds(bench.sent())).toEqual(["Commit"]);
  });

  it("one node decides alone", () => {
    const bench = new Bench({ size: 1, self: 1 }).start();
    bench.submit("a");
    bench.pass(milliseconds(50));
    expect(bench.ledger.height).toBe(1);
  });

  it("waits for signatures that are being checked, and handles messages meanwhile", () => {
    const { bench, proposal } = proposed();
    for (const id of [1, 3]) bench.from(id, bench.prepare(proposal, first));
    bench.holdVerification = true;
    for (const id of [1, 3]) bench.from(id, bench.commit(id, proposal, first));
    expect(bench.ledger.height).toBe(0);
    bench.holdVerification = false;
    bench.release();
    expect(bench.ledger.height).toBe(1);
  });
});

describe("bad pre-prepares", () => {
  const other = (bench: Bench, at: { view?: number; sequence: number; decisions?: number }): Proposal =>
    bench.proposal(at, "a");
  it.each<[string, (bench: Bench) => Proposal]>([
    ["malformed content", () => garbage],
    ["another verification sequence", (bench) => ({ ...other(bench, first), verificationSequence: 9 })],
    ["metadata of another view", (bench) => other(bench, { view: 1, sequence: 1, decisions: 0 })],
    ["metadata of another sequence", (bench) => other(bench, { sequence: 2, decisions: 0 })],
    ["metadata of another number of decisions", (bench) => other(bench, { sequence: 1, decisions: 7 })],
    ["undecodable metadata", (bench) => ({ ...other(bench, first), metadata: Uint8Array.of(0xff) })],
    ["no metadata", (bench) => ({ ...other(bench, first), metadata: emptyBytes })],
  ])("%s: it complains without stopping others' view, asks for a sync and stops its own", (_name, make) => {
    const bench = new Bench().start();
    bench.from(1, bench.prePrepare(make(bench), first));
    expect(bench.steps("badProposal")).toHaveLength(1);
    expect(only(bench.steps("complaint"))).toMatchObject({ reason: "badProposal", view: 0, stopView: false });
    expect(only(bench.steps("syncRequested"))).toEqual({ reason: "bad proposal" });
    expect(bench.replica.status().active).toBe(false);
  });

  it("from the leader with another view: the same, but a sync only when that view is higher", () => {
    for (const [viewNumber, syncs] of [
      [6, 1],
      [4, 0],
    ] as const) {
      const at = { view: viewNumber, sequence: 2 };
      const follower = new Bench({ self: 1, height: 1, view: 5 }).start();
      expect(follower.from(2, follower.prePrepare(follower.proposal(at, "a"), at))).toBe(
        `dropped: view ${viewNumber}, expected 5`,
      );
      expect(only(follower.steps("complaint"))).toMatchObject({ reason: "wrongView", stopView: false });
      expect(follower.steps("syncRequested").filter(({ reason }) => reason === "leader in a higher view")).toHaveLength(
        syncs,
      );
    }
  });

  it("from a non-leader, or without a proposal: dropped and nothing else", () => {
    const bench = new Bench().start();
    const proposal = bench.proposal(first, "a");
    expect(bench.from(3, bench.prePrepare(proposal, first))).toBe("rejected: pre-prepare from 3, leader 1");
    expect(bench.from(1, { kind: "PrePrepare", ...numbers(first), proposal: undefined, previousSignatures: [] })).toBe(
      "rejected: no proposal",
    );
    expect(bench.steps("complaint")).toEqual([]);
    expect(bench.replica.status()).toMatchObject({ active: true, phase: "committed" });
  });

  it("a second one for this or the next sequence is dropped, the first one kept", () => {
    const bench = new Bench().start();
    const next = { sequence: 2 };
    const proposal = bench.proposal(first, "a");
    bench.from(1, bench.prePrepare(proposal, first));
    expect(bench.from(1, bench.prePrepare(proposal, first))).toBe("dropped: second pre-prepare");
    expect(bench.from(1, bench.prePrepare(bench.proposal(next, "b"), next))).toBe("stored: next sequence");
    expect(bench.from(1, bench.prePrepare(bench.proposal(next, "c"), next))).toBe("dropped: second pre-prepare");
  });
});

describe("bad votes", () => {
  it("a Prepare with another digest is used up and does not count", () => {
    const { bench, proposal } = proposed();
    bench.from(3, bench.prepare(garbage, first));
    expect(bench.from(3, bench.prepare(proposal, first))).toBe("dropped: second vote");
    bench.from(1, bench.prepare(proposal, first));
    expect(bench.steps("prepared")).toEqual([]);
    expect(bench.steps("badVote")).toMatchObject([{ from: 3, reason: "Prepare with another digest" }]);
    bench.from(4, bench.prepare(proposal, first));
    expect(bench.steps("prepared")).toHaveLength(1);
  });

  it.each<[string, (bench: Bench, proposal: Proposal) => Message, string]>([
    ["with another digest", (bench, proposal) => ({ ...bench.commit(3, proposal, first), digest: "00" }), "stored"],
    ["with a bad signature", (bench, proposal) => badlySigned(bench, proposal), "stored"],
    [
      "without a signature",
      (bench, proposal) => ({ ...bench.commit(3, proposal, first), signature: undefined }),
      "rejected: no signature",
    ],
    ["signed by another", (bench, proposal) => bench.commit(4, proposal, first), "rejected: signed by 4"],
  ])("a Commit %s does not count", (_name, make, decision) => {
    const { bench, proposal } = proposed();
    for (const id of [1, 3]) bench.from(id, bench.prepare(proposal, first));
    expect(bench.from(3, make(bench, proposal))).toBe(decision);
    bench.from(1, bench.commit(1, proposal, first));
    expect(bench.ledger.height).toBe(0);
    bench.from(4, bench.commit(4, proposal, first));
    expect(bench.ledger.height).toBe(1);
  });

  const badlySigned = (bench: Bench, proposal: Proposal): Message => {
    const commit = bench.commit(3, proposal, first);
    return { ...commit, signature: { signer: nodeId(3), value: Uint8Array.of(1), message: emptyBytes } };
  };
});

describe("lag detection: two equal Commits from beyond view 5, sequence 10", () => {
  it.each([
    ["(5,12) twice", [5, 12], [5, 12], true],
    ["(6,1) twice", [6, 1], [6, 1], true],
    ["(5,11) twice: the next sequence is in the window", [5, 11], [5, 11], false],
    ["(4,1) twice: an older view", [4, 1], [4, 1], false],
    ["(5,8) twice: the past", [5, 8], [5, 8], false],
    ["two different sequences", [5, 12], [5, 13], false],
    ["two different views", [6, 1], [7, 1], false],
  ] as const)("%s", (_name, one, two, synced) => {
    const bench = new Bench({ height: 9, view: 5, self: 1 }).start();
    const far = bench.proposal({ sequence: 12 }, "far");
    const say = (id: number, [viewNumber, sequence]: readonly [number, number]): void => {
      bench.from(id, bench.commit(id, far, { view: viewNumber, sequence }));
    };
    say(3, one);
    say(4, two);
    expect(bench.steps("syncRequested").some(({ reason }) => reason === "others commit ahead")).toBe(synced);
    expect(bench.steps("lagging")).toHaveLength(synced ? 1 : 0);
  });
});

describe("assists", () => {
  it("a vote for the previous sequence is answered to its sender alone, an assist never", () => {
    const { bench, proposal } = proposed();
    for (const id of [1, 3]) bench.from(id, bench.prepare(proposal, first));
    for (const id of [1, 3]) bench.from(id, bench.commit(id, proposal, first));
    bench.clear();
    expect(bench.from(4, bench.prepare(proposal, first))).toBe("assisted");
    expect(bench.sentTo()).toMatchObject([{ to: 4, message: { kind: "Prepare", assist: true, ...first } }]);
    expect(bench.from(4, bench.commit(4, proposal, first))).toBe("assisted");
    expect(bench.sentTo()).toMatchObject([{ to: 4, message: { kind: "Commit", assist: true } }]);
    expect(bench.from(4, { ...bench.prepare(proposal, first), assist: true })).toBe(
      "dropped: assist for the previous sequence",
    );
    expect(bench.sentTo()).toEqual([]);
  });

  it("a replica that missed the votes catches up by assists", () => {
    const { bench, proposal } = proposed();
    for (const id of [1, 3]) bench.from(id, { ...bench.prepare(proposal, first), assist: true });
    for (const id of [1, 3]) bench.from(id, { ...bench.commit(id, proposal, first), assist: true });
    expect(bench.ledger.height).toBe(1);
  });
});

describe("restart from the log", () => {
  it.each(["library", "improved"] as const)("resumes each phase with the right vote, %s", (fidelity) => {
    const protocol = { fidelity };
    const { bench, proposal } = proposed({ protocol });
    const afterProposal = new Bench({ walEntries: [...bench.persisted], protocol }).start();
    expect(kinds(afterProposal.sent())).toEqual(["Prepare"]);
    expect(afterProposal.replica.status().phase).toBe("proposed");
    for (const id of [1, 3]) bench.from(id, bench.prepare(proposal, first));
    const afterPrepares = new Bench({ walEntries: [...bench.persisted], protocol }).start();
    expect(kinds(afterPrepares.sent())).toEqual(["Commit"]);
    afterPrepares.submit("a");
    for (const id of [1, 3]) afterPrepares.from(id, afterPrepares.commit(id, proposal, first));
    expect(afterPrepares.ledger.height).toBe(1);
    // Section 15, item 1: the library restores no request list, so the request is proposed again.
    expect(afterPrepares.replica.status().poolCount).toBe(fidelity === "library" ? 1 : 0);
  });

  it("a leader in mid-protocol does not propose again", () => {
    const bench = new Bench({ self: 1 }).start();
    bench.submit("a");
    bench.pass(milliseconds(50));
    const restarted = new Bench({ self: 1, walEntries: [...bench.persisted] }).start();
    restarted.submit("b");
    restarted.pass(seconds(1));
    expect(restarted.steps("proposing")).toEqual([]);
  });

  it("a log whose decision the ledger holds starts at the next sequence", () => {
    const { bench, proposal } = proposed();
    for (const id of [1, 3]) bench.from(id, bench.prepare(proposal, first));
    const restarted = new Bench({ height: 1, walEntries: [...bench.persisted] }).start();
    expect(restarted.replica.status()).toMatchObject({ phase: "committed", sequence: 1 });
    expect(restarted.sent()).toEqual([]);
  });

  it("refuses a log that is ahead of the ledger, or unreadable", () => {
    const bench = new Bench({ height: 1 }).start();
    const at = { sequence: 2 };
    bench.from(1, bench.prePrepare(bench.proposal(at, "b"), at));
    expect(() => new Bench({ walEntries: [...bench.persisted] })).toThrow("ledger expects 1");
    expect(() => new Bench({ walEntries: [Uint8Array.of(0xff)] })).toThrow("Expected a record");
  });
});
