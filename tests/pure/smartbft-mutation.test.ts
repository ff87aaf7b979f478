// Proof that the checkers see: with quorums one vote too small, the safety checks of smartbft-faults must fail.
import { expect, it, vi } from "vitest";
import { milliseconds, nodeId, seconds } from "../../src/base/index.js";
import { Cluster, disagreements } from "../../src/sim/index.js";

vi.mock(import("../../src/base/quorum.js"), async (original) => {
  const quorum = await original();
  return { ...quorum, quorumSize: (n: number) => quorum.quorumSize(n) - 1 };
});

it("two halves of a cluster both decide when a quorum is one vote too small, and the checker says so", () => {
  const cluster = new Cluster({
    size: 4,
    seed: "mutation",
    linkDelay: milliseconds(2),
    protocol: { requestForwardTimeout: milliseconds(500), requestComplainTimeout: milliseconds(1500) },
  });
  cluster.start();
  for (const source of [1, 2].map(nodeId)) {
    for (const target of [3, 4].map(nodeId)) {
      cluster.links.set(source, target, { up: false });
      cluster.links.set(target, source, { up: false });
    }
  }
  cluster.load(5, seconds(60), [nodeId(1), nodeId(2)]);
  for (let round = 0; round < 60; round++) cluster.submit(`other ${round}`, [nodeId(3), nodeId(4)]);
  cluster.run(seconds(60));
  expect(disagreements(cluster)).not.toEqual([]);
});
