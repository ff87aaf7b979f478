// Random faults in two acts: whatever happens, no two ledgers differ and none has a gap; then everything is healed and
// the cluster must decide again within a bound. Each failure names its seed. The last test proves that the checkers see.
import { describe, expect, it } from "vitest";
import { milliseconds, nodeId, seconds, type NodeId } from "../../src/base/index.js";
import { Cluster, disagreements } from "../../src/sim/index.js";
import { decodeMessage, decodeViewData, proposalDigest, type Fidelity } from "../../src/smartbft/index.js";

/** Timers of a demonstration: the same proportions, so that a minute holds many view changes. */
const fast = {
  requestForwardTimeout: milliseconds(500),
  requestComplainTimeout: milliseconds(1500),
  leaderHeartbeatTimeout: seconds(5),
  leaderHeartbeatCount: 5,
  viewChangeTimeout: seconds(5),
  viewChangeResendInterval: seconds(1),
  collectTimeout: milliseconds(200),
  tickInterval: milliseconds(100),
  numOfTicksBehindBeforeSyncing: 10,
};

function troubled(
  seed: number,
  { size, fidelity, crashes }: { size: number; fidelity: Fidelity; crashes: boolean },
): Cluster {
  const cluster = new Cluster({
    size,
    seed,
    linkDelay: milliseconds(2),
    fsync: milliseconds(1),
    verifyTime: () => milliseconds(1),
    syncTime: milliseconds(5),
    protocol: { ...fast, fidelity },
  });
  const random = cluster.random.stream("faults");
  const anyNode = (): NodeId => nodeId(random.integer(1, size));
  for (const source of cluster.nodes) {
    for (const target of cluster.nodes) cluster.links.link(source, target).jitter = milliseconds(random.integer(0, 10));
  }
  cluster.start();
  cluster.load(20, seconds(20));
  for (let round = 0; round < 20; round++) {
    const [source, target] = [anyNode(), anyNode()];
    const kind = random.integer(0, crashes ? 6 : 5);
    if (kind === 0) cluster.links.cut(source);
    else if (kind === 1) cluster.links.heal(source);
    else if (kind === 2) cluster.links.set(source, target, { up: false });
    else if (kind === 3) cluster.links.link(source, target).loss = random.fraction();
    else if (kind === 4) cluster.links.healAll();
    else if (kind === 5) cluster.complain(source);
    else cluster.crash(source);
    cluster.run(milliseconds(random.integer(100, 2000)));
    cluster.start();
  }
  return cluster;
}

function recovers(cluster: Cluster, seed: number): void {
  cluster.links.healAll();
  cluster.start();
  const before = Math.max(...cluster.nodes.map((id) => cluster.ledger(id).height));
  // Requests go on: a request that only a lost leader had cannot be asked for again.
  cluster.load(10, seconds(120));
  cluster.runUntil(
    `seed ${seed} decides again everywhere`,
    () => cluster.nodes.every((id) => cluster.ledger(id).height >= before + 5),
    seconds(130),
  );
}

/** FAULT_SEED=n begins there, FAULT_EFFORT=k runs k times as many: `FAULT_SEED=17 FAULT_EFFORT=0.01` repeats seed 17 alone. */
const firstSeed = Number(process.env["FAULT_SEED"] ?? 1);
const effort = Number(process.env["FAULT_EFFORT"] ?? 1);

describe("random faults", () => {
  it.each([
    { size: 4, fidelity: "library", crashes: false, seeds: 25 },
    { size: 4, fidelity: "library", crashes: true, seeds: 5 },
    { size: 4, fidelity: "improved", crashes: false, seeds: 10 },
    { size: 4, fidelity: "improved", crashes: true, seeds: 10 },
    { size: 7, fidelity: "library", crashes: false, seeds: 5 },
  ] as const)(
    "$seeds seeds with $size nodes, $fidelity, crashes: $crashes",
    ({ seeds, ...how }) => {
      for (let seed = firstSeed; seed < firstSeed + Math.ceil(seeds * effort); seed++) {
        const cluster = troubled(seed, how);
        expect(disagreements(cluster), `seed ${seed}`).toEqual([]);
        recovers(cluster, seed);
        expect(disagreements(cluster), `seed ${seed}`).toEqual([]);
      }
    },
    30_000 * Math.max(1, effort),
  );
});

describe("a livelock of the library", () => {
  // Section 15, item 21, costs liveness too: a View that is started again at the same view and sequence, after a sync,
  // forgets what it voted for there, and its leader proposes something else.
  // 1. Here A and then B were proposed at view 1, sequence 78: node 4 has prepared A, 3 has seen A, 2 and 1 hold B.
  // 2. Nodes 2, 3 and 4 change views without node 1. From their ViewData nobody can tell whether A was decided: for "A"
  //    node 2 argues, for "nothing" only 2 and 3 speak, and three are needed (section 8.8). The leader waits for node 1.
  // 3. Node 1 asks for view 2 and needs the votes of two. It gets help only from nodes that are asking themselves; with
  //    these timers node 2 is always the first to ask, and the others join at once. So node 1 stays behind for ever.
  const seed = 1036;

  it("is reproduced: healed, and nothing is decided for ten minutes, in view after view", () => {
    const cluster = troubled(seed, { size: 4, fidelity: "library", crashes: false });
    cluster.links.healAll();
    const inFlight = new Map<NodeId, string>();
    cluster.tamper = (bytes, { source }) => {
      const message = decodeMessage(bytes);
      if (message.kind === "good" && message.value.kind === "ViewData") {
        const data = decodeViewData(message.value.raw);
        if (data.kind === "good" && data.value.inFlightProposal !== undefined) {
          const { inFlightProposal, inFlightPrepared } = data.value;
          inFlight.set(source, `${proposalDigest(inFlightProposal).slice(0, 8)} ${inFlightPrepared ? "prepared" : ""}`);
        }
      }
      return bytes;
    };
    const highest = (): number => Math.max(...cluster.nodes.map((id) => cluster.ledger(id).height));
    const before = highest();
    cluster.load(1, seconds(600));
    cluster.run(seconds(600));
    expect(highest()).toBe(before);
    expect(cluster.replica(nodeId(2)).status().nextView).toBeGreaterThan(10);
    expect([...inFlight]).toMatchInlineSnapshot(`
      [
        [
          4,
          "85dd0e5b prepared",
        ],
        [
          3,
          "85dd0e5b ",
        ],
        [
          2,
          "e0be62cd ",
        ],
        [
          1,
          "e0be62cd ",
        ],
      ]
    `);
  });

  it("does not begin where a restarted View remembers its votes", () => {
    const cluster = troubled(seed, { size: 4, fidelity: "improved", crashes: false });
    recovers(cluster, seed);
  });
});
