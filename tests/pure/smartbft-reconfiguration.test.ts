// Clusters that change their members or options while they run: section 14.2 of the reference row by row, two rows of
// 14.1, and reconfigurations that meet faults and view changes.
import { describe, expect, it } from "vitest";
import { milliseconds, nodeId, seconds, view, type NodeId } from "../../src/base/index.js";
import { Cluster, disagreements, stepsOf, type ClusterOptions } from "../../src/sim/index.js";
import { decodeMessage, type ProtocolOptions } from "../../src/smartbft/index.js";
import { Bench } from "./smartbft-bench.js";

const [one, two, three, four, five] = [nodeId(1), nodeId(2), nodeId(3), nodeId(4), nodeId(5)];
const ids = (...numbers: readonly number[]): readonly NodeId[] => numbers.map(nodeId);
const fast: Partial<ProtocolOptions> = {
  requestForwardTimeout: milliseconds(500),
  requestComplainTimeout: seconds(2),
  requestBatchMaxInterval: milliseconds(10),
  viewChangeTimeout: seconds(6),
  leaderHeartbeatTimeout: seconds(10),
  collectTimeout: milliseconds(200),
};
const tenure = { leaderRotation: true, decisionsPerLeader: 1 };

function started(options: Partial<ClusterOptions> = {}): Cluster {
  const links = { linkDelay: milliseconds(1), fsync: milliseconds(1) };
  const protocol = { ...fast, ...options.protocol };
  const cluster = new Cluster({ size: 4, spare: 1, seed: "reconfiguration", ...links, ...options, protocol });
  cluster.start();
  return cluster;
}

const height = (cluster: Cluster, nodes: readonly NodeId[]): number =>
  Math.max(...nodes.map((id) => cluster.ledger(id).height));
let requests = 0;

/** One more decision at each of the members given, who alone know the request. */
function decide(cluster: Cluster, nodes: readonly NodeId[], order?: string): void {
  const before = height(cluster, nodes);
  if (order === undefined) cluster.submit(`request ${requests++}`, nodes);
  else cluster.order(order, nodes);
  cluster.runUntil(
    `decided ${order ?? ""}`,
    () => nodes.every((id) => cluster.ledger(id).height > before),
    seconds(60),
  );
  cluster.run(milliseconds(20));
}

function join(cluster: Cluster, id: NodeId): void {
  cluster.join(id);
  const others = cluster.nodes.filter((other) => other !== id);
  cluster.runUntil(`${id} caught up`, () => cluster.ledger(id).height === height(cluster, others), seconds(40));
  cluster.run(seconds(1));
}

const status = (cluster: Cluster, id: NodeId) => cluster.replica(id).status();

describe("conformance", () => {
  it("a change of configuration alone: decisions before, at and after it (TestBasicReconfig)", () => {
    const cluster = started({ protocol: tenure });
    decide(cluster, cluster.nodes);
    decide(cluster, cluster.nodes, "touch");
    decide(cluster, cluster.nodes);
    expect(stepsOf(cluster, "reconfigured").map(({ node }) => node)).toHaveLength(4);
    expect(cluster.nodes.map((id) => [cluster.ledger(id).height, status(cluster, id).view])).toEqual(
      cluster.nodes.map(() => [3, 0]),
    );
    // Leader and count of decisions go on: node 4 is the fourth.
    expect(stepsOf(cluster, "viewStarting").at(-1)?.facts).toMatchObject({ sequence: 4, decisions: 3, leader: 4 });
  });

  it("two nodes are added, get what was decided and take part (TestBasicAddNodes)", () => {
    const cluster = started({ spare: 2 });
    decide(cluster, cluster.nodes);
    decide(cluster, ids(1, 2, 3, 4), "add-5");
    join(cluster, five);
    decide(cluster, ids(1, 2, 3, 4, 5), "add-6");
    join(cluster, nodeId(6));
    decide(cluster, cluster.nodes);
    expect(cluster.nodes.map((id) => cluster.ledger(id).height)).toEqual([4, 4, 4, 4, 4, 4]);
    expect(disagreements(cluster)).toEqual([]);
    // Six members: four votes are needed now, and two that are away are too many.
    cluster.links.cut(five);
    decide(cluster, ids(1, 2, 3, 4));
    cluster.links.cut(four);
    cluster.links.cut(nodeId(6));
    cluster.submit("one too few");
    cluster.run(seconds(1));
    expect(height(cluster, cluster.nodes)).toBe(5);
  });

  it("three of seven are removed, go, and four decide on with a smaller quorum (TestBasicRemoveNodes)", () => {
    const cluster = started({ size: 7 });
    decide(cluster, cluster.nodes);
    for (const gone of [7, 6, 5]) decide(cluster, cluster.nodes.slice(0, gone), `remove-${gone}`);
    expect(stepsOf(cluster, "evicted").map(({ node }) => node)).toEqual([7, 6, 5]);
    cluster.links.cut(four);
    decide(cluster, ids(1, 2, 3));
    cluster.links.heal(four);
    cluster.submit("for an evicted one", [nodeId(7)]);
    cluster.run(seconds(20));
    expect([...cluster.outcomes.values()].at(-1)).toEqual({ kind: "refused", reason: "no leader" });
    expect(cluster.ledger(nodeId(7)).height).toBe(2);
    expect(cluster.replica(nodeId(7)).deadline()).toBeUndefined();
  });

  it("from four to ten, then the first four go one by one: each step by those who are members then (TestAddRemoveNodes)", () => {
    const cluster = started({ spare: 6 });
    const members = [...cluster.nodes];
    for (let added = 5; added <= 10; added++) {
      decide(cluster, members, `add-${added}`);
      join(cluster, nodeId(added));
      members.push(nodeId(added));
    }
    decide(cluster, members);
    for (const gone of [1, 2, 3, 4]) {
      decide(cluster, members, `remove-${gone}`);
      members.shift();
      decide(cluster, members);
    }
    expect(status(cluster, nodeId(10))).toMatchObject({ view: 0, leader: 5 });
    expect(new Set(members.map((id) => cluster.ledger(id).height))).toEqual(new Set([15]));
    expect(disagreements(cluster)).toEqual([]);
  });

  it("an added node that misses three decisions gets them and takes part (TestAddRemoveAddNodes)", () => {
    const cluster = started();
    decide(cluster, cluster.nodes, "add-5");
    join(cluster, five);
    cluster.links.cut(five);
    for (let made = 0; made < 3; made++) decide(cluster, ids(1, 2, 3, 4));
    cluster.links.heal(five);
    cluster.runUntil("caught up", () => cluster.ledger(five).height === 4, seconds(30));
    cluster.links.cut(two);
    decide(cluster, ids(1, 3, 4, 5));
  });

  it("a view change among the others, after a member was added (TestViewChangeAfterReconfig)", () => {
    const cluster = started({ protocol: { requestComplainTimeout: seconds(1) } });
    decide(cluster, cluster.nodes, "remove-1");
    cluster.crash(one);
    const members = ids(2, 3, 4);
    decide(cluster, members, "add-5");
    join(cluster, five);
    expect(status(cluster, five)).toMatchObject({ leader: 2, view: 0 });
    cluster.links.cut(two);
    decide(cluster, ids(3, 4, 5));
    expect(status(cluster, five)).toMatchObject({ view: 1, leader: 3 });
  });

  it("a node is added after six rotations, gets all and takes part (TestAddNodeAfterManyRotations)", () => {
    const cluster = started({ protocol: tenure });
    for (let made = 0; made < 6; made++) decide(cluster, cluster.nodes);
    decide(cluster, cluster.nodes, "add-5");
    join(cluster, five);
    for (let made = 0; made < 7; made++) decide(cluster, cluster.nodes);
    expect(stepsOf(cluster, "proposing", { nodes: [five] }).length).toBeGreaterThan(0);
    // But for the complaint of the empty newcomer, who takes node 1 for the leader.
    expect(stepsOf(cluster, "viewChangeStarted", { nodes: ids(1, 2, 3, 4) })).toEqual([]);
    expect(disagreements(cluster)).toEqual([]);
  });

  it("one node, then two, then three; the leader is lost: the next view goes on (TestGradualStart)", () => {
    const cluster = started({ size: 1, spare: 3, protocol: { ...tenure, syncOnStart: true } });
    decide(cluster, [one], "add-2");
    join(cluster, two);
    decide(cluster, ids(1, 2), "add-3");
    join(cluster, three);
    decide(cluster, ids(1, 2, 3), "add-4");
    join(cluster, four);
    expect(cluster.nodes.map((id) => [cluster.ledger(id).height, status(cluster, id).view])).toEqual(
      cluster.nodes.map(() => [3, 0]),
    );
    const { leader } = status(cluster, two);
    cluster.links.cut(leader);
    decide(
      cluster,
      cluster.nodes.filter((id) => id !== leader),
    );
    expect(status(cluster, leader === two ? three : two).view).toBeGreaterThan(0);
  });

  it("all are restarted with a new first member, which is cut off: the others change the view (TestReconfigAndViewChange)", () => {
    const cluster = started({ protocol: { requestComplainTimeout: seconds(1) } });
    decide(cluster, cluster.nodes, "remove-1");
    decide(cluster, ids(2, 3, 4), "add-5");
    join(cluster, five);
    decide(cluster, ids(2, 3, 4, 5), "add-1");
    for (const id of ids(1, 2, 3, 4, 5)) cluster.crash(id);
    cluster.ledger(one).decisions.push(...cluster.ledger(two).decisions.slice(cluster.ledger(one).height));
    cluster.start();
    expect(status(cluster, two).leader).toBe(1);
    cluster.links.cut(one);
    decide(cluster, ids(2, 3, 4, 5));
    expect(status(cluster, two)).toMatchObject({ view: 1, leader: 2 });
  });
});

describe("while something else goes on", () => {
  it.each(["library", "improved"] as const)(
    "a node is added by a proposal that a view change commits, %s",
    (fidelity) => {
      const cluster = started({ protocol: { fidelity } });
      cluster.tamper = (bytes) => (kindOf(bytes) === "Commit" ? undefined : bytes);
      cluster.order("add-5");
      cluster.run(milliseconds(100));
      cluster.tamper = (bytes) => bytes;
      cluster.links.cut(one);
      cluster.runUntil("decided", () => ids(2, 3, 4).every((id) => cluster.ledger(id).height > 0), seconds(60));
      cluster.run(milliseconds(10));
      expect(stepsOf(cluster, "reconfigured").map(({ facts }) => facts["nodes"])).toEqual([
        [1, 2, 3, 4, 5],
        [1, 2, 3, 4, 5],
        [1, 2, 3, 4, 5],
      ]);
      // All are needed now, the leader among them or the newcomer: both come.
      cluster.links.heal(one);
      cluster.join(five);
      cluster.load(2, seconds(60), ids(1, 2, 3, 4, 5));
      cluster.run(seconds(120));
      // In the library nodes 1 and 5 learn of it in mid view change and fall back for good (surprise 34): four of five are
      // needed, and nothing is decided any more.
      expect(height(cluster, [one]) > 50).toBe(fidelity === "improved");
      expect(disagreements(cluster)).toEqual([]);
    },
  );

  it("a member that is away when it is removed learns it on its return", () => {
    const cluster = started({ spare: 1 });
    decide(cluster, cluster.nodes, "add-5");
    join(cluster, five);
    cluster.links.cut(five);
    decide(cluster, ids(1, 2, 3, 4), "remove-5");
    cluster.links.heal(five);
    cluster.run(seconds(60));
    expect(stepsOf(cluster, "evicted").map(({ node }) => node)).toEqual([5]);
    decide(cluster, ids(1, 2, 3, 4));
  });

  it("the leader is removed by its own proposal; the next by index goes on in the same view", () => {
    const cluster = started();
    decide(cluster, cluster.nodes, "add-5");
    join(cluster, five);
    cluster.load(5, seconds(10), ids(2, 3, 4, 5));
    cluster.run(seconds(3));
    cluster.order("remove-1", cluster.nodes);
    cluster.run(seconds(20));
    expect(ids(2, 3, 4, 5).map((id) => status(cluster, id))).toMatchObject(
      Array.from({ length: 4 }, () => ({ view: 0, leader: 2, poolCount: 0 })),
    );
    expect(stepsOf(cluster, "complaint")).toEqual([]);
  });

  /** Members come and go while links fail and heal; then all is well for two minutes. */
  function troubled(options: Partial<ClusterOptions>): Cluster {
    const cluster = started({ spare: 2, ...options });
    const { random } = cluster;
    cluster.load(5, seconds(60), ids(1, 2, 3, 4, 5, 6));
    for (const order of ["add-5", "touch-1", "add-6", "remove-2", "touch-2"]) {
      cluster.order(order, ids(1, 3, 4));
      const victim = nodeId(random.integer(1, 4));
      cluster.links.cut(victim);
      cluster.run(milliseconds(random.integer(100, 9_000)));
      cluster.links.heal(victim);
      cluster.run(milliseconds(random.integer(100, 4_000)));
      const ledgers = cluster.nodes.map((id) => cluster.ledger(id));
      const highest = ledgers.toSorted((left, right) => right.height - left.height)[0];
      for (const id of highest?.configuration.nodes ?? []) if (!cluster.nodes.includes(id)) cluster.join(id);
      expect(disagreements(cluster), `seed ${options.seed}, after ${order}`).toEqual([]);
    }
    cluster.run(seconds(120));
    expect(disagreements(cluster), `seed ${options.seed}`).toEqual([]);
    return cluster;
  }

  it.each(["a", "b", "c", "d", "e", "f"])(
    "improved, seed %s: all who stay agree, and decide once links are well",
    (seed) => {
      const protocol = { fidelity: "improved", ...(seed > "c" ? tenure : {}) } as const;
      const cluster = troubled({ seed, protocol });
      const members = ids(1, 3, 4, 5, 6);
      expect(cluster.ledger(one).configuration.nodes).toEqual(members);
      const before = height(cluster, members);
      cluster.submit("at last", members);
      cluster.runUntil(`seed ${seed}: at last`, () => members.every((id) => cluster.ledger(id).height > before));
    },
  );

  it("library: they agree; but who learns of new members in mid view change falls back in view numbers for good (surprise 34)", () => {
    const stuck: string[] = [];
    for (const seed of ["a", "b", "c"]) {
      const cluster = troubled({ seed });
      const next = ids(1, 3, 4).map((id) => status(cluster, id));
      const asked = next.filter(({ nextView, realView }) => nextView > realView).map(({ nextView }) => nextView);
      if (new Set(asked).size > 1) stuck.push(seed);
    }
    expect(stuck).toEqual(["a"]);
  });
});

describe("one replica", () => {
  it("keeps its pool, whose timers begin anew, and takes new options but for the pool's size", () => {
    const bench = new Bench({ self: 2, protocol: { requestPoolSize: 2 } }).start();
    bench.submit("a", "b");
    bench.pass(seconds(1));
    bench.reconfigure = {
      nodes: bench.nodes,
      options: { requestForwardTimeout: seconds(3), requestPoolSize: 100, requestMaxBytes: 20 },
    };
    bench.decide(1, "other");
    expect(bench.replica.status()).toMatchObject({ poolCount: 2, view: 0, sequence: 1, active: true });
    bench.clear();
    bench.pass(milliseconds(2_999));
    expect(bench.steps("forwardTimeout")).toEqual([]);
    bench.pass(milliseconds(1));
    expect(bench.steps("forwardTimeout")).toHaveLength(2);
    bench.submit("a request of more than twenty bytes");
    expect(bench.steps("refused")).toEqual([{ reason: "request too large" }]);
    bench.clear();
    bench.submit("c");
    bench.pass(seconds(5));
    expect(bench.steps("refused")).toEqual([{ reason: "pool full" }]);
  });

  it("ignores answers to what it asked before", () => {
    const bench = new Bench({ self: 2 }).start();
    const first = bench.proposal({ sequence: 1 }, "a");
    bench.from(1, bench.prePrepare(first, { sequence: 1 }));
    for (const id of [3, 4]) bench.from(id, bench.prepare(first, { sequence: 1 }));
    // A late vote's signature is still being checked when the decision is delivered.
    bench.from(3, bench.commit(3, first, { sequence: 1 }));
    bench.holdVerification = true;
    bench.from(1, bench.commit(1, first, { sequence: 1 }));
    const [late] = bench.held.splice(0);
    bench.holdVerification = false;
    bench.reconfigure = { nodes: bench.nodes };
    bench.from(4, bench.commit(4, first, { sequence: 1 }));
    expect(bench.steps("reconfigured")).toHaveLength(1);
    if (late !== undefined) bench.input(late);
    expect(bench.replica.status()).toMatchObject({ sequence: 1, active: true });
    bench.reconfigure = undefined;
    bench.decide(2, "b");
    expect(bench.ledger.height).toBe(2);
  });

  it("improved: that a sync brings with decisions of the view it was changing to, it goes on in that view, and asks for none", () => {
    const bench = new Bench({ height: 1, self: 4, protocol: { fidelity: "improved" } }).start();
    for (const id of [1, 3]) bench.from(id, { kind: "ViewChange", nextView: view(1), reason: "" });
    expect(bench.steps("viewDataSent")).toEqual([{ nextView: 1, leader: 2 }]);
    bench.clear();
    bench.beyond = [bench.decision(2, { view: 1, decisions: 0 })];
    bench.reconfigure = { nodes: bench.nodes };
    bench.pass(seconds(60));
    expect(bench.steps("reconfigured")).toHaveLength(1);
    expect(bench.steps("viewDataSent")).toEqual([]);
    expect(bench.replica.status()).toMatchObject({ view: 1, realView: 1, sequence: 2, active: true });
  });

  it("refuses options that break the rules, as the library does, by stopping", () => {
    const bench = new Bench({ self: 2 }).start();
    bench.reconfigure = { nodes: bench.nodes, options: { requestForwardTimeout: seconds(100) } };
    expect(() => bench.decide(1, "a")).toThrow("requestForwardTimeout must not exceed requestComplainTimeout");
  });

  it("prunes requests that no longer verify when the verification sequence changes", () => {
    const cluster = started({ protocol: { requestBatchMaxInterval: milliseconds(500) } });
    decide(cluster, cluster.nodes);
    cluster.order("revoke-client", [one]);
    // Known to a follower only, whose forward timer has not expired.
    cluster.submit("of a revoked client", [three]);
    cluster.run(milliseconds(900));
    expect(stepsOf(cluster, "pruned").map(({ node, facts }) => [node, facts["count"]])).toEqual([[3, 1]]);
    expect(stepsOf(cluster, "reconfigured")).toEqual([]);
    expect(status(cluster, three).poolCount).toBe(0);
  });
});

const kindOf = (bytes: Uint8Array): string => {
  const decoded = decodeMessage(bytes);
  return decoded.kind === "good" ? decoded.value.kind : "unknown";
};
