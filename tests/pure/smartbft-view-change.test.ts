// View changes at one replica: votes, timers and restarts of section 14.5 of the reference and the tables of section 8.
// What the data phase carries is in smartbft-view-data.test.ts and smartbft-in-flight.test.ts.
import { describe, expect, it } from "vitest";
import { milliseconds, seconds, sequence, view } from "../../src/base/index.js";
import { encodeViewMetadata } from "../../src/smartbft/index.js";
import { Bench, type BenchOptions, numbers } from "./smartbft-bench.js";
import { follower, kinds, newView, next, records, vote } from "./smartbft-view-change-bench.js";

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
  const asking = (options: BenchOptions = {}): Bench => {
    const bench = new Bench(options).start();
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

  it.each([
    ["library", "the asking"],
    ["improved", "the data phase"],
  ] as const)("the timeout of a data phase counts from (item 17): %s, %s", (fidelity, from) => {
    const bench = asking({ protocol: { fidelity } });
    bench.pass(seconds(19));
    for (const id of [1, 3]) bench.from(id, vote(1));
    bench.pass(seconds(18));
    expect(bench.steps("viewChangeTimeout")).toHaveLength(from === "the asking" ? 1 : 0);
    bench.pass(seconds(2));
    expect(bench.steps("viewChangeTimeout")).toHaveLength(1);
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
