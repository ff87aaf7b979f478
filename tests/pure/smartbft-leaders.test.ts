// Who leads, and who may not: the leader formula and the blacklist as functions, and what one replica sends and refuses
// under rotation (reference sections 5.1, 5.3, 5.5, 5.7; the helpers' tests of section 14.6).
import { describe, expect, it } from "vitest";
import { emptyBytes, milliseconds, nodeId, seconds, sequence, view } from "../../src/base/index.js";
import { updatedBlacklist } from "../../src/smartbft/blacklist.js";
import { leaderOf } from "../../src/smartbft/leader.js";
import type { Message, PrePrepare, Signature } from "../../src/smartbft/index.js";
import { Bench, only, type BenchOptions } from "./smartbft-bench.js";

const members = (count: number) => Array.from({ length: count }, (_, index) => nodeId(index + 1));
const at = (viewNumber: number, decisions: number) => ({ view: view(viewNumber), decisions });

describe("leader (TestGetLeaderId)", () => {
  it.each([4, 5])("of %d nodes: views 0 to 5, tenures of 1 to 10 decisions", (n) => {
    const nodes = members(n);
    for (let viewNumber = 0; viewNumber <= 5; viewNumber++) {
      expect(leaderOf({ nodes, decisionsPerLeader: 0 }, at(viewNumber, 17), [])).toBe(nodes[viewNumber % n]);
      for (let decisionsPerLeader = 1; decisionsPerLeader <= 10; decisionsPerLeader++) {
        for (let decisions = 0; decisions <= 3 * decisionsPerLeader; decisions++) {
          const expected = nodes[(viewNumber + Math.floor(decisions / decisionsPerLeader)) % n];
          expect(leaderOf({ nodes, decisionsPerLeader }, at(viewNumber, decisions), [])).toBe(expected);
        }
      }
    }
  });

  it("skips whoever is on the blacklist, with rotation off nobody", () => {
    const [rotating, still] = [3, 0].map((decisionsPerLeader) => ({ nodes: members(7), decisionsPerLeader }));
    const list = [nodeId(2), nodeId(3)];
    expect([0, 1, 2, 3].map((viewNumber) => leaderOf(rotating ?? never(), at(viewNumber, 0), list))).toEqual([
      1, 4, 4, 4,
    ]);
    expect(leaderOf(still ?? never(), at(1, 0), list)).toBe(2);
  });

  it("in mid-tenure a shorter list changes the leader, though no tenure ends (surprise 8)", () => {
    const options = { nodes: members(4), decisionsPerLeader: 3 };
    expect(leaderOf(options, at(5, 0), [nodeId(2)])).toBe(3);
    expect([0, 1].map((decisions) => leaderOf(options, at(5, decisions), [nodeId(1)]))).toEqual([2, 2]);
  });
});

function never(): never {
  throw new Error("There is one");
}

describe("blacklist (TestBlacklist)", () => {
  interface Case {
    readonly n?: number;
    readonly dpl?: number;
    readonly previous: { view: number; sequence: number; decisions: number; list?: readonly number[] };
    readonly view: number;
    readonly leader: number;
    readonly seen?: Readonly<Record<number, readonly number[]>>;
    readonly reconfigured?: boolean;
    readonly expected: readonly number[];
  }
  const list = (wanted: Case): readonly number[] =>
    updatedBlacklist({
      options: { nodes: members(wanted.n ?? 7), decisionsPerLeader: wanted.dpl ?? 1 },
      view: view(wanted.view),
      leader: nodeId(wanted.leader),
      previous: {
        view: view(wanted.previous.view),
        sequence: sequence(wanted.previous.sequence),
        decisions: wanted.previous.decisions,
        blacklist: (wanted.previous.list ?? []).map(nodeId),
        previousSignatureDigest: emptyBytes,
      },
      seenPreparing: new Map(
        Object.entries(wanted.seen ?? {}).map(([id, seen]) => [nodeId(Number(id)), seen.map(nodeId)]),
      ),
      reconfigured: wanted.reconfigured ?? false,
    });

  const cases: readonly [string, Case][] = [
    [
      "the leader whose turn it was is added when the view changes",
      { previous: { view: 0, sequence: 4, decisions: 3 }, view: 1, leader: 2, expected: [5] },
    ],
    ["at genesis too", { previous: { view: 0, sequence: 0, decisions: 0 }, view: 1, leader: 2, expected: [1] }],
    [
      "skipped leaders of all views in between, except the one that leads now",
      { previous: { view: 0, sequence: 1, decisions: 0 }, view: 3, leader: 4, expected: [2, 3] },
    ],
    [
      "computed with one and the same counter, whoever really led (surprise 15)",
      { dpl: 3, previous: { view: 0, sequence: 3, decisions: 2 }, view: 2, leader: 3, expected: [2] },
    ],
    [
      "one node may stand there twice (surprise 15)",
      {
        n: 7,
        previous: { view: 0, sequence: 1, decisions: 0, list: [2] },
        view: 2,
        leader: 4,
        expected: [2, 3, 3],
      },
    ],
    [
      "over capacity the oldest goes",
      { n: 4, previous: { view: 0, sequence: 1, decisions: 0, list: [1] }, view: 1, leader: 3, expected: [2] },
    ],
    [
      "more than F witnesses redeem",
      {
        previous: { view: 1, sequence: 4, decisions: 0, list: [5, 6] },
        view: 1,
        leader: 2,
        seen: { 1: [5], 2: [5, 6], 3: [5, 6] },
        expected: [6],
      },
    ],
    [
      "members that left the cluster go",
      { n: 4, previous: { view: 1, sequence: 4, decisions: 0, list: [9] }, view: 1, leader: 2, expected: [] },
    ],
    [
      "after a reconfiguration it stays as it was",
      {
        previous: { view: 0, sequence: 4, decisions: 3, list: [6] },
        view: 1,
        leader: 2,
        reconfigured: true,
        expected: [6],
      },
    ],
  ];
  it.each(cases)("%s", (_name, wanted) => {
    // F of seven is two: [2, 3, 3] is cut to its newest two.
    const { expected } = wanted;
    expect(list(wanted)).toEqual((wanted.n ?? 7) === 7 ? expected.slice(-2) : expected);
  });
});

/** The bench's own verification sequence holds from its first decision on: only the second proposal binds anything. */
const rotating = (options: BenchOptions = {}): Bench =>
  new Bench({
    height: 1,
    self: 3,
    ...options,
    protocol: { leaderRotation: true, decisionsPerLeader: 3, ...options.protocol },
  }).start();
const second = { sequence: 2 };

function proposeTo(bench: Bench, signatures: readonly Signature[], blacklist: readonly number[] = []): string {
  const proposal = bench.proposal({ ...second, signatures, blacklist }, "a");
  bench.from(1, bench.prePrepare(proposal, { ...second, signatures }));
  return String(bench.steps("badProposal")[0]?.["reason"] ?? "accepted");
}

const prePrepareOf = (bench: Bench): PrePrepare => {
  const found = bench.sent().filter((message: Message) => message.kind === "PrePrepare");
  return only(found);
};

describe("previous commits (TestPrePrepareAndPrevCommits)", () => {
  it("a leader sends them under rotation, in the order it holds them, and none without", () => {
    const bound = rotating({ self: 1 });
    bound.submit("a");
    bound.pass(milliseconds(50));
    expect(prePrepareOf(bound).previousSignatures).toEqual(bound.ledger.last?.signatures);
    const still = new Bench({ height: 1, self: 1 }).start();
    still.submit("a");
    still.pass(milliseconds(50));
    expect(prePrepareOf(still).previousSignatures).toEqual([]);
  });

  it("a follower checks each of them, and their digest", () => {
    const bench = rotating();
    const signatures = bench.ledger.last?.signatures ?? [];
    expect(signatures).toHaveLength(4);
    expect(proposeTo(bench, signatures)).toBe("accepted");
    const forged = signatures.map((signature) => ({ ...signature, value: Uint8Array.of(1) }));
    expect(proposeTo(rotating(), forged)).toBe("bad signature");
    const other = rotating();
    const proposal = other.proposal({ ...second, signatures }, "a");
    other.from(1, other.prePrepare(proposal, { ...second, signatures: signatures.slice(0, 3) }));
    expect(only(other.steps("badProposal"))).toMatchObject({ reason: "another digest of previous commits" });
  });

  it("too few are refused only where blacklisting is seen to be supported (surprise 16)", () => {
    const last = rotating().ledger.last?.proposal;
    const empty = rotating();
    expect(proposeTo(empty, (empty.ledger.last?.signatures ?? []).slice(0, 1))).toBe("accepted");
    const bench = new Bench({
      height: 1,
      self: 3,
      seen: [1, 2],
      protocol: { leaderRotation: true, decisionsPerLeader: 3 },
    }).start();
    expect(bench.ledger.last?.proposal).toEqual(last);
    const { signatures } = bench.ledger.last ?? { signatures: [] };
    expect(proposeTo(bench, signatures.slice(0, 1))).toBe("only 1 of 4 required previous commits");
  });

  it("another blacklist than one's own is refused; with rotation off any", () => {
    const bench = rotating();
    expect(proposeTo(bench, bench.ledger.last?.signatures ?? [], [4])).toBe("expected blacklist [], got [4]");
    const still = rotating({ protocol: { leaderRotation: false, decisionsPerLeader: 0 } });
    expect(proposeTo(still, [], [4])).toBe("blacklist is not empty while rotation is off");
  });
});

describe("roles", () => {
  const decide = (bench: Bench, at: { sequence: number; decisions: number }, leader: number): void => {
    const { signatures } = bench.ledger.last ?? { signatures: [] };
    const others = bench.nodes.filter((id) => id !== bench.self);
    let proposal = bench.proposal({ ...at, signatures }, `request ${at.sequence}`);
    if (leader === bench.self) {
      bench.submit(`request ${at.sequence}`);
      bench.pass(milliseconds(50));
      proposal = prePrepareOf(bench).proposal ?? proposal;
    } else bench.from(leader, bench.prePrepare(proposal, { ...at, signatures }));
    for (const id of others.slice(0, 2)) bench.from(id, bench.prepare(proposal, at));
    for (const id of others.slice(0, 2)) bench.from(id, bench.commit(id, proposal, at));
  };

  it("leader to follower after its tenure (TestRotateFromLeaderToFollower)", () => {
    const bench = rotating({ self: 2, protocol: { leaderRotation: true, decisionsPerLeader: 1 } });
    expect(bench.replica.status()).toMatchObject({ leader: 2, sequence: 1 });
    decide(bench, { sequence: 2, decisions: 1 }, 2);
    expect(bench.replica.status()).toMatchObject({ view: 0, leader: 3, sequence: 2 });
    expect(bench.steps("timersRestarted")).toHaveLength(1);
    expect(bench.steps("role").at(-1)).toMatchObject({ role: "follower", leader: 3 });
  });

  it("follower to leader, who then proposes (TestRotateFromFollowerToLeader)", () => {
    const bench = rotating({ self: 3, protocol: { leaderRotation: true, decisionsPerLeader: 1 } });
    bench.submit("later");
    decide(bench, { sequence: 2, decisions: 1 }, 2);
    expect(bench.steps("role").at(-1)).toMatchObject({ role: "leader", leader: 3 });
    bench.pass(milliseconds(50));
    expect(prePrepareOf(bench)).toMatchObject({ sequence: 3, view: 0 });
  });

  it("a tenure ends after every n-th decision of the view, and each restart tells the request timers", () => {
    const bench = rotating({ self: 4, height: 2, protocol: { leaderRotation: true, decisionsPerLeader: 3 } });
    bench.submit("waits");
    bench.pass(seconds(1));
    decide(bench, { sequence: 3, decisions: 2 }, 1);
    expect(bench.steps("rotating")).toEqual([{ view: 0, sequence: 3, from: 1, to: 2 }]);
    bench.clear();
    bench.pass(milliseconds(1_999));
    expect(bench.steps("forwardTimeout")).toEqual([]);
    bench.pass(milliseconds(1));
    expect(bench.steps("forwardTimeout")).toMatchObject([{ leader: 2 }]);
  });
});
