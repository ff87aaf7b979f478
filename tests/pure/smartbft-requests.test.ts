// Requests at one replica: pool, timers, batches, forwarding (sections 3.2, 3.3, 5.2; tests of 14.4 and 14.6).
import { describe, expect, it } from "vitest";
import { milliseconds, nodeId, seconds, utf8, view, type Duration } from "../../src/base/index.js";
import { tinyRequest } from "../../src/sim/index.js";
import type { SubmitOutcome } from "../../src/smartbft/index.js";
import { Bench, only } from "./smartbft-bench.js";

const outcomes = (bench: Bench): readonly string[] =>
  bench.effects.flatMap((effect) => (effect.kind === "submitted" ? [nameOf(effect.outcome)] : []));
const nameOf = (outcome: SubmitOutcome): string => (outcome.kind === "accepted" ? outcome.kind : outcome.reason);
const batches = (bench: Bench): readonly number[] => bench.steps("batch").map(({ count }) => Number(count));
const leader = (protocol = {}): Bench => new Bench({ self: 1, protocol }).start();
const decide = (bench: Bench, name: string): void => {
  const at = { sequence: bench.ledger.height + 1 };
  const proposal = bench.proposal(at, name);
  bench.from(1, bench.prePrepare(proposal, at));
  for (const id of [1, 3]) bench.from(id, bench.prepare(proposal, at));
  for (const id of [1, 3]) bench.from(id, bench.commit(id, proposal, at));
};

describe("admission", () => {
  it("refuses what is malformed, too large, present or processed", () => {
    const bench = new Bench({ protocol: { requestMaxBytes: 20 } }).start();
    bench.submit("a", "a");
    bench.input({ kind: "submit", token: 0, request: utf8("no request") });
    bench.submit("x".repeat(30));
    decide(bench, "a");
    bench.submit("a");
    expect(outcomes(bench)).toEqual([
      "accepted",
      "request already exists",
      "malformed request",
      "request too large",
      "request already processed",
    ]);
  });

  it("refuses what was delivered before it came", () => {
    const bench = new Bench().start();
    decide(bench, "early");
    bench.submit("early");
    expect(outcomes(bench)).toEqual(["request already processed"]);
  });

  it("forgets all but the newest thousand removed identities, every five seconds", () => {
    const bench = new Bench({ protocol: { requestPoolSize: 5000, requestBatchMaxBytes: 1_000_000 } }).start();
    const names = Array.from({ length: 1500 }, (_, index) => `r${index}`);
    const at = { sequence: 1 };
    const proposal = bench.proposal(at, ...names);
    bench.from(1, bench.prePrepare(proposal, at));
    for (const id of [1, 3]) bench.from(id, bench.prepare(proposal, at));
    for (const id of [1, 3]) bench.from(id, bench.commit(id, proposal, at));
    bench.submit("r0", "r499", "r500");
    bench.pass(seconds(5));
    bench.submit("r0", "r499", "r500");
    const processed = "request already processed";
    expect(outcomes(bench)).toEqual([processed, processed, processed, "accepted", "accepted", processed]);
  });

  it("before the start nobody leads", () => {
    const bench = new Bench();
    bench.submit("a");
    expect(outcomes(bench)).toEqual(["no leader"]);
  });

  it("waits for a place, and is refused when none comes in time", () => {
    const bench = new Bench({ protocol: { requestPoolSize: 2 } }).start();
    bench.submit("a", "b", "c", "d");
    expect(outcomes(bench)).toEqual(["accepted", "accepted"]);
    bench.pass(seconds(4));
    decide(bench, "a");
    expect(outcomes(bench)).toEqual(["accepted", "accepted", "accepted"]);
    bench.pass(seconds(1));
    expect(outcomes(bench).at(-1)).toBe("pool full");
    expect(bench.replica.status().poolCount).toBe(2);
  });

  it("no more submissions wait than the pool has places", () => {
    const bench = new Bench({ protocol: { requestPoolSize: 2 } }).start();
    bench.submit("a", "b", "c", "d", "e");
    expect(outcomes(bench)).toEqual(["accepted", "accepted", "pool full"]);
  });
});

describe("the chain of timers", () => {
  it("at a follower: forward once, then complain and stop all timers", () => {
    const bench = new Bench().start();
    bench.submit("a");
    bench.pass(milliseconds(1_999));
    expect(bench.effects.filter(({ kind }) => kind === "forward")).toEqual([]);
    bench.pass(milliseconds(1));
    expect(bench.effects.filter(({ kind }) => kind === "forward")).toEqual([
      { kind: "forward", to: 1, request: tinyRequest("client", "a") },
    ]);
    bench.pass(milliseconds(19_999));
    expect(bench.steps("complaint")).toEqual([]);
    bench.pass(milliseconds(1));
    expect(only(bench.steps("complaint"))).toEqual({ reason: "request", view: 0, leader: 1, stopView: true });
    bench.pass(seconds(600));
    expect(bench.steps("complaint").filter(({ reason }) => reason === "request")).toHaveLength(1);
    expect(bench.steps("autoRemoved")).toEqual([]);
  });

  it("hundred requests that expire at once are one complaint", () => {
    const bench = new Bench().start();
    bench.submit(...Array.from({ length: 100 }, (_, index) => `r${index}`));
    bench.pass(seconds(22));
    expect(bench.steps("forwardTimeout")).toHaveLength(100);
    expect(bench.steps("complainTimeout")).toHaveLength(1);
  });

  it("at the leader: nothing, then silence, then the request is dropped and remembered", () => {
    const bench = leader();
    bench.submit("a");
    bench.pass(milliseconds(50));
    bench.submit("b");
    bench.pass(seconds(2));
    expect(bench.effects.filter(({ kind }) => kind === "forward")).toEqual([]);
    bench.pass(seconds(20));
    expect(bench.steps("heartbeatsStopped")).toHaveLength(1);
    expect(bench.steps("complaint")).toEqual([]);
    bench.pass(seconds(180));
    expect(bench.steps("autoRemoved")).toMatchObject([{ requestId: "a" }, { requestId: "b" }]);
    bench.clear();
    bench.submit("a");
    expect(outcomes(bench)).toEqual(["request already processed"]);
  });

  it("a delivered request has no timer any more", () => {
    const bench = new Bench().start();
    bench.submit("a");
    decide(bench, "a");
    bench.pass(seconds(30));
    expect(bench.steps("forwardTimeout")).toEqual([]);
  });
});

describe("forwarded requests", () => {
  const forward = (bench: Bench, request: Uint8Array): void =>
    bench.input({ kind: "forwarded", from: nodeId(3), request });

  it("the leader takes a good one and refuses a bad one, a follower refuses both", () => {
    const bench = leader();
    forward(bench, tinyRequest("client", "a"));
    forward(bench, utf8("nonsense"));
    expect(bench.replica.status().poolCount).toBe(1);
    expect(bench.steps("refused")).toEqual([{ reason: "malformed request", from: 3 }]);
    const follower = new Bench().start();
    forward(follower, tinyRequest("client", "a"));
    expect(follower.replica.status().poolCount).toBe(0);
    expect(follower.steps("refused")).toEqual([{ reason: "forwarded, but not the leader", from: 3 }]);
  });
});

describe("batches of the leader", () => {
  const passUntilBatch = (bench: Bench, limit: Duration): number => {
    const begin = bench.now;
    while (bench.steps("batch").length === 0 && bench.now < begin + limit) bench.pass(milliseconds(1));
    return (bench.now - begin) / 1_000;
  };

  it("a full one by count goes at once", () => {
    const bench = leader({ requestBatchMaxCount: 3 });
    bench.submit("a", "b");
    expect(batches(bench)).toEqual([]);
    bench.submit("c");
    expect(batches(bench)).toEqual([3]);
  });

  it("a full one by bytes goes at once, without the request that would exceed it", () => {
    const bench = leader({ requestBatchMaxBytes: 20, requestBatchMaxCount: 20, requestMaxBytes: 20 });
    bench.submit("a", "b", "c");
    expect(batches(bench)).toEqual([2]);
  });

  it("what is there goes at the end of the interval, on the grid that began with the leader's asking", () => {
    const bench = leader();
    bench.pass(milliseconds(1_030));
    bench.submit("a");
    expect(passUntilBatch(bench, seconds(1))).toBe(20);
    expect(batches(bench)).toEqual([1]);
  });

  it("an idle leader has no timer but its tick", () => {
    const bench = leader();
    bench.pass(milliseconds(10));
    expect(bench.replica.deadline()).toBe(bench.now + 990_000);
  });

  it("after a sync that changes nothing the leader never proposes again; improved, it does", () => {
    for (const [fidelity, proposals] of [
      ["library", 0],
      ["improved", 1],
    ] as const) {
      const bench = new Bench({ self: 1, protocol: { fidelity } }).start();
      bench.from(2, { kind: "HeartBeatResponse", view: view(1) });
      bench.from(3, { kind: "HeartBeatResponse", view: view(1) });
      expect(bench.steps("syncStarted")).toHaveLength(1);
      bench.pass(seconds(2));
      bench.submit("a");
      bench.pass(seconds(5));
      expect(bench.steps("proposing")).toHaveLength(proposals);
    }
  });
});
