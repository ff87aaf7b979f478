// Heartbeats, state transfer and hostile senders at one replica (sections 7, 9, 11; tests of 14.4 and 14.6).
import { describe, expect, it } from "vitest";
import {
  after,
  instant,
  milliseconds,
  nodeId,
  randomFrom,
  seconds,
  sequence,
  view,
  type Instant,
} from "../../src/base/index.js";
import { Cluster, stepsOf } from "../../src/sim/index.js";
import { encodeMessage, type Message } from "../../src/smartbft/index.js";
import { Bench, numbers, only } from "./smartbft-bench.js";

const beat = (viewNumber: number, sequenceNumber: number): Message => ({
  kind: "HeartBeat",
  ...numbers({ view: viewNumber, sequence: sequenceNumber }),
});
const response = (viewNumber: number): Message => ({ kind: "HeartBeatResponse", view: view(viewNumber) });
const beats = (bench: Bench): number => bench.steps("heartbeatSent").length;

describe("as leader", () => {
  it("sends a heartbeat every Timeout / Count", () => {
    const bench = new Bench({ self: 1 }).start();
    bench.pass(milliseconds(5_999));
    expect(beats(bench)).toBe(0);
    bench.pass(seconds(60));
    expect(beats(bench)).toBe(10);
    expect(bench.sent().filter(({ kind }) => kind === "HeartBeat")).toHaveLength(10);
  });

  it("sends none while it sends anything else", () => {
    const bench = new Bench({ self: 1 }).start();
    for (let round = 1; round <= 8; round++) {
      bench.submit(`r${round}`);
      bench.pass(milliseconds(50));
      const at = { sequence: round };
      const proposal = bench.proposal(at, `r${round}`);
      for (const id of [2, 3]) bench.from(id, bench.prepare(proposal, at));
      for (const id of [2, 3]) bench.from(id, bench.commit(id, proposal, at));
      bench.pass(seconds(5));
    }
    expect(bench.ledger.height).toBe(8);
    expect(beats(bench)).toBe(0);
  });

  it("sends none while its view is not active", () => {
    const bench = new Bench({ self: 1 }).start();
    bench.input({ kind: "complain", view: view(0), stopView: true });
    bench.pass(seconds(19));
    expect(beats(bench)).toBe(0);
  });

  it("of seven, three that report higher views, whichever, make it sync once", () => {
    const bench = new Bench({ self: 1, size: 7, height: 1, view: 7 }).start();
    expect(bench.from(2, response(7))).toBe("dropped: view 7, own 7");
    for (const [id, viewNumber] of [
      [3, 8],
      [4, 9],
      [4, 9],
    ] as const) {
      bench.from(id, response(viewNumber));
    }
    expect(bench.steps("syncRequested")).toEqual([]);
    bench.from(5, response(8));
    expect(bench.steps("syncRequested")).toEqual([{ reason: "deposed, by heartbeat responses" }]);
    expect(bench.from(6, response(8))).toBe("dropped: sync requested already");
  });
});

describe("roles that change", () => {
  it("the one that leads sends, the others time out once when it is gone (TestHeartbeatMonitorLeaderAndFollower)", () => {
    const cluster = new Cluster({ size: 4, seed: "roles" });
    cluster.start();
    const since = (): Instant => cluster.now;
    const senders = (from: Instant): readonly number[] => [
      ...new Set(stepsOf(cluster, "heartbeatSent", { since: from }).map(({ node }) => node)),
    ];
    cluster.run(seconds(30));
    expect(senders(instant(0))).toEqual([1]);
    for (const id of cluster.nodes) cluster.complain(id);
    cluster.run(seconds(2));
    const swapped = since();
    cluster.run(seconds(70));
    expect(senders(swapped)).toEqual([2]);
    expect(stepsOf(cluster, "heartbeatTimeout")).toEqual([]);
    const closed = since();
    cluster.crash(nodeId(2));
    cluster.run(seconds(64));
    const timedOut = stepsOf(cluster, "heartbeatTimeout", { since: closed }).map(({ node }) => node);
    // Each once, and not the third: by then it has joined, for two votes of others make a quorum less one.
    expect(timedOut.length).toBeGreaterThanOrEqual(2);
    expect(new Set(timedOut).size).toBe(timedOut.length);
    cluster.run(seconds(30));
    expect(senders(after(closed, seconds(64)))).toEqual([3]);
  });
});

describe("as follower", () => {
  const timeouts = (bench: Bench): number => bench.steps("heartbeatTimeout").length;
  const everySecond = (bench: Bench, count: number, what: () => Message, from = 1): void => {
    for (let index = 0; index < count; index++) {
      bench.pass(seconds(1));
      bench.from(from, what());
    }
  };

  it("complains once after the timeout, at a tick", () => {
    const bench = new Bench({ tickPhase: milliseconds(300) }).start();
    bench.pass(milliseconds(60_299));
    expect(timeouts(bench)).toBe(0);
    bench.pass(milliseconds(1));
    expect(timeouts(bench)).toBe(1);
    expect(only(bench.steps("complaint"))).toEqual({ reason: "heartbeat", view: 0, leader: 1, stopView: true });
    bench.pass(seconds(19));
    expect(timeouts(bench)).toBe(1);
  });

  it.each<[string, number, () => Message, number]>([
    ["heartbeats of the leader", 1, () => beat(0, 1), 0],
    ["heartbeats of the leader, one ahead", 1, () => beat(0, 2), 0],
    ["its votes", 1, () => new Bench().prepare(new Bench().proposal({ sequence: 1 }), { sequence: 1 }), 0],
    ["heartbeats of another", 3, () => beat(0, 1), 1],
    ["heartbeats of the leader from an older view", 1, () => beat(0, 1), 0],
    ["heartbeats far ahead", 1, () => beat(0, 9), 1],
    ["view-change votes of the leader", 1, () => ({ kind: "ViewChange", nextView: view(9), reason: "" }), 1],
  ])("%s from node %d: timeouts", (_name, from, what, expected) => {
    const bench = new Bench().start();
    // Up to the timeout and no longer: afterwards a sync may have assigned the role anew.
    everySecond(bench, 62, what, from);
    const silenced = bench.steps("syncRequested").some(({ reason }) => reason === "heartbeat far ahead");
    expect(silenced ? expected : timeouts(bench)).toBe(expected);
  });

  it("answers an older view, and syncs on a higher one", () => {
    const bench = new Bench({ height: 1, view: 4, self: 2 }).start();
    expect(bench.from(3, beat(3, 1))).toBe("answered: view 3, own 4");
    expect(bench.sentTo()).toMatchObject([{ to: 3, message: { kind: "HeartBeatResponse", view: 4 } }]);
    expect(bench.from(1, beat(5, 1))).toBe("behind: view 5, own 4");
    expect(bench.steps("syncRequested")).toEqual([{ reason: "heartbeat of a higher view" }]);
  });

  it("an old leader's votes are answered like its heartbeats", () => {
    const bench = new Bench({ height: 1, view: 4, self: 2 }).start();
    const proposal = bench.proposal({ sequence: 2 }, "a");
    bench.from(1, bench.prepare(proposal, { view: 0, sequence: 2 }));
    expect(bench.sentTo().map(({ message }) => message.kind)).toContain("HeartBeatResponse");
  });

  it("one behind a quiet leader for ten ticks syncs exactly once", () => {
    const bench = new Bench({ height: 1 }).start();
    bench.from(1, beat(0, 3));
    bench.pass(seconds(9));
    expect(bench.steps("syncRequested")).toEqual([]);
    bench.pass(seconds(1));
    expect(bench.steps("syncRequested")).toHaveLength(1);
  });

  it("a message of the leader clears being behind", () => {
    const bench = new Bench({ height: 1 }).start();
    bench.from(1, beat(0, 3));
    bench.pass(seconds(5));
    bench.from(1, bench.prepare(bench.proposal({ sequence: 2 }), { sequence: 2 }));
    bench.pass(seconds(15));
    expect(bench.steps("syncRequested")).toEqual([]);
  });
});

describe("state transfer", () => {
  const state = (viewNumber: number, sequenceNumber: number): Message => ({
    kind: "StateTransferResponse",
    ...numbers({ view: viewNumber, sequence: sequenceNumber }),
  });
  const syncing = (): Bench => {
    const bench = new Bench({ height: 1 }).start();
    bench.from(1, beat(1, 1));
    bench.clear();
    return bench;
  };

  it("is answered with the running view and the published sequence", () => {
    const bench = new Bench({ height: 1 }).start();
    const ask = (): Message | undefined => {
      bench.clear();
      bench.from(3, { kind: "StateTransferRequest" });
      return bench.sentTo()[0]?.message;
    };
    expect(ask()).toEqual(state(0, 2));
    const at = { sequence: 2 };
    const proposal = bench.proposal(at, "a");
    bench.from(1, bench.prePrepare(proposal, at));
    for (const id of [1, 3]) bench.from(id, bench.prepare(proposal, at));
    for (const id of [1, 3]) bench.from(id, bench.commit(id, proposal, at));
    // Section 7.3: after a decision it is that decision's number, though the next one is being worked on.
    expect(ask()).toEqual(state(0, 2));
  });

  it("F+1 equal answers end it: the view is recorded and learnt", () => {
    const bench = syncing();
    expect(bench.from(3, state(1, 2))).toBe("stored");
    expect(bench.from(3, state(1, 2))).toBe("dropped: answered already");
    expect(bench.steps("stateCollected")).toEqual([]);
    bench.from(4, state(1, 2));
    expect(bench.steps("stateCollected")).toEqual([{ view: 1, sequence: 2 }]);
    expect(bench.replica.status()).toMatchObject({ view: 1, leader: 2, nextView: 1, realView: 1 });
    expect(bench.persisted).toHaveLength(1);
    expect(bench.from(1, state(1, 2))).toBe("dropped: not collecting");
  });

  it("different answers end nothing; the timeout does, with nothing", () => {
    const bench = syncing();
    for (const [id, sequenceNumber] of [
      [1, 2],
      [3, 3],
      [4, 4],
    ] as const) {
      bench.from(id, state(1, sequenceNumber));
    }
    bench.pass(milliseconds(999));
    expect(bench.steps("stateTimeout")).toEqual([]);
    bench.pass(milliseconds(1));
    expect(bench.steps("stateTimeout")).toHaveLength(1);
    expect(bench.replica.status()).toMatchObject({ view: 0, active: true });
  });

  it("a decision waits while a sync runs, and is not delivered twice when the sync brought it", () => {
    const bench = new Bench().start();
    const at = { sequence: 1 };
    const proposal = bench.proposal(at, "a");
    const decision = {
      proposal,
      signatures: bench.nodes.map((id) => ({ signer: id, value: new Uint8Array(1), message: new Uint8Array(0) })),
    };
    bench.from(1, bench.prePrepare(proposal, at));
    for (const id of [1, 3]) bench.from(id, bench.prepare(proposal, at));
    bench.beyond = [decision];
    bench.from(1, beat(0, 9));
    expect(bench.steps("syncStarted")).toHaveLength(1);
    for (const id of [1, 3]) bench.from(id, bench.commit(id, proposal, at));
    expect(bench.steps("deciding")).toHaveLength(1);
    bench.pass(seconds(2));
    expect(bench.effects.filter(({ kind }) => kind === "deliver")).toEqual([]);
    expect(bench.ledger.height).toBe(1);
    expect(bench.replica.status()).toMatchObject({ sequence: 1, active: true });
  });
});

describe("senders", () => {
  it.each([
    [9, "rejected: sender is not a member"],
    [0, "rejected: sender is not a member"],
    [2, "rejected: sender is this replica"],
  ])("a message from %d is refused", (from, decision) => {
    expect(new Bench().start().from(from, beat(0, 1))).toBe(decision);
  });

  it("every message yields one received trace, random bytes too, and none makes it throw", () => {
    const random = randomFrom("hostile senders");
    const bench = new Bench({ height: 2, self: 2, protocol: { incomingMessageBufferSize: 5 } }).start();
    const proposal = bench.proposal({ sequence: 3 }, "a");
    const number = (): number => random.integer(0, 4);
    const somewhere = () => ({ view: random.integer(0, 2), sequence: random.integer(0, 6) });
    const makers: readonly (() => Message)[] = [
      () => bench.prePrepare(bench.proposal({ ...somewhere(), decisions: number() }, "b"), somewhere()),
      () => bench.prepare(proposal, somewhere()),
      () => bench.commit(random.integer(1, 4), proposal, somewhere()),
      () => beat(number(), random.integer(0, 9)),
      () => response(number()),
      () => ({ kind: "ViewChange", nextView: view(number()), reason: "" }),
      () => bench.viewData(random.integer(1, 4), { nextView: view(number()) }),
      () => ({ kind: "NewView", entries: [2, 3, 4].map((id) => bench.viewData(id, { nextView: view(number()) })) }),
      () => ({ kind: "StateTransferRequest" }),
      () => ({ kind: "StateTransferResponse", ...numbers(somewhere()) }),
    ];
    for (let round = 0; round < 3_000; round++) {
      const bytes = encodeMessage((makers[round % makers.length] ?? (() => beat(0, 0)))());
      if (random.fraction() < 0.3) bytes[random.integer(0, bytes.length - 1)] = random.integer(0, 255);
      bench.clear();
      bench.input({ kind: "message", from: nodeId(random.integer(1, 4)), bytes });
      const received = bench.effects.filter((effect) => effect.kind === "trace" && effect.trace.kind === "received");
      expect(received).toHaveLength(1);
      if (round % 10 === 0) bench.pass(milliseconds(random.integer(0, 3_000)));
    }
    expect(bench.replica.status().sequence).toBe(sequence(2));
  });
});
