// View changes at one replica: section 14.5 of the reference and the tables of section 8.
import { describe, expect, it } from "vitest";
import { milliseconds, nodeId, seconds, sequence, view } from "../../src/base/index.js";
import {
  decodeSavedMessage,
  decodeViewData,
  encodeViewMetadata,
  type Message,
  type NewView,
  type SignedViewData,
  proposalDigest,
  type Proposal,
} from "../../src/smartbft/index.js";
import { Bench, emptyProposal, garbage, numbers, only, type BenchOptions } from "./smartbft-bench.js";

const vote = (nextView: number): Message => ({ kind: "ViewChange", nextView: view(nextView), reason: "" });
const kinds = (messages: readonly Message[]): readonly string[] => messages.map(({ kind }) => kind);
const next = { nextView: view(1) };
const records = (bench: Bench) =>
  bench.persisted.map((record) => {
    const decoded = decodeSavedMessage(record);
    return decoded.kind === "good" ? decoded.value : decoded;
  });

/** Replica 2, leader of view 1, in the data phase of view 1 with one decision made in view 0. */
function leaderToBe(options: BenchOptions = {}): Bench {
  const bench = new Bench({ height: 1, ...options }).start();
  for (const id of [3, 4]) bench.from(id, vote(1));
  bench.clear();
  return bench;
}

/** Replica 3, a follower of view 1, likewise. */
function follower(options: BenchOptions = {}): Bench {
  const bench = new Bench({ height: 1, self: 3, ...options }).start();
  for (const id of [2, 4]) bench.from(id, vote(1));
  bench.clear();
  return bench;
}

const newView = (...entries: readonly SignedViewData[]): NewView => ({ kind: "NewView", entries });

describe("votes", () => {
  it("a complaint broadcasts a vote, stops request timers and aborts the view, once", () => {
    const bench = new Bench().start();
    bench.submit("a");
    bench.input({ kind: "complain", view: view(0), stopView: true });
    expect(bench.sent()).toEqual([vote(1)]);
    bench.input({ kind: "complain", view: view(0), stopView: true });
    expect(bench.sent()).toEqual([]);
    expect(bench.replica.status()).toMatchObject({ nextView: 1, realView: 0, active: false, viewChanging: true });
    bench.pass(seconds(5));
    expect(bench.steps("forwardTimeout")).toEqual([]);
  });

  it.each([
    [false, 4, 2],
    [false, 7, 4],
    [true, 7, 3],
  ])("with speed-up %s, of %d nodes %d foreign votes make it join", (speedUpViewChange, size, needed) => {
    const bench = new Bench({ size, self: size, protocol: { speedUpViewChange } }).start();
    for (let id = 1; id < needed; id++) bench.from(id, vote(1));
    expect(bench.sent()).toEqual([]);
    bench.from(needed, vote(1));
    expect(kinds(bench.sent())[0]).toBe("ViewChange");
  });

  it("a quorum writes the view that is left, then sends ViewData to the next leader", () => {
    const bench = new Bench({ height: 1, self: 4 }).start();
    for (const id of [1, 3]) bench.from(id, vote(1));
    expect(records(bench)).toMatchObject([{ kind: "viewChange", viewChange: { nextView: 0 } }]);
    const order = bench.effects.map(({ kind }) => kind).filter((kind) => kind !== "trace");
    expect(order).toEqual(["send", "send", "send", "persist", "send"]);
    const sent = bench.sentTo().at(-1);
    expect(sent).toMatchObject({ to: 2, message: { kind: "ViewData", signer: 4 } });
  });

  it.each([
    ["the same view", 0, "dropped: next view 0, expected 1"],
    ["a view too high", 2, "dropped: next view 2, expected 1"],
  ])("a vote for %s is dropped", (_name, nextView, decision) => {
    expect(new Bench().start().from(3, vote(nextView))).toBe(decision);
  });

  it("the second round goes to the next leader", () => {
    const bench = follower();
    for (const id of [1, 4]) bench.from(id, vote(2));
    expect(kinds(bench.sent())).toEqual(["ViewChange"]);
    expect(bench.steps("viewDataSent")).toEqual([]);
    expect(bench.replica.status().nextView).toBe(2);
  });

  it("a laggard that asks for a view we left is helped, once a tick", () => {
    const bench = follower();
    bench.input({ kind: "complain", view: view(1), stopView: false });
    bench.clear();
    expect(bench.from(1, vote(1))).toBe("helped: next view 1");
    expect(bench.sent()).toEqual([vote(1)]);
    expect(bench.from(1, vote(1))).toBe("dropped: next view 1, helped since the last tick");
    bench.pass(seconds(1));
    expect(bench.from(1, vote(1))).toBe("helped: next view 1");
    expect(bench.from(4, vote(2))).toBe("vote stored");
    // Node 4 has asked for more since: its old vote is no cry for help.
    expect(bench.from(4, vote(1))).toBe("dropped: next view 1, expected 2");
  });
});

describe("surprise 37: ViewData leaves while the abort of the old view waits", () => {
  const second = { sequence: 2 };
  const third = { sequence: 3 };
  /** Replica 4, whose decision 2 is being delivered, and the next proposal is there. */
  const delivering = (fidelity: "library" | "improved"): Bench => {
    const bench = new Bench({ height: 1, self: 4, protocol: { fidelity } }).start();
    bench.holdDelivery = true;
    bench.decide(2, "a");
    bench.from(1, bench.prePrepare(bench.proposal(third, "b"), third));
    return bench;
  };
  /** Replica 4, which waits for answers to its sync. */
  const syncing = (fidelity: "library" | "improved"): Bench => {
    const bench = new Bench({ height: 1, self: 4, protocol: { fidelity } }).start();
    bench.from(1, { kind: "HeartBeat", view: view(3), sequence: sequence(9) });
    return bench;
  };
  const leave = (bench: Bench): void => {
    for (const id of [2, 3]) bench.from(id, vote(1));
    expect(bench.steps("viewDataSent")).toHaveLength(1);
    expect(bench.steps("viewAborted")).toEqual([]);
    bench.clear();
  };

  it.each([
    ["library", ["Prepare"]],
    ["improved", []],
  ] as const)("%s: for a delivery", (fidelity, votes) => {
    const bench = delivering(fidelity);
    leave(bench);
    bench.release();
    expect(bench.steps("delivered")).toMatchObject([{ view: 0, sequence: 2 }]);
    expect(bench.steps("viewAborted")).toHaveLength(1);
    expect(kinds(bench.sent())).toEqual(votes);
  });

  it.each([
    ["library", ["Prepare", "Commit"]],
    ["improved", []],
  ] as const)("%s: for a sync", (fidelity, votes) => {
    const bench = syncing(fidelity);
    leave(bench);
    const proposal = bench.proposal(second, "a");
    bench.from(1, bench.prePrepare(proposal, second));
    for (const id of [2, 3]) bench.from(id, bench.prepare(proposal, second));
    expect(kinds(bench.sent())).toEqual(votes);
  });
});

describe("clock", () => {
  const asking = (): Bench => {
    const bench = new Bench().start();
    bench.pass(seconds(30));
    bench.input({ kind: "complain", view: view(0), stopView: true });
    bench.clear();
    return bench;
  };

  it("resends the vote at the next tick and then at every interval", () => {
    const bench = asking();
    bench.pass(milliseconds(999));
    expect(bench.sent()).toEqual([]);
    bench.pass(milliseconds(1));
    expect(bench.sent()).toEqual([vote(1)]);
    bench.pass(milliseconds(4_999));
    expect(bench.sent()).toEqual([]);
    bench.pass(milliseconds(1));
    expect(bench.sent()).toEqual([vote(1)]);
  });

  it("a timeout asks for one sync and no second vote; the next one comes at twice the time", () => {
    const bench = asking();
    bench.pass(milliseconds(19_999));
    expect(bench.steps("viewChangeTimeout")).toEqual([]);
    bench.pass(milliseconds(1));
    expect(bench.steps("viewChangeTimeout")).toMatchObject([{ view: 0, attempt: 1 }]);
    expect(bench.steps("syncRequested")).toEqual([{ reason: "view change timeout" }]);
    expect(bench.steps("viewChangeStarted")).toEqual([]);
    bench.pass(milliseconds(19_999));
    expect(bench.steps("viewChangeTimeout")).toHaveLength(1);
    bench.pass(milliseconds(1));
    expect(bench.steps("viewChangeTimeout")).toHaveLength(2);
  });

  it("in the data phase it asks for the following view, with a longer timeout", () => {
    const bench = follower();
    bench.pass(seconds(20));
    expect(bench.steps("viewChangeStarted")).toMatchObject([{ view: 1, nextView: 2 }]);
    bench.pass(milliseconds(39_900));
    expect(bench.steps("viewChangeTimeout")).toHaveLength(1);
    bench.pass(seconds(1));
    expect(bench.steps("viewChangeTimeout")).toHaveLength(2);
  });

  it("a sync to a higher view is learnt: the next vote is for the one after", () => {
    const bench = new Bench().start();
    const decision = bench.decision(1, { view: 2, decisions: 0 });
    bench.beyond = [decision];
    bench.input({ kind: "complain", view: view(0), stopView: false });
    bench.pass(seconds(22));
    expect(bench.steps("viewLearnt")).toEqual([{ view: 2 }]);
    expect(bench.replica.status()).toMatchObject({ view: 2, nextView: 2, realView: 2, sequence: 1 });
    bench.clear();
    bench.input({ kind: "complain", view: view(2), stopView: true });
    expect(bench.sent()).toEqual([vote(3)]);
  });
});

describe("ViewData at the next leader", () => {
  it("a quorum of it makes a NewView, own data first, and installs", () => {
    const bench = leaderToBe();
    bench.from(4, bench.viewData(4, next));
    expect(bench.steps("newViewSent")).toEqual([]);
    bench.from(3, bench.viewData(3, next));
    expect(bench.steps("viewInstalled")).toEqual([{ view: 1, sequence: 2 }]);
    expect(bench.steps("timersRestarted")).toHaveLength(1);
    const sent = bench.sent().find(({ kind }) => kind === "NewView");
    expect(sent).toMatchObject({ entries: [{ signer: 2 }, { signer: 3 }, { signer: 4 }] });
    expect(records(bench).at(-1)).toMatchObject({ kind: "newView", metadata: { view: 1, sequence: 1 } });
    expect(bench.replica.status()).toMatchObject({ view: 1, leader: 2, active: true, viewChanging: false });
  });

  const forged = (bench: Bench): SignedViewData => ({ ...bench.viewData(3, next), signature: Uint8Array.of(1) });
  const decided = (bench: Bench, at: number, viewNumber = 0) => {
    const { proposal, signatures } = bench.decision(at, { view: viewNumber });
    return { ...next, lastDecision: proposal, lastDecisionSignatures: signatures };
  };
  it.each<[string, (bench: Bench) => SignedViewData, string]>([
    ["another next view", (bench) => bench.viewData(3, { nextView: view(2) }), "next view 2, expected 1"],
    ["no last decision", (bench) => bench.viewData(3, { ...next, lastDecision: undefined }), "no last decision"],
    [
      "genesis while we are ahead",
      (bench) => bench.viewData(3, { ...next, lastDecision: emptyProposal }),
      "last decision 0, own 1",
    ],
    [
      "a decision of the next view",
      (bench) => bench.viewData(3, decided(bench, 2, 1)),
      "last decision of view 1, next view 1",
    ],
    ["a decision far ahead", (bench) => bench.viewData(3, decided(bench, 3)), "last decision 3, own 1"],
    ["another last decision", (bench) => bench.viewData(3, decided(bench, 1)), "another last decision"],
    ["another signer", (bench) => bench.viewData(4, next), "signed by 4"],
    ["a bad signature", forged, "bad signature"],
    [
      "undecodable data",
      () => ({ kind: "ViewData", raw: Uint8Array.of(255), signer: nodeId(3), signature: Uint8Array.of() }),
      "undecodable",
    ],
    [
      "an in-flight proposal that does not follow",
      (bench) => bench.viewData(3, { ...next, inFlightProposal: bench.proposal({ sequence: 5 }) }),
      "in-flight proposal of sequence 5, expected 2",
    ],
    [
      "an in-flight proposal without metadata",
      (bench) => bench.viewData(3, { ...next, inFlightProposal: garbage }),
      "in-flight proposal without readable metadata",
    ],
  ])("%s is refused", (_name, make, reason) => {
    const bench = leaderToBe();
    bench.from(3, make(bench));
    expect(String(only(bench.steps("viewDataRefused"))["reason"])).toContain(reason);
    expect(bench.steps("viewDataAccepted")).toEqual([]);
  });

  it("at another than the next leader is refused", () => {
    const bench = follower();
    expect(bench.from(4, bench.viewData(4, next))).toBe("rejected: next leader is 2");
  });

  it("one decision ahead: the decision is delivered, then the data accepted, and the view begins after it", () => {
    const bench = leaderToBe();
    bench.from(3, bench.viewData(3, decided(bench, 2)));
    expect(bench.ledger.height).toBe(2);
    expect(only(bench.steps("viewDataAccepted"))).toMatchObject({ from: 3 });
    bench.from(4, bench.viewData(4, next));
    expect(bench.steps("viewInstalled")).toEqual([{ view: 1, sequence: 3 }]);
  });

  it("one decision ahead is not delivered twice when a sync brought it while its signatures were checked", () => {
    const bench = leaderToBe();
    const data = decided(bench, 2);
    bench.holdVerification = true;
    bench.from(3, bench.viewData(3, data));
    bench.beyond = [{ proposal: data.lastDecision, signatures: data.lastDecisionSignatures }];
    bench.from(1, { kind: "HeartBeat", view: view(3), sequence: sequence(9) });
    bench.pass(seconds(2));
    expect(bench.steps("syncEnded")).toHaveLength(1);
    bench.release();
    expect(bench.effects.filter(({ kind }) => kind === "deliver")).toEqual([]);
    expect(bench.replica.status()).toMatchObject({ sequence: 2 });
  });

  it.each<[string, (signers: readonly number[]) => readonly number[], string]>([
    ["too few signatures", (all) => all.slice(0, 2), "2 signatures on the last decision, need 3"],
    ["one signer three times", () => [1, 1, 1], "1 distinct signers on the last decision, need 3"],
  ])("one decision ahead with %s is refused", (_name, choose, reason) => {
    const bench = leaderToBe();
    const data = decided(bench, 2);
    const chosen = choose([1, 2, 3, 4])
      .map((id) => data.lastDecisionSignatures.filter(({ signer }) => signer === id))
      .flat();
    bench.from(3, bench.viewData(3, { ...data, lastDecisionSignatures: chosen }));
    expect(only(bench.steps("viewDataRefused"))).toMatchObject({ reason });
    expect(bench.ledger.height).toBe(1);
  });

  it("one decision ahead with a forged signature is refused", () => {
    const bench = leaderToBe();
    const data = decided(bench, 2);
    const lastDecisionSignatures = data.lastDecisionSignatures.map((each) => ({ ...each, value: Uint8Array.of(1) }));
    bench.from(3, bench.viewData(3, { ...data, lastDecisionSignatures }));
    expect(only(bench.steps("viewDataRefused"))).toMatchObject({ reason: "bad signature on the last decision" });
    expect(bench.ledger.height).toBe(1);
  });
});

describe("NewView at a follower", () => {
  const good = (bench: Bench): NewView => newView(...[2, 3, 4].map((id) => bench.viewData(id, next)));

  it("installs the view", () => {
    const bench = follower();
    bench.from(2, good(bench));
    expect(bench.steps("viewInstalled")).toEqual([{ view: 1, sequence: 2 }]);
    expect(bench.replica.status()).toMatchObject({ view: 1, leader: 2, realView: 1, active: true });
  });

  it.each<[string, number, (bench: Bench) => NewView, string]>([
    ["from another than the leader", 4, good, "from 4, next leader 2"],
    [
      "with too few entries",
      2,
      (bench) => newView(bench.viewData(2, next), bench.viewData(3, next)),
      "2 entries, need 3",
    ],
    [
      "with one signer repeated",
      2,
      (bench) => newView(bench.viewData(2, next), bench.viewData(3, next), bench.viewData(3, next)),
      "2 entries, need 3",
    ],
    [
      "for another view",
      2,
      (bench) => newView(...[2, 3, 4].map((id) => bench.viewData(id, { nextView: view(2) }))),
      "next view 2, expected 1",
    ],
    [
      "with a bad signature",
      2,
      (bench) =>
        newView(
          bench.viewData(2, next),
          { ...bench.viewData(3, next), signature: Uint8Array.of(1) },
          bench.viewData(4, next),
        ),
      "entry of 3: bad signature",
    ],
    [
      "signed by a stranger",
      2,
      (bench) => newView(bench.viewData(2, next), bench.viewData(3, next), bench.viewData(9, next)),
      "entry of 9: bad signature",
    ],
    [
      "with another last decision",
      2,
      (bench) =>
        newView(
          bench.viewData(2, { ...next, lastDecision: bench.decision(1).proposal }),
          bench.viewData(3, next),
          bench.viewData(4, next),
        ),
      "entry of 2: another last decision",
    ],
    [
      "without a last decision",
      2,
      (bench) =>
        newView(
          bench.viewData(2, { ...next, lastDecision: undefined }),
          bench.viewData(3, next),
          bench.viewData(4, next),
        ),
      "entry of 2: no last decision",
    ],
  ])("%s is refused", (_name, from, make, reason) => {
    const bench = follower();
    bench.from(from, make(bench));
    expect(String(only(bench.steps("newViewRefused"))["reason"])).toContain(reason);
    expect(bench.replica.status()).toMatchObject({ realView: 0 });
  });

  it("one decision ahead: delivered on the way, and walked again from the start", () => {
    const bench = follower();
    const { proposal, signatures } = bench.decision(2);
    const ahead = { ...next, lastDecision: proposal, lastDecisionSignatures: signatures };
    bench.from(2, newView(bench.viewData(3, next), bench.viewData(2, ahead), bench.viewData(4, ahead)));
    expect(bench.ledger.height).toBe(2);
    expect(bench.steps("viewInstalled")).toEqual([{ view: 1, sequence: 3 }]);
  });

  it("far ahead: a sync, and the view is not installed", () => {
    const bench = follower();
    const { proposal, signatures } = bench.decision(3);
    const ahead = { ...next, lastDecision: proposal, lastDecisionSignatures: signatures };
    bench.from(2, newView(...[2, 3, 4].map((id) => bench.viewData(id, ahead))));
    expect(only(bench.steps("syncRequested"))).toEqual({ reason: "NewView with decisions far ahead" });
    expect(bench.steps("viewInstalled")).toEqual([]);
  });

  it("a replay restarts the view and its decisions counter in the library, and is refused when improved", () => {
    for (const fidelity of ["library", "improved"] as const) {
      const bench = follower({ protocol: { fidelity } });
      const message = good(bench);
      bench.from(2, message);
      const at = { view: 1, sequence: 2 };
      const proposal = bench.proposal({ ...at, decisions: 0 }, "a");
      bench.from(2, bench.prePrepare(proposal, at));
      for (const id of [2, 4]) bench.from(id, bench.prepare(proposal, at));
      for (const id of [2, 4]) bench.from(id, bench.commit(id, proposal, at));
      expect(bench.ledger.height).toBe(2);
      bench.clear();
      bench.from(2, message);
      expect(bench.steps("viewStarting")).toHaveLength(fidelity === "library" ? 1 : 0);
    }
  });

  it("before the own quorum of votes it is lost in the library, and kept when improved", () => {
    for (const fidelity of ["library", "improved"] as const) {
      const bench = new Bench({ height: 1, self: 3, protocol: { fidelity } }).start();
      bench.from(2, good(bench));
      for (const id of [2, 4]) bench.from(id, vote(1));
      expect(bench.steps("viewInstalled")).toHaveLength(fidelity === "library" ? 0 : 1);
    }
  });
});

// Two milliseconds were enough for it in docs/interop.md: 40 s without a block in place of 22.
describe("ViewData at who does not know yet that it will lead", () => {
  it.each(["library", "improved"] as const)("%s", (fidelity) => {
    const bench = new Bench({ height: 1, self: 2, protocol: { fidelity } }).start();
    bench.from(3, bench.viewData(3, next));
    for (const id of [3, 4]) bench.from(id, vote(1));
    bench.from(4, bench.viewData(4, next));
    expect(bench.steps("viewDataRefused")).toHaveLength(fidelity === "library" ? 1 : 0);
    expect(bench.steps("viewDataQuorum")).toHaveLength(fidelity === "library" ? 0 : 1);
  });
});

describe("while it waits for signatures", () => {
  it("further messages queue up to the buffer's size, and are handled in order afterwards", () => {
    const bench = leaderToBe({ protocol: { incomingMessageBufferSize: 2 } });
    const third = bench.viewData(3, next);
    bench.holdVerification = true;
    expect(bench.from(4, bench.viewData(4, next))).toBe("examined");
    expect(bench.from(3, third)).toBe("queued");
    expect(bench.from(1, vote(1))).toBe("queued");
    expect(bench.from(1, vote(1))).toBe("dropped: view changer's queue is full");
    bench.holdVerification = false;
    bench.release();
    expect(bench.steps("viewInstalled")).toEqual([{ view: 1, sequence: 2 }]);
  });
});

describe("in-flight proposals", () => {
  const at = { sequence: 2 };
  const prepared = (options: BenchOptions = {}) => {
    const bench = new Bench({ height: 1, self: 3, ...options }).start();
    const proposal = bench.proposal(at, "in flight");
    bench.from(1, bench.prePrepare(proposal, at));
    for (const id of [1, 4]) bench.from(id, bench.prepare(proposal, at));
    for (const id of [2, 4]) bench.from(id, vote(1));
    return { bench, proposal };
  };
  const inFlight = (bench: Bench) => {
    const sent = bench.sentTo().map(({ message }) => message);
    const data = sent.find((message) => message.kind === "ViewData");
    const decoded = decodeViewData(data?.raw ?? Uint8Array.of());
    return decoded.kind === "good" ? decoded.value : undefined;
  };

  it("is told in ViewData when it follows the last decision, and left out when it is that decision", () => {
    const { bench, proposal } = prepared();
    expect(inFlight(bench)).toMatchObject({ inFlightProposal: proposal, inFlightPrepared: true });
    const done = new Bench({ height: 1, self: 3 }).start();
    const decided = done.proposal(at, "in flight");
    done.from(1, done.prePrepare(decided, at));
    for (const id of [1, 4]) done.from(id, done.prepare(decided, at));
    for (const id of [1, 4]) done.from(id, done.commit(id, decided, at));
    for (const id of [2, 4]) done.from(id, vote(1));
    expect(inFlight(done)).toMatchObject({ inFlightProposal: undefined, inFlightPrepared: true });
  });

  it("is left out when the change itself brought the decision after it (TestCommitWhileHavingInFlight)", () => {
    const bench = new Bench({ height: 1, self: 2 }).start();
    bench.decide(2, "decided in the view, and in flight still");
    for (const id of [1, 3, 4]) bench.from(id, vote(1));
    bench.clear();
    const { proposal, signatures } = bench.decision(3);
    const ahead = { ...next, lastDecision: proposal, lastDecisionSignatures: signatures };
    bench.from(3, bench.viewData(3, ahead));
    expect(bench.ledger.height).toBe(3);
    bench.from(4, bench.viewData(4, next));
    expect(bench.steps("viewInstalled")).toEqual([{ view: 1, sequence: 4 }]);
    const message = only(bench.sent().filter(({ kind }) => kind === "NewView"));
    const own = message.kind === "NewView" ? decodeViewData(message.entries[0]?.raw ?? Uint8Array.of()) : undefined;
    // Sequence 2 is behind its last decision by one: told, it would be refused by everybody.
    expect(own).toMatchObject({ kind: "good", value: { lastDecision: proposal, inFlightProposal: undefined } });
  });

  it.each([
    ["library", "told"],
    ["improved", "left out"],
  ] as const)("surprise 36: against which f+1 have voted: %s, it is %s", (fidelity, how) => {
    const bench = new Bench({ height: 1, self: 3, protocol: { fidelity } }).start();
    // In an odd view those leave theirs out whose digest is the higher one (in-flight.test.ts has the turns).
    const [others, mine] = ["one", "other"]
      .map((request) => bench.proposal(at, request))
      .toSorted((left, right) => (proposalDigest(left) < proposalDigest(right) ? -1 : 1)) as [Proposal, Proposal]; // two
    bench.from(1, bench.prePrepare(mine, at));
    for (const id of [2, 4]) bench.from(id, bench.prepare(others, at));
    for (const id of [2, 4]) bench.from(id, vote(1));
    expect(inFlight(bench)?.inFlightProposal === undefined ? "left out" : "told").toBe(how);
  });

  it("surprise 36: once prepared it is told, whoever votes against it", () => {
    const bench = new Bench({ height: 1, self: 3, size: 7, protocol: { fidelity: "improved" } }).start();
    const [mine, others] = [bench.proposal(at, "prepared"), bench.proposal(at, "other")];
    bench.from(1, bench.prePrepare(mine, at));
    for (const id of [2, 4]) bench.from(id, bench.prepare(others, at));
    for (const id of [1, 5, 6, 7]) bench.from(id, bench.prepare(mine, at));
    for (const id of [1, 2, 4, 5]) bench.from(id, vote(1));
    expect(inFlight(bench)).toMatchObject({ inFlightProposal: mine, inFlightPrepared: true });
  });

  it("is committed in its own view after two ticks, then the new view begins", () => {
    const { bench, proposal } = prepared();
    const data = { ...next, inFlightProposal: proposal, inFlightPrepared: true };
    bench.clear();
    bench.from(2, newView(...[2, 3, 4].map((id) => bench.viewData(id, data))));
    bench.pass(seconds(1));
    expect(bench.sent().filter(({ kind }) => kind === "Commit")).toEqual([]);
    bench.pass(seconds(1));
    expect(bench.sent().filter(({ kind }) => kind === "Commit")).toMatchObject([{ view: 0, sequence: 2 }]);
    for (const id of [2, 4]) bench.from(id, bench.commit(id, proposal, at));
    expect(bench.ledger.height).toBe(2);
    expect(bench.steps("viewInstalled")).toEqual([{ view: 1, sequence: 3 }]);
  });

  it("Commits that come during the two ticks count", () => {
    const { bench, proposal } = prepared();
    const data = { ...next, inFlightProposal: proposal, inFlightPrepared: true };
    bench.from(2, newView(...[2, 3, 4].map((id) => bench.viewData(id, data))));
    for (const id of [2, 4]) bench.from(id, bench.commit(id, proposal, at));
    expect(bench.ledger.height).toBe(1);
    bench.pass(seconds(2));
    expect(bench.ledger.height).toBe(2);
  });

  it("fails at the view-change timeout, and the view is not installed", () => {
    const { bench, proposal } = prepared();
    const data = { ...next, inFlightProposal: proposal, inFlightPrepared: true };
    bench.from(2, newView(...[2, 3, 4].map((id) => bench.viewData(id, data))));
    bench.pass(seconds(21));
    expect(bench.steps("inFlightFailed")).toMatchObject([{ reason: "view change timeout" }]);
    expect(bench.steps("viewInstalled")).toEqual([]);
    expect(bench.replica.status().nextView).toBe(2);
  });

  /** Committed in flight by replica 4, which had not even seen it, and not decided; then the next data phase begins. */
  const committedUnprepared = (fidelity: "library" | "improved") => {
    const bench = new Bench({ height: 1, self: 4, protocol: { fidelity } }).start();
    const proposal = bench.proposal(at, "in flight");
    for (const id of [2, 3]) bench.from(id, vote(1));
    const data = { ...next, inFlightProposal: proposal, inFlightPrepared: true };
    bench.from(2, newView(bench.viewData(2, data), bench.viewData(3, data), bench.viewData(4, next)));
    bench.clear();
    if (fidelity === "improved") for (const assist of [false, true]) inNewView(bench, proposal, { assist });
    bench.pass(seconds(2));
    return { bench, proposal };
  };
  /** 2 and 3 stand up for a proposal in view 1, or know that a quorum does (surprise 42). */
  const inNewView = (bench: Bench, proposal: Proposal, { assist }: { readonly assist: boolean }): void => {
    const place = { ...numbers({ view: 1, ...at }), digest: proposalDigest(proposal) };
    for (const id of [2, 3]) bench.from(id, { kind: "Prepare", ...place, assist });
  };

  it.each([
    ["library", "forgotten"],
    ["improved", "told as prepared"],
  ] as const)(
    "surprise 40: what it commits in a view change without having prepared it: %s, it is %s",
    (fidelity, how) => {
      const { bench, proposal } = committedUnprepared(fidelity);
      expect(bench.sent().filter(({ kind }) => kind === "Commit")).toHaveLength(1);
      bench.pass(seconds(20));
      bench.clear();
      for (const id of [1, 2]) bench.from(id, vote(2));
      const told = inFlight(bench);
      expect(told?.inFlightPrepared === true ? "told as prepared" : "forgotten").toBe(how);
      expect(told?.inFlightProposal).toEqual(how === "forgotten" ? undefined : proposal);
    },
  );

  it("surprise 40: improved writes it down before its Commit leaves, and a restart goes on in the view change", () => {
    const { bench, proposal } = committedUnprepared("improved");
    const kindsOf = bench.effects.map(({ kind }) => kind).filter((kind) => kind === "persist" || kind === "send");
    const toAll = ["send", "send", "send"];
    // Of the Prepare in the new view the record came before; the signed Commit needs none beside that of the other.
    expect(kindsOf).toEqual(["persist", ...toAll, ...toAll]);
    const walEntries = [...bench.persisted];
    expect(records(bench).map(({ kind }) => kind)).toEqual(["viewChange", "proposed", "commit"]);
    // A crash may come between the two.
    for (const count of [walEntries.length, walEntries.length - 1]) {
      const entries = walEntries.slice(0, count);
      const restarted = new Bench({
        height: 1,
        self: 4,
        walEntries: entries,
        protocol: { fidelity: "improved" },
      }).start();
      expect(restarted.replica.status()).toMatchObject({ nextView: 1, realView: 0, active: false });
      const prepared = count === walEntries.length;
      expect(inFlight(restarted)).toMatchObject({ ...next, inFlightProposal: proposal, inFlightPrepared: prepared });
    }
  });

  it("surprise 42: improved signs when a quorum has said that a quorum of the new view stands up for it", () => {
    const bench = new Bench({ height: 1, self: 4, protocol: { fidelity: "improved" } }).start();
    const proposal = bench.proposal(at, "in flight");
    const data = { ...next, inFlightProposal: proposal, inFlightPrepared: true };
    const said = () =>
      bench
        .sent()
        .filter((each) => each.kind === "Prepare" || each.kind === "Commit")
        .map(({ kind, view: number, assist }) => `${assist ? "assisting " : ""}${kind} of ${number}`);
    for (const id of [2, 3]) bench.from(id, vote(1));
    bench.from(2, newView(bench.viewData(2, data), bench.viewData(3, data), bench.viewData(4, next)));
    bench.pass(seconds(3));
    expect(said()).toEqual(["Prepare of 1"]);
    bench.clear();
    inNewView(bench, proposal, { assist: false });
    bench.pass(seconds(1));
    expect(said()).toEqual(["assisting Prepare of 1"]);
    bench.clear();
    inNewView(bench, proposal, { assist: true });
    expect(said()).toEqual(["Commit of 0"]);
  });

  describe("surprise 42: who stands up for it in a view stands up for nothing else there", () => {
    const bound = (walEntries: readonly Uint8Array[] = []): Bench =>
      new Bench({ height: 1, self: 4, walEntries, protocol: { fidelity: "improved" } }).start();
    const standingUp = (): Bench => {
      const bench = bound();
      const data = { ...next, inFlightProposal: bench.proposal(at, "in flight"), inFlightPrepared: true };
      for (const id of [2, 3]) bench.from(id, vote(1));
      bench.from(2, newView(bench.viewData(2, data), bench.viewData(3, data), bench.viewData(4, next)));
      return bench;
    };
    /** Others commit ahead: the commit in flight has failed, and a sync asks where they are. */
    const fail = (bench: Bench): void => {
      const ahead = { view: 1, sequence: 3 };
      for (const id of [1, 3]) bench.from(id, bench.commit(id, bench.proposal(ahead, "ahead"), ahead));
      expect(bench.steps("inFlightFailed")).toMatchObject([{ reason: "lagging" }]);
    };
    const another = (bench: Bench) => {
      bench.clear();
      bench.from(2, newView(...[1, 2, 3].map((id) => bench.viewData(id, next))));
      return bench.steps("newViewRefused");
    };
    const refusal = [{ reason: "another NewView has the proposal in flight committed" }];

    it("not by another NewView", () => {
      const bench = standingUp();
      fail(bench);
      bench.pass(seconds(2));
      expect(another(bench)).toMatchObject(refusal);
    });

    it("not by another NewView after a restart", () => {
      expect(another(bound([...standingUp().persisted]))).toMatchObject(refusal);
    });

    it("not for a proposal of that view, which it has learnt of from others", () => {
      const bench = standingUp();
      fail(bench);
      for (const id of [1, 3]) bench.from(id, { kind: "StateTransferResponse", ...numbers({ view: 1, sequence: 2 }) });
      expect(bench.replica.status()).toMatchObject({ realView: 1, active: true });
      bench.clear();
      const other = { view: 1, sequence: 2 };
      bench.from(2, bench.prePrepare(bench.proposal(other, "other"), other));
      expect(kinds(bench.sent())).not.toContain("Prepare");
    });
  });

  it.each(["library", "improved"] as const)("surprise 43: what an installed view found void: %s", (fidelity) => {
    const bench = new Bench({ height: 1, self: 4, protocol: { fidelity } }).start();
    const proposal = bench.proposal(at, "prepared by nobody else");
    bench.from(1, bench.prePrepare(proposal, at));
    for (const id of [1, 2]) bench.from(id, bench.prepare(proposal, at));
    for (const id of [2, 3]) bench.from(id, vote(1));
    bench.from(2, newView(...[1, 2, 3].map((id) => bench.viewData(id, next))));
    expect(bench.replica.status()).toMatchObject({ realView: 1, active: true });
    const told =
      fidelity === "library"
        ? { inFlightProposal: proposal, inFlightPrepared: true }
        : { inFlightProposal: undefined, inFlightPrepared: false };
    const walEntries = [...bench.persisted];
    bench.clear();
    for (const id of [1, 2]) bench.from(id, vote(2));
    expect(inFlight(bench)).toMatchObject(told);
    // After a restart the library knows of nothing before the record of the view (surprise 3).
    const restarted = new Bench({ height: 1, self: 4, walEntries, protocol: { fidelity } }).start();
    for (const id of [1, 2]) restarted.from(id, vote(2));
    expect(inFlight(restarted)).toMatchObject({ inFlightProposal: undefined, inFlightPrepared: false });
  });

  it.each([
    ["library", "stays"],
    ["improved", "goes on"],
  ] as const)("surprise 41: in flight from the moment of a timeout on: %s, it %s", (fidelity, how) => {
    const bench = leaderToBe({ protocol: { fidelity } });
    const data = { ...next, inFlightProposal: bench.proposal(at, "in flight"), inFlightPrepared: true };
    bench.holdVerification = true;
    bench.from(3, bench.viewData(3, data));
    expect(bench.from(4, bench.viewData(4, data))).toBe("queued");
    bench.pass(seconds(20));
    bench.holdVerification = false;
    bench.release();
    expect(bench.steps("viewChangeTimeout")).toHaveLength(1);
    expect(bench.steps("inFlightWaiting")).toHaveLength(1);
    bench.pass(seconds(300));
    expect(bench.steps("inFlightFailed").length > 0 ? "goes on" : "stays").toBe(how);
    expect(bench.steps("inFlightUnwatched").length > 0).toBe(how === "stays");
  });

  it("a disagreement leaves the view where it is", () => {
    const { bench, proposal } = prepared();
    const other = bench.proposal(at, "another");
    const data = (inFlightProposal: typeof proposal) => ({ ...next, inFlightProposal, inFlightPrepared: true });
    bench.from(
      2,
      newView(bench.viewData(2, data(other)), bench.viewData(3, data(proposal)), bench.viewData(4, data(other))),
    );
    expect(only(bench.steps("newViewRefused"))).toMatchObject({ reason: "in-flight proposals disagree" });
  });
});

describe("restart", () => {
  it("after a view_change record it votes and sends ViewData at once", () => {
    const bench = follower();
    const restarted = new Bench({ height: 1, self: 3, walEntries: [...bench.persisted] }).start();
    expect(kinds(restarted.sent())).toEqual(["ViewChange", "ViewData"]);
    expect(restarted.steps("restored")).toEqual([]);
    expect(restarted.replica.status()).toMatchObject({ nextView: 1, realView: 0 });
  });

  it("after a new_view record it starts in that view", () => {
    const bench = follower();
    bench.from(2, newView(...[2, 3, 4].map((id) => bench.viewData(id, next))));
    const restarted = new Bench({ height: 1, self: 3, walEntries: [...bench.persisted] }).start();
    expect(restarted.replica.status()).toMatchObject({ view: 1, leader: 2, realView: 1, active: true });
  });
});

it("metadata of a new_view record is that of section 1.5", () => {
  const metadata = {
    ...numbers({ view: 1, sequence: 4 }),
    decisions: 0,
    blacklist: [],
    previousSignatureDigest: new Uint8Array(0),
  };
  expect(encodeViewMetadata(metadata)).toEqual(Uint8Array.of(8, 1, 16, 4));
});
