// Clusters whose leaders rotate: the rows of section 14.1 that need it, each with its name, and the blacklist at work.
import { describe, expect, it } from "vitest";
import { milliseconds, nodeId, seconds, type NodeId } from "../../src/base/index.js";
import { Cluster, disagreements, stepsOf, type ClusterOptions } from "../../src/sim/index.js";
import { decodeMessage, decodeViewMetadata, type ProtocolOptions } from "../../src/smartbft/index.js";

const [one, two, three, four] = [nodeId(1), nodeId(2), nodeId(3), nodeId(4)];
const fast: Partial<ProtocolOptions> = {
  requestForwardTimeout: milliseconds(500),
  requestComplainTimeout: seconds(2),
  requestBatchMaxInterval: milliseconds(10),
  collectTimeout: milliseconds(200),
};
const tenure = (decisionsPerLeader: number): Partial<ProtocolOptions> => ({
  leaderRotation: decisionsPerLeader > 0,
  decisionsPerLeader,
});

function started(protocol: Partial<ProtocolOptions>, options: Partial<ClusterOptions> = {}): Cluster {
  const links = { linkDelay: milliseconds(1), fsync: milliseconds(1) };
  const cluster = new Cluster({ size: 4, seed: "rotation", ...links, ...options, protocol: { ...fast, ...protocol } });
  cluster.start();
  return cluster;
}

let requests = 0;
const decide = (cluster: Cluster, nodes: readonly NodeId[] = cluster.nodes): void => {
  const height = Math.max(...nodes.map((id) => cluster.ledger(id).height));
  cluster.submit(`request ${requests++}`, nodes);
  cluster.runUntil("a decision", () => nodes.every((id) => cluster.ledger(id).height > height), seconds(60));
  cluster.run(milliseconds(20));
};
const metadata = (cluster: Cluster, id: NodeId) =>
  cluster.ledger(id).decisions.map(({ proposal }) => {
    const decoded = decodeViewMetadata(proposal.metadata);
    if (decoded.kind === "bad") throw new Error(decoded.reason);
    return decoded.value;
  });
const blacklist = (cluster: Cluster, id: NodeId): readonly number[] => metadata(cluster, id).at(-1)?.blacklist ?? [];
const leaders = (cluster: Cluster, ids: readonly NodeId[]): readonly number[] =>
  ids.map((id) => cluster.replica(id).status().leader);

describe("tenures", () => {
  it.each([1, 2, 3, 5])("with %d decisions a leader all lead in turn, in one view", (decisions) => {
    const cluster = started(tenure(decisions));
    for (let made = 0; made < 4 * decisions; made++) {
      expect(new Set(leaders(cluster, cluster.nodes))).toEqual(new Set([1 + Math.floor(made / decisions)]));
      decide(cluster);
    }
    expect(metadata(cluster, one).map(({ view, decisions: made }) => [view, made])).toEqual(
      Array.from({ length: 4 * decisions }, (_, index) => [0, index]),
    );
    expect(stepsOf(cluster, "viewChangeStarted")).toEqual([]);
  });

  it("of one decision: nobody ever assists (section 5.9)", () => {
    const cluster = started(tenure(1));
    let assists = 0;
    cluster.tamper = (bytes) => {
      const decoded = decodeMessage(bytes);
      if (decoded.kind === "good" && "assist" in decoded.value && decoded.value.assist) assists++;
      return bytes;
    };
    cluster.load(10, seconds(5));
    cluster.run(seconds(6));
    expect([assists, cluster.ledger(one).height]).toEqual([0, 50]);
  });
});

describe("conformance", () => {
  it("a deposed leader learns view and sequence from others and takes part (TestRotateAndViewChange)", () => {
    const cluster = started(tenure(1));
    for (let made = 0; made < 3; made++) decide(cluster);
    expect(leaders(cluster, [one, four])).toEqual([4, 4]);
    cluster.links.cut(four);
    decide(cluster, [one, two, three]);
    expect(cluster.replica(two).status().view).toBe(1);
    cluster.links.heal(four);
    // Its heartbeats of view 0 are answered; F+1 answers make it sync.
    cluster.runUntil("learnt", () => cluster.replica(four).status().view === 1, seconds(80));
    cluster.run(seconds(1));
    decide(cluster);
    expect(new Set(cluster.nodes.map((id) => cluster.ledger(id).height))).toEqual(new Set([5]));
  });

  it("rotation is switched on by a restart: from then on each proposal binds three signatures (TestMigrateToBlacklistAndBackAgain)", () => {
    const cluster = started(tenure(0));
    for (let made = 0; made < 2; made++) decide(cluster);
    let bound: number[] = [];
    cluster.tamper = (bytes) => {
      const decoded = decodeMessage(bytes);
      if (decoded.kind === "good" && decoded.value.kind === "PrePrepare") {
        bound.push(decoded.value.previousSignatures.length);
      }
      return bytes;
    };
    decide(cluster);
    expect(new Set(bound)).toEqual(new Set([0]));
    for (const id of cluster.nodes) {
      cluster.crash(id);
      cluster.configure(id, tenure(1));
      cluster.start([id]);
    }
    cluster.run(seconds(1));
    bound = [];
    for (let made = 0; made < 3; made++) decide(cluster);
    expect([...new Set(bound), bound.length]).toEqual([3, 9]);
    expect(metadata(cluster, one).map(({ previousSignatureDigest }) => previousSignatureDigest.length)).toEqual([
      0, 0, 0, 32, 32, 32,
    ]);
  });

  it("a skipped leader is blacklisted, stays so while it is away, and is redeemed and leads again (TestBlacklistAndRedemption)", () => {
    const cluster = started(tenure(1), { size: 10 });
    const others = cluster.nodes.slice(1);
    cluster.links.cut(one);
    decide(cluster, others);
    expect(cluster.replica(two).status().view).toBe(1);
    for (let made = 0; made < 10; made++) {
      expect(others.map((id) => blacklist(cluster, id))).toEqual(others.map(() => [1]));
      expect(leaders(cluster, [two])).not.toEqual([1]);
      decide(cluster, others);
    }
    cluster.links.heal(one);
    cluster.runUntil("back", () => cluster.replica(one).status().view === 1, seconds(80));
    cluster.run(seconds(1));
    let led = false;
    for (let made = 0; made < 30 && !led; made++) {
      decide(cluster, others);
      led = cluster.nodes.every((id) => cluster.replica(id).status().leader === 1);
    }
    expect(blacklist(cluster, two)).toEqual([]);
    expect(led).toBe(true);
    decide(cluster);
    expect(disagreements(cluster)).toEqual([]);
  });

  it("two consecutive leaders lost: both are blacklisted, and both redeemed (TestBlacklistMultipleViewChanges)", () => {
    const cluster = started(tenure(1), { size: 10 });
    decide(cluster);
    // Node 2 leads next, and view 1 would begin with it again (surprise 4); then node 3.
    for (const id of [two, three]) cluster.links.cut(id);
    const others = cluster.nodes.filter((id) => id !== two && id !== three);
    cluster.submit("in spite of them", others);
    cluster.runUntil("a decision", () => others.every((id) => cluster.ledger(id).height > 1), seconds(120));
    expect(cluster.replica(one).status().view).toBe(3);
    expect(others.map((id) => blacklist(cluster, id))).toEqual(others.map(() => [2, 3]));
    for (const id of [two, three]) cluster.links.heal(id);
    cluster.load(2, seconds(60), others);
    cluster.run(seconds(90));
    expect(cluster.nodes.map((id) => blacklist(cluster, id))).toEqual(cluster.nodes.map(() => []));
    expect(disagreements(cluster)).toEqual([]);
  });

  it("one that missed five decisions, a tenure's end among them, gets them by a sync, without traffic (TestCatchingUpWithSyncAutonomous)", () => {
    const cluster = started({ ...tenure(3), leaderHeartbeatTimeout: seconds(10) });
    cluster.links.cut(four);
    for (let made = 0; made < 5; made++) decide(cluster, [one, two, three]);
    cluster.links.heal(four);
    // It believes in leader 1, whose silence it complains about; its view change times out, and that brings the sync.
    cluster.runUntil("caught up", () => cluster.ledger(four).height === 5, seconds(35));
    expect(stepsOf(cluster, "viewChangeStarted").map(({ node }) => node)).toEqual([4]);
    decide(cluster);
  });

  it("in mid-tenure a redemption stops the cluster until a view change (surprise 8)", () => {
    const cluster = started(tenure(10));
    cluster.links.cut(one);
    // Node 2 leads ten decisions, 3 and 4 as many; the next ten would be node 1's, so 2 leads them in its place.
    for (let made = 0; made < 32; made++) decide(cluster, [two, three, four]);
    expect([blacklist(cluster, two), leaders(cluster, [two, three])]).toEqual([[1], [2, 2]]);
    cluster.links.heal(one);
    cluster.runUntil("back", () => cluster.replica(one).status().view === 1, seconds(80));
    cluster.run(seconds(1));
    const listed = (): boolean => blacklist(cluster, two).length > 0;
    for (let made = 0; made < 7 && listed(); made++) decide(cluster);
    expect(listed()).toBe(false);
    const redeemed = cluster.now;
    // All compute node 1 now, which runs a View that is led by node 2, as they all do: no pre-prepare is good enough.
    expect(leaders(cluster, cluster.nodes)).toEqual([1, 1, 1, 1]);
    decide(cluster);
    expect(cluster.replica(one).status().view).toBe(2);
    expect(cluster.now - redeemed).toBeGreaterThan(seconds(2.5));
  });

  it("switches off again where the list is empty, by a decision (surprise 27)", () => {
    const cluster = started(tenure(1));
    for (let made = 0; made < 3; made++) decide(cluster);
    cluster.order("tenure-0");
    cluster.runUntil("decided", () => cluster.nodes.every((id) => cluster.ledger(id).height === 4));
    for (let made = 0; made < 3; made++) decide(cluster);
    expect(metadata(cluster, one).map(({ previousSignatureDigest }) => previousSignatureDigest.length)).toEqual([
      0, 32, 32, 32, 0, 0, 0,
    ]);
    expect(leaders(cluster, cluster.nodes)).toEqual([1, 1, 1, 1]);
  });

  it.each([
    ["library", "nobody can propose any more"],
    ["improved", "an empty one is proposed"],
  ] as const)("switched off with a member on the list: %s, %s (surprise 27)", (fidelity, _how) => {
    const cluster = started({ ...tenure(1), fidelity });
    cluster.links.cut(one);
    for (let made = 0; made < 3; made++) decide(cluster, [two, three, four]);
    expect(blacklist(cluster, two)).toEqual([1]);
    const height = cluster.ledger(two).height;
    cluster.order("tenure-0");
    cluster.runUntil("decided", () => cluster.ledger(two).height === height + 1);
    cluster.submit("after it", [two, three, four]);
    cluster.run(seconds(20));
    const refused = stepsOf(cluster, "badProposal", {
      where: ({ reason }) => String(reason).includes("rotation is off"),
    });
    expect(cluster.ledger(two).height).toBe(fidelity === "library" ? height + 1 : height + 2);
    expect(refused.length > 0).toBe(fidelity === "library");
  });
});
