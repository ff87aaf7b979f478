// A follower, second in the list of nodes, that stops without closing anything: its kernel still answers, it does not. When
// the others' keepalive has given its connections up, the next send finds an idle channel. `sequential` then stands still
// for as long as that connection is being tried, because who comes later in the list waits: first behind the leader, then,
// when its message has come, behind each follower that meets its own idle channel. Real Fabric does the same (its second
// outage takes 20 to 35 s with attempts of 20 s); `parallel` does not.
import { expect, test } from "vitest";
import { milliseconds, seconds } from "../../src/base/index.js";
import type { BlockEvent, Event, TransportSettings } from "../../src/boundary/index.js";
import { LoopbackCluster } from "./loopback-cluster.js";

const isBlock = (event: Event): event is BlockEvent => event.kind === "block";

/** Longest gap between blocks at a peer that pulls from orderer4, from the stop of orderer2 on, in seconds. */
async function longestGap(broadcast: TransportSettings["broadcast"], octet: number): Promise<number> {
  const transport = {
    broadcast,
    connectTimeout: seconds(8),
    keepaliveTime: seconds(2),
    keepaliveTimeout: milliseconds(1_000),
  };
  // No view change may take part: who complains about the leader waits longer than the stall.
  const options = {
    requestForwardTimeout: seconds(20),
    requestComplainTimeout: seconds(20),
    leaderHeartbeatTimeout: seconds(60),
  };
  await using cluster = await LoopbackCluster.prepare({ orderers: 4, octet, transport, options });
  await cluster.start();
  const peer = cluster.node("peer1");
  await cluster.node("client1").ask({ do: "start-workload", workload: { ratePerSecond: 20, sizeBytes: 200 } });
  await peer.until("a block from orderer4", (event) => isBlock(event) && event.source === "orderer4");
  const from = peer.events.length;
  cluster.node("orderer2").process.kill("SIGSTOP");
  const first = await peer.until("a block after the stop", isBlock, from);
  // 3 s until the keepalive gives up, 8 to 16 s of stall less what overlaps, and time to see blocks flow again.
  await peer.until("blocks in the end", (event) => isBlock(event) && event.at - first.at > seconds(25), from);
  const times = peer.events
    .slice(from)
    .filter(isBlock)
    .map(({ at }) => at);
  expect(peer.events.filter(isBlock).every(({ view }) => view === 0)).toBe(true);
  return Math.max(...times.slice(1).map((at, index) => (at - (times[index] ?? at)) / 1_000_000));
}

test("sequential: blocks stop for as long as a connection to the dead follower is being tried, once or twice", async () => {
  const gap = await longestGap("sequential", 20 + (process.pid % 200));
  expect(gap).toBeGreaterThan(4);
  expect(gap).toBeLessThan(19);
});

test("parallel: blocks go on", async () => {
  expect(await longestGap("parallel", 20 + ((process.pid + 1) % 200))).toBeLessThan(2.5);
});
