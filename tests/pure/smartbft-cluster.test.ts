// The library's whole-cluster tests with rotation off (reference section 14.1), each as a scenario in virtual time. Names
// in the comments are the library's. The order of faults is theirs; times are those of a fast preset.
import { describe, expect, it } from "vitest";
import { milliseconds, nodeId, sequence, seconds, view, type NodeId } from "../../src/base/index.js";
import { Cluster, disagreements, stepsOf, type ClusterOptions } from "../../src/sim/index.js";
import {
  decodeMessage,
  encodeMessage,
  encodeViewMetadata,
  type Message,
  type PrePrepare,
  type ProtocolOptions,
} from "../../src/smartbft/index.js";

const fast: Partial<ProtocolOptions> = {
  requestForwardTimeout: milliseconds(500),
  requestComplainTimeout: seconds(2),
  leaderHeartbeatTimeout: seconds(10),
  viewChangeTimeout: seconds(6),
  viewChangeResendInterval: seconds(1),
  collectTimeout: milliseconds(200),
  requestBatchMaxInterval: milliseconds(10),
  requestBatchMaxCount: 10,
};
const [one, two, three, four, five, six, seven] = [1, 2, 3, 4, 5, 6, 7].map(nodeId) as [
  NodeId,
  NodeId,
  NodeId,
  NodeId,
  NodeId,
  NodeId,
  NodeId,
]; // seven literals

function started(options: Partial<ClusterOptions> = {}): Cluster {
  const { protocol = {}, ...rest } = options;
  const cluster = new Cluster({
    size: 4,
    seed: "scenario",
    linkDelay: milliseconds(1),
    fsync: milliseconds(1),
    ...rest,
    protocol: { ...fast, ...protocol },
  });
  cluster.start();
  return cluster;
}

const text = new TextDecoder();
/** What the nodes decided, one string a decision; all must say the same. */
function decided(cluster: Cluster, ...nodes: readonly NodeId[]): readonly string[] {
  const all = nodes.map((id) =>
    cluster
      .ledger(id)
      .decisions.map(({ proposal }) => text.decode(proposal.payload).replaceAll("client/", "").replaceAll("\n", "+")),
  );
  for (const each of all) expect(each).toEqual(all[0]);
  return all[0] ?? [];
}

const everywhere =
  (cluster: Cluster, height: number, nodes: readonly NodeId[] = cluster.nodes) =>
  (): boolean =>
    nodes.every((id) => cluster.ledger(id).height >= height);
const submitAndRun = (cluster: Cluster, name: string, to: readonly NodeId[] = cluster.nodes): void => {
  cluster.submit(name, to);
  cluster.run(milliseconds(100));
};
const views = (cluster: Cluster, ...nodes: readonly NodeId[]): readonly number[] =>
  nodes.map((id) => cluster.replica(id).status().view);

/** Changes or drops messages by their decoded form. */
function rewrite(
  cluster: Cluster,
  change: (message: Message, link: { source: NodeId; target: NodeId }) => Message | undefined,
): void {
  cluster.tamper = (bytes, link) => {
    const decoded = decodeMessage(bytes);
    if (decoded.kind === "bad") return bytes;
    const changed = change(decoded.value, link);
    return changed === decoded.value ? bytes : changed === undefined ? undefined : encodeMessage(changed);
  };
}
const honest = (cluster: Cluster): void => {
  cluster.tamper = (bytes) => bytes;
};

describe("requests", () => {
  it("four requests to the leader make identical batches (TestBasic)", () => {
    const cluster = started();
    for (const name of ["a", "b", "c", "d"]) cluster.submit(name, [one]);
    cluster.runUntil("one decision", everywhere(cluster, 1));
    expect(decided(cluster, one, two, three, four)).toEqual(["a+b+c+d"]);
  });

  it("a request at each follower is forwarded (TestLeaderForwarding)", () => {
    const cluster = started();
    cluster.submit("b", [two]);
    cluster.submit("c", [three]);
    cluster.submit("d", [four]);
    cluster.runUntil("forwarded and decided", everywhere(cluster, 1), seconds(1));
    cluster.run(milliseconds(5));
    expect(decided(cluster, one, two, three, four)).toEqual(["b+c+d"]);
    expect(cluster.nodes.map((id) => cluster.replica(id).status().poolCount)).toEqual([0, 0, 0, 0]);
  });
});

describe("the leader is lost", () => {
  it("a request to the others is decided in a new view (TestLeaderInPartition)", () => {
    const cluster = started();
    cluster.links.cut(one);
    cluster.submit("a", [two, three, four]);
    cluster.runUntil("decided", everywhere(cluster, 1, [two, three, four]));
    expect(views(cluster, two, three, four)).toEqual([1, 1, 1]);
  });

  it("after decisions too, and the old leader delivers what it missed (TestLeaderInPartitionWithHealing)", () => {
    const cluster = started();
    submitAndRun(cluster, "a");
    submitAndRun(cluster, "b");
    cluster.links.cut(one);
    cluster.submit("c", [two, three, four]);
    cluster.submit("d", [two, three, four]);
    cluster.runUntil("decided", everywhere(cluster, 3, [two, three, four]));
    cluster.links.heal(one);
    cluster.runUntil("the old leader caught up", everywhere(cluster, 3));
    expect(decided(cluster, one, two, three, four)).toEqual(["a", "b", "c+d"]);
  });

  it("after two decisions the others decide two more, all the same (TestAfterDecisionLeaderInPartition)", () => {
    const cluster = started();
    submitAndRun(cluster, "a");
    submitAndRun(cluster, "b");
    cluster.links.cut(one);
    submitAndRun(cluster, "c", [two, three, four]);
    cluster.runUntil("decided in a new view", everywhere(cluster, 3, [two, three, four]));
    submitAndRun(cluster, "d", [two, three, four]);
    expect(decided(cluster, two, three, four)).toEqual(["a", "b", "c", "d"]);
    expect(views(cluster, two, three, four)).toEqual([1, 1, 1]);
    // It never heard of them, and says nothing else.
    expect(decided(cluster, one)).toEqual(["a", "b"]);
  });

  it("two leaders of seven in a row (TestMultiLeadersPartition)", () => {
    const cluster = started({ size: 7 });
    cluster.links.cut(one);
    cluster.links.cut(two);
    const live = [three, four, five, six, seven];
    cluster.submit("a", live);
    cluster.runUntil("decided", everywhere(cluster, 1, live));
    expect(new Set(views(cluster, ...live))).toEqual(new Set([2]));
  });

  it("without requests heartbeats tell (TestHeartbeatTimeoutCausesViewChange, TestMultiViewChangeWithNoRequestsTimeout)", () => {
    const cluster = started({ size: 7 });
    cluster.links.cut(one);
    cluster.links.cut(two);
    const live = [three, four, five, six, seven];
    cluster.runUntil("a live leader", () => live.every((id) => cluster.replica(id).status().realView === 2));
    submitAndRun(cluster, "a", live);
    expect(decided(cluster, ...live)).toEqual(["a"]);
  });

  it("traffic goes on and the deposed leader catches up (TestLeaderCatchingUpAfterViewChange)", () => {
    const cluster = started();
    cluster.links.cut(one);
    submitAndRun(cluster, "a", [two, three, four]);
    cluster.runUntil("decided", everywhere(cluster, 1, [two, three, four]));
    cluster.links.heal(one);
    cluster.load(20, seconds(5));
    cluster.runUntil("within 100 decisions", everywhere(cluster, 20), seconds(5));
    expect(views(cluster, one)).toEqual([1]);
  });

  it("an idle deposed leader is told by heartbeat responses and learns the view (TestFetchStateWhenSyncReturnsPrevView)", () => {
    const cluster = started();
    submitAndRun(cluster, "a");
    cluster.links.cut(one);
    cluster.runUntil("a new view", () => cluster.replica(two).status().realView === 1);
    cluster.links.heal(one);
    cluster.runUntil("learnt", () => cluster.replica(one).status().view === 1, seconds(10));
    expect(stepsOf(cluster, "syncRequested", { nodes: [one] }).at(-1)?.facts).toEqual({
      reason: "deposed, by heartbeat responses",
    });
    expect(stepsOf(cluster, "stateCollected", { nodes: [one] }).at(-1)?.facts).toEqual({ view: 1, sequence: 2 });
    submitAndRun(cluster, "b");
    expect(decided(cluster, one, two, three, four)).toEqual(["a", "b"]);
  });

  it("a follower that was away learns the view by state transfer (TestFollowerStateTransfer)", () => {
    const cluster = started({ size: 7 });
    cluster.links.cut(one);
    cluster.links.cut(seven);
    const live = [two, three, four, five, six];
    cluster.runUntil("a new view", () => live.every((id) => cluster.replica(id).status().realView === 1));
    cluster.links.heal(seven);
    cluster.runUntil("learnt", () => cluster.replica(seven).status().view === 1, seconds(30));
    submitAndRun(cluster, "a", [...live, seven]);
    expect(decided(cluster, ...live, seven)).toEqual(["a"]);
  });
});

describe("followers", () => {
  it("one that misses a decision gets it in the view change (TestCatchingUpWithViewChange)", () => {
    const cluster = started({ protocol: { ...fast, viewChangeTimeout: seconds(3) } });
    cluster.links.cut(four);
    submitAndRun(cluster, "a", [one, two, three]);
    cluster.links.cut(one);
    cluster.links.heal(four);
    cluster.links.cut(one);
    cluster.submit("b", [two, three, four]);
    cluster.runUntil("all three have both", everywhere(cluster, 2, [two, three, four]));
    expect(decided(cluster, two, three, four)).toEqual(["a", "b"]);
  });

  it("one that timed out alone syncs and then joins (TestNodeViewChangeWhileInPartition)", () => {
    const cluster = started();
    cluster.links.cut(four);
    submitAndRun(cluster, "a", [one, two, three]);
    cluster.links.cut(one);
    cluster.runUntil("its timeout", () => stepsOf(cluster, "viewChangeTimeout", { nodes: [four] }).length > 0);
    cluster.links.heal(four);
    cluster.links.cut(one);
    cluster.runUntil("view 1 or later at three", () =>
      [two, three, four].every((id) => cluster.replica(id).status().realView >= 1),
    );
    expect(decided(cluster, two, three, four)).toEqual(["a"]);
  });

  it("one that the leader leaves out keeps up all the same (TestLeaderExclusion)", () => {
    const cluster = started();
    rewrite(cluster, (message, { source, target }) => (source === one && target === three ? undefined : message));
    cluster.load(20, seconds(5));
    cluster.run(seconds(6));
    const heights = cluster.nodes.map((id) => cluster.ledger(id).height);
    expect(Math.max(...heights) - Math.min(...heights)).toBeLessThanOrEqual(3);
    expect(disagreements(cluster)).toEqual([]);
  });

  it("one that missed ten decisions catches up under traffic (TestCatchingUpWithSyncAssisted)", () => {
    const cluster = started();
    cluster.links.cut(four);
    for (let index = 0; index < 10; index++) submitAndRun(cluster, `r${index}`, [one, two, three]);
    cluster.links.heal(four);
    cluster.load(10, seconds(5));
    cluster.run(seconds(6));
    expect(cluster.ledger(one).height - cluster.ledger(four).height).toBeLessThanOrEqual(2);
  });

  it("one that a forged heartbeat sends into a sync keeps its count of decisions (TestSyncSameHeightPreservesDecisionsInView)", () => {
    const cluster = started();
    for (let made = 1; made <= 5; made++) submitAndRun(cluster, `before ${made}`);
    cluster.inject(one, four, encodeMessage({ kind: "HeartBeat", view: view(1), sequence: sequence(5) }));
    cluster.run(seconds(1));
    expect(stepsOf(cluster, "syncRequested", { nodes: [four] })).toMatchObject([
      { facts: { reason: "heartbeat of a higher view" } },
    ]);
    expect(stepsOf(cluster, "syncEnded", { nodes: [four] })).toHaveLength(1);
    for (let made = 1; made <= 5; made++) submitAndRun(cluster, `after ${made}`);
    expect(decided(cluster, one, two, three, four)).toHaveLength(10);
    // With another count the next proposal would say "expected decisions 0, got 5", and node 4 would complain.
    expect(stepsOf(cluster, "badProposal")).toEqual([]);
    expect(stepsOf(cluster, "complaint")).toEqual([]);
  });

  it("two that restart at different moments deliver the same batches (TestRestartFollowers)", () => {
    const cluster = started();
    cluster.submit("a");
    cluster.run(milliseconds(12));
    cluster.crash(two);
    cluster.start([two]);
    cluster.runUntil("first decision", everywhere(cluster, 1, [one, three, four]), seconds(1));
    cluster.crash(four);
    cluster.start([four]);
    submitAndRun(cluster, "b");
    cluster.load(5, seconds(3));
    cluster.run(seconds(10));
    expect(disagreements(cluster)).toEqual([]);
    expect(cluster.ledger(one).decisions.length - cluster.ledger(two).height).toBeLessThanOrEqual(2);
  });
});

describe("restarts in view changes", () => {
  it("after a heartbeat view change, from the new-view record (TestRestartAfterViewChangeAndRestoreNewView)", () => {
    const cluster = started();
    cluster.links.cut(one);
    cluster.runUntil("a new view", () => [two, three, four].every((id) => cluster.replica(id).status().realView === 1));
    // The record is on disk a write later.
    cluster.run(milliseconds(5));
    for (const id of [two, three]) cluster.crash(id);
    cluster.start([two, three]);
    expect(views(cluster, two, three)).toEqual([1, 1]);
    submitAndRun(cluster, "a", [two, three, four]);
    expect(decided(cluster, two, three, four)).toEqual(["a"]);
  });

  it("right after sending ViewData, it resumes the view change (TestRestoringViewChange)", () => {
    const cluster = started({ size: 7 });
    cluster.links.cut(one);
    cluster.links.cut(two);
    const live = [three, four, five, six, seven];
    cluster.submit("a", live);
    cluster.runUntil("ViewData of 7", () => stepsOf(cluster, "viewDataSent", { nodes: [seven] }).length > 0);
    cluster.run(milliseconds(2));
    cluster.crash(seven);
    cluster.start([seven]);
    expect(stepsOf(cluster, "restored", { nodes: [seven] }).at(-1)?.facts).toEqual({ from: "viewChange" });
    cluster.submit("a", [seven]);
    cluster.runUntil("decided", everywhere(cluster, 1, live));
    expect(disagreements(cluster)).toEqual([]);
  });

  it("a leader with Prepares in its log and no Commits decides with the others' help (TestLeaderCatchUpWithoutSync, TestLeaderProposeAfterRestartWithoutSync)", () => {
    const cluster = started();
    // Commits of the others reach everybody but the leader, and its own nobody.
    rewrite(cluster, (message, { source, target }) =>
      message.kind === "Commit" && (source === one || target === one) ? undefined : message,
    );
    submitAndRun(cluster, "a");
    expect(cluster.nodes.map((id) => cluster.ledger(id).height)).toEqual([0, 1, 1, 1]);
    honest(cluster);
    cluster.crash(one);
    cluster.start([one]);
    cluster.submit("b");
    cluster.runUntil("both", everywhere(cluster, 2), seconds(5));
    // Assists brought the first one, neither a sync nor a view change, and it was not proposed again.
    expect([...stepsOf(cluster, "syncStarted"), ...stepsOf(cluster, "viewDataSent")]).toEqual([]);
    expect(decided(cluster, one, two, three, four).slice(0, 2)).toEqual(["a", "b"]);
  });
});

describe("a leader that lies", () => {
  const seal = (message: PrePrepare, change: { view?: number; sequence?: number; decisions?: number }): PrePrepare => {
    if (message.proposal === undefined) return message;
    const metadata = encodeViewMetadata({
      view: view(change.view ?? message.view),
      sequence: sequence(change.sequence ?? message.sequence),
      decisions: change.decisions ?? 0,
      blacklist: [],
      previousSignatureDigest: new Uint8Array(0),
    });
    return { ...message, proposal: { ...message.proposal, metadata } };
  };
  it.each<[string, (message: PrePrepare, target: NodeId) => PrePrepare]>([
    ["wrong view", (message) => ({ ...message, view: view(7) })],
    [
      "a different payload for each",
      (message, target) =>
        message.proposal === undefined
          ? message
          : {
              ...message,
              proposal: { ...message.proposal, payload: new TextEncoder().encode(`client/forged-${target}`) },
            },
    ],
    ["metadata of the next sequence", (message) => seal(message, { sequence: 2 })],
    [
      "wrong verification sequence",
      (message) =>
        message.proposal === undefined
          ? message
          : { ...message, proposal: { ...message.proposal, verificationSequence: 9 } },
    ],
    ["wrong number of decisions", (message) => seal(message, { decisions: 5 })],
  ])("%s: a view change, then one identical decision (TestLeaderModifiesPreprepare)", (_name, change) => {
    const cluster = started();
    rewrite(cluster, (message, { source, target }) =>
      message.kind === "PrePrepare" && source === one ? change(message, target) : message,
    );
    cluster.submit("a");
    cluster.runUntil("decided", everywhere(cluster, 1), seconds(60));
    expect(decided(cluster, one, two, three, four)[0]).toBe("a");
    expect(Math.min(...views(cluster, two, three, four))).toBeGreaterThanOrEqual(1);
  });
});

describe("proposals in flight", () => {
  const withoutCommits = (cluster: Cluster, name: string, but: readonly NodeId[] = []): void => {
    rewrite(cluster, (message, { target }) =>
      message.kind === "Commit" && !but.includes(target) ? undefined : message,
    );
    submitAndRun(cluster, name);
    honest(cluster);
  };

  it("prepared everywhere, the leader lost: committed by the view change (TestNodeInFlightThenViewChange)", () => {
    const cluster = started();
    withoutCommits(cluster, "a");
    cluster.links.cut(one);
    cluster.runUntil("committed", everywhere(cluster, 1, [two, three, four]));
    submitAndRun(cluster, "b", [two, three, four]);
    cluster.run(seconds(5));
    expect(decided(cluster, two, three, four).join(" ")).toMatch(/^a .*b/);
    cluster.links.heal(one);
    cluster.load(5, seconds(5));
    cluster.run(seconds(10));
    expect(disagreements(cluster)).toEqual([]);
    expect(cluster.ledger(one).height).toBeGreaterThan(2);
  });

  it("the leader alone has committed and is lost: the others decide the same (TestNodeCommitTheRestPrepareAndCommittedNodeCrashesThenRecovers)", () => {
    const cluster = started();
    withoutCommits(cluster, "a", [one]);
    expect(cluster.nodes.map((id) => cluster.ledger(id).height)).toEqual([1, 0, 0, 0]);
    cluster.links.cut(one);
    cluster.runUntil("committed", everywhere(cluster, 1, [two, three, four]));
    expect(disagreements(cluster)).toEqual([]);
    cluster.links.heal(one);
    cluster.load(5, seconds(5));
    cluster.run(seconds(10));
    expect(disagreements(cluster)).toEqual([]);
  });

  it("only the leader is prepared and is lost: the others decide something else, it discards its own (TestNodePreparesTheRestInPartitionThenPartitionHeals)", () => {
    const cluster = started();
    rewrite(cluster, (message, { target }) => (message.kind === "Prepare" && target !== one ? undefined : message));
    submitAndRun(cluster, "a");
    expect(cluster.replica(one).status().phase).toBe("prepared");
    honest(cluster);
    cluster.links.cut(one);
    cluster.submit("b", [two, three, four]);
    cluster.runUntil("decided", everywhere(cluster, 1, [two, three, four]));
    expect(decided(cluster, two, three, four)[0]).toContain("b");
    cluster.links.heal(one);
    cluster.load(5, seconds(5));
    cluster.run(seconds(10));
    expect(disagreements(cluster)).toEqual([]);
    expect(cluster.ledger(one).height).toBeGreaterThan(1);
  });

  it("one whose in-flight commit fails refuses the view and delivers by sync (TestNodeInFlightFails)", () => {
    const cluster = started();
    withoutCommits(cluster, "a");
    cluster.links.cut(one);
    rewrite(cluster, (message, { target }) => (message.kind === "Commit" && target === four ? undefined : message));
    // Three votes are needed and the leader is lost: with its Commits kept from 4, nodes 2 and 3 still decide.
    cluster.runUntil("two committed", everywhere(cluster, 1, [two, three]));
    cluster.runUntil("4 failed", () => stepsOf(cluster, "inFlightFailed", { nodes: [four] }).length > 0);
    honest(cluster);
    cluster.links.heal(one);
    cluster.load(5, seconds(20));
    cluster.runUntil("4 delivered it by sync", everywhere(cluster, 1), seconds(60));
    expect(disagreements(cluster)).toEqual([]);
  });
});

describe("votes without a quorum", () => {
  it("three of seven leave one after another; all seven reach a new view when they are back (TestViewChangeAfterTryingToFork)", () => {
    const cluster = started({ size: 7 });
    cluster.complain(seven);
    for (const id of [five, six, seven]) cluster.links.cut(id);
    cluster.submit("a", [one, two, three, four]);
    cluster.run(seconds(20));
    expect(cluster.nodes.map((id) => cluster.ledger(id).height)).toEqual([0, 0, 0, 0, 0, 0, 0]);
    for (const id of [five, six, seven]) cluster.links.heal(id);
    cluster.runUntil(
      "a real new view",
      () => cluster.nodes.every((id) => cluster.replica(id).status().realView >= 1),
      seconds(90),
    );
    cluster.submit("b");
    cluster.runUntil("decided", everywhere(cluster, 1), seconds(60));
    expect(disagreements(cluster)).toEqual([]);
  });

  it("a leader that cannot finish falls silent, and is replaced when the others are back (TestLeaderStopSendHeartbeat)", () => {
    const cluster = started();
    for (const id of [three, four]) cluster.links.cut(id);
    cluster.submit("a", [one]);
    cluster.runUntil("silence", () => stepsOf(cluster, "heartbeatsStopped", { nodes: [one] }).length > 0);
    for (const id of [three, four]) cluster.links.heal(id);
    cluster.runUntil(
      "a view change",
      () => cluster.nodes.every((id) => cluster.replica(id).status().realView >= 1),
      seconds(120),
    );
    cluster.submit("b");
    cluster.runUntil("decided", everywhere(cluster, 1), seconds(60));
  });
});
