// A follower that is far away and was stopped for a second: does it decide by votes again, or live on syncs? The same question
// to an orderer of ours, to one that is the Go library, and to the simulator.
import { milliseconds } from "../../src/base/index.js";
import type { Event, Implementation } from "../../src/boundary/index.js";
import { LoopbackCluster } from "../netns/loopback-cluster.js";
import { now } from "../../src/system/index.js";
import { isBlock } from "../netns/mixed-cluster.js";
import { loaded, simulated } from "../pure/sim-run.js";
import { FarAway } from "./far-away.js";

export interface Circumstances {
  /** One way, between orderer4 and everybody else. */
  readonly delayMs: number;
  readonly batchIntervalMs: number;
  readonly ratePerSecond: number;
  /** Before it is stopped, and after it goes on. */
  readonly seconds: number;
}

/** How long it is stopped. */
const stopMs = 1_000;
/** From the stop until it has had time for its first syncs. */
const settlingUs = 3_000_000;

export interface Shares {
  /** Blocks of a near follower. */
  readonly near: number;
  /** Blocks that the far one decided by votes, and that it copied. */
  readonly decided: number;
  readonly synced: number;
  readonly syncs: number;
}

const far = "orderer4";

export interface Halves {
  readonly before: Shares;
  readonly after: Shares;
}

export async function onLoopback(
  implementation: Implementation,
  { delayMs, batchIntervalMs, ratePerSecond, seconds }: Circumstances,
  octet: number,
): Promise<Halves> {
  const implementations: readonly Implementation[] = ["testbed", "testbed", "testbed", implementation];
  await using cluster = await LoopbackCluster.prepare({
    orderers: 4,
    octet,
    implementations,
    messageTrace: false,
    options: { requestBatchMaxInterval: milliseconds(batchIntervalMs) },
  });
  await using _place = await FarAway.of(cluster, far, { delayMs });
  await cluster.start();
  const client = cluster.node("client1");
  await client.ask({ do: "start-workload", workload: { ratePerSecond, sizeBytes: 100 } });
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  const events = (): readonly Event[] => [...cluster.node("orderer2").events, ...cluster.node(far).events];
  const before = sharesOf(events());
  const stoppedAt = now();
  cluster.node(far).process.kill("SIGSTOP");
  await new Promise((resolve) => setTimeout(resolve, stopMs));
  cluster.node(far).process.kill("SIGCONT");
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  const after = sharesOf(events().filter(({ at }) => at > stoppedAt + settlingUs));
  for (const node of cluster.running.values()) await node.end("SIGKILL");
  return { before, after };
}

function sharesOf(events: readonly Event[]): Shares {
  const there = events.filter(({ node }) => node === far);
  const from = (source: string): number => there.filter((event) => isBlock(event) && event.source === source).length;
  return {
    near: events.filter((event) => isBlock(event) && event.node === "orderer2").length,
    decided: from("decision"),
    synced: from("sync"),
    syncs: there.filter((event) => event.kind === "step" && event.step === "syncStarted").length,
  };
}

const members = ["orderer1", "orderer2", "orderer3", "orderer4", "peer1", "client1"];

export function inVirtualTime({ delayMs, batchIntervalMs, ratePerSecond, seconds }: Circumstances): Halves {
  const nodes = members.map((name) => `  ${name}: { kind: ${name.replace(/\d/, "")} }`);
  const delay = delayMs === 0 ? "" : `, delay: ${delayMs}ms`;
  const links = members.map(
    (name, index) => `  - { endpoints: ["${name}:eth1", "r1:eth${index + 1}"]${name === far ? delay : ""} }`,
  );
  const topology = `format: 1
name: star
profile: fast
protocol: { RequestBatchMaxInterval: ${batchIntervalMs}ms }
nodes:
${nodes.join("\n")}
  r1: { kind: router }
links:
${links.join("\n")}
`;
  const experiment = `format: 1
name: far-follower
topology: star.yaml
workload: { rate: ${ratePerSecond}/s, size: 100B }
warm-up: 1s
timeline:
  - { at: ${seconds}s, fault: process-pause, target: orderer4, for: 1s }
duration: ${2 * seconds + 1}s
drain: 20s
phase: 1us
repetitions: 1
seed: "1"
block-source: follower
assert: []
`;
  const { events } = simulated(loaded(experiment, topology));
  const stoppedAt = events.find((event) => event.kind === "fault" && event.state === "effective")?.at ?? Number.NaN;
  return {
    before: sharesOf(events.filter(({ at }) => at < stoppedAt)),
    after: sharesOf(events.filter(({ at }) => at > stoppedAt + settlingUs)),
  };
}
