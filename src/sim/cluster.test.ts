// The host alone: time, order, disks and crashes. What the protocol does in it is tests/pure/smartbft-*.test.ts.
import { expect, it } from "vitest";
import { milliseconds, nodeId, seconds } from "../base/index.js";
import { Cluster } from "./cluster.js";

it("decides everything that clients submit, at every node, in one order", () => {
  const cluster = new Cluster({ size: 4, seed: 1, linkDelay: milliseconds(5), fsync: milliseconds(1) });
  cluster.start();
  cluster.load(5, seconds(10));
  cluster.run(seconds(11));
  expect(cluster.nodes.map((id) => cluster.ledger(id).height)).toEqual([50, 50, 50, 50]);
  const [first, ...others] = cluster.nodes.map((id) => cluster.ledger(id).decisions.map(({ proposal }) => proposal));
  for (const other of others) expect(other).toEqual(first);
});

it("goes on after the leader is cut off, and after it comes back", () => {
  const cluster = new Cluster({ size: 4, seed: 1, linkDelay: milliseconds(1), fsync: milliseconds(1) });
  cluster.start();
  cluster.load(5, seconds(80));
  cluster.run(seconds(5));
  cluster.links.cut(nodeId(1));
  cluster.run(seconds(40));
  cluster.links.heal(nodeId(1));
  cluster.run(seconds(60));
  expect(new Set(cluster.nodes.map((id) => cluster.ledger(id).height)).size).toBe(1);
  expect(cluster.replica(nodeId(1)).status()).toMatchObject({ view: 1, leader: 2, poolCount: 0 });
});

it("a restarted node goes on from its disk", () => {
  const cluster = new Cluster({ size: 4, seed: 1 });
  cluster.start();
  cluster.load(5, seconds(20));
  cluster.run(seconds(5));
  cluster.crash(nodeId(4));
  cluster.run(seconds(1));
  cluster.start([nodeId(4)]);
  cluster.run(seconds(20));
  expect(new Set(cluster.nodes.map((id) => cluster.ledger(id).height)).size).toBe(1);
});
