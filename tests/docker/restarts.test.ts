// `docker restart` behind our back during a run, of a router and of an orderer: they get their wires again, traffic comes back,
// and the events say what happened, once each and in order.
import Docker from "dockerode";
import { expect, test } from "vitest";
import { milliseconds, seconds } from "../../src/base/index.js";
import type { Event, EventKind, EventOf } from "../../src/boundary/index.js";
import type { RunningLab } from "../../src/lab/index.js";
import type { Experiment } from "../../src/spec/index.js";
import { there, until, waiting, type Look } from "../../src/system/index.js";
import { endOf, eventsOf, planFrom } from "../netns/a-lab.js";
import { noEngine, onEngine, signal, up } from "./on-engine.js";

onEngine();

/**
 * Three orderers are a quorum without the fourth, which stands behind the router that restarts, with peer and client. The timers are
 * those of a machine that may be busy: no view changes here, whatever the processor does.
 */
const topology = `format: 1
name: restarts
profile: fast
protocol: { RequestForwardTimeout: 5s, RequestComplainTimeout: 60s, LeaderHeartbeatTimeout: 60s, LeaderHeartbeatCount: 60 }
routing: { protocol: ospf, hello: 1s, dead: 4s }
nodes:
  o1: { kind: orderer }
  o2: { kind: orderer }
  o3: { kind: orderer }
  o4: { kind: orderer }
  r1: { kind: router }
  r2: { kind: router }
  peer1: { kind: peer }
  client1: { kind: client }
links:
  - endpoints: ["r1:eth1", "r2:eth1"]
  - endpoints: ["o1:eth1", "r1:eth2"]
  - endpoints: ["o2:eth1", "r1:eth3"]
  - endpoints: ["o3:eth1", "r1:eth4"]
  - endpoints: ["o4:eth1", "r2:eth2"]
  - endpoints: ["peer1:eth1", "r2:eth3"]
  - endpoints: ["client1:eth1", "r2:eth4"]
`;

const experiment: Experiment = {
  format: 1,
  name: "restarts",
  topology: "",
  profile: undefined,
  overrides: { protocol: {}, transport: {}, peer: {} },
  workload: { ratePerSecond: 20, sizeBytes: 100 },
  warmUp: seconds(1),
  timeline: [],
  duration: seconds(40),
  drain: seconds(20),
  phase: milliseconds(0),
  repetitions: 1,
  seed: "1",
  blockSource: "follower",
  assertions: [],
};

test("docker restart of a router and of an orderer: wires back, traffic back, events complete", async ({ skip }) => {
  skip(noEngine !== "", noEngine);
  await using lab = await up(planFrom(topology));
  await lab.startRun(experiment, "1");
  await seen(lab, "phase", (event) => event.phase === "timeline-started");
  await restarted(lab, "r2");
  for (const name of ["eth1", "eth2", "eth3", "eth4"])
    expect(await endOf(lab, "r2", name)).toMatchObject({ adminUp: true, carrier: true, addresses: 1 });
  const routerBack = await backAt(lab, "r2");
  await seen(lab, "block", (event) => event.role === "peer" && event.transactions.length > 0 && event.at > routerBack);

  await restarted(lab, "o4");
  expect(await endOf(lab, "o4", "eth1")).toMatchObject({ adminUp: true, carrier: true, addresses: 1 });
  const ordererBack = await backAt(lab, "o4");
  await seen(lab, "block", (event) => event.node === "o4" && event.at > ordererBack);
  await seen(lab, "phase", (event) => event.phase === "stopped", 120_000);

  for (const node of ["r2", "o4"]) {
    const observed = eventsOf(lab, "observed").filter((event) => event.node === node);
    expect(observed.map(({ what, state }) => [what, state])).toEqual([
      ["node-stop", "down"],
      ["node-stop", "up"],
    ]);
    const life = eventsOf(lab, "process").filter((event) => event.node === node);
    expect(life.flatMap((event) => (event.process === "node" ? [event.state] : []))).toEqual([
      "ended",
      "started",
      "ready",
    ]);
    for (const daemon of ["zebra", "ospfd"])
      expect(life.filter((event) => event.process === daemon && event.state === "ready")).toHaveLength(2);
    const ports = eventsOf(lab, "link").filter((event) => event.node === node && event.deleted);
    expect(new Set(ports.map((event) => event.interface)).size).toBe(node === "r2" ? 4 : 1);
  }
  // Nothing but what was done is said to have been done, and nothing is missing.
  expect(eventsOf(lab, "observed")).toHaveLength(4);
  expect(eventsOf(lab, "fault")).toEqual([]);
  expect(eventsOf(lab, "log").filter((event) => event.text.startsWith("events lost"))).toEqual([]);
  const level = (): Look<true> => {
    const heights = ["o1", "o2", "o3", "o4", "peer1"].map((node) => heightOf(lab, node));
    return new Set(heights).size === 1 ? there(true) : waiting(`heights ${heights.join(", ")}`);
  };
  await until(level, { timeoutMs: 60_000, everyMs: 200, signal, what: "all to be level" });
  await lab.down();
}, 300_000);

/** What a user types, by the engine's API; answers when the lab has the node back. */
async function restarted(lab: RunningLab, node: string): Promise<void> {
  await new Docker().getContainer(`testbed.restarts.${node}`).restart({ t: 10 });
  await backAt(lab, node);
}

async function backAt(lab: RunningLab, node: string): Promise<number> {
  return (await seen(lab, "observed", (event) => event.node === node && event.state === "up")).at;
}

async function seen<K extends EventKind>(
  lab: RunningLab,
  kind: K,
  is: (event: EventOf<K>) => boolean,
  timeoutMs = 60_000,
): Promise<EventOf<K>> {
  const look = (): Look<EventOf<K>> => {
    const events = eventsOf(lab, kind);
    const found = events.find(is);
    return found === undefined ? waiting(`of kind ${kind} last: ${JSON.stringify(events.at(-1))}`) : there(found);
  };
  return until(look, { timeoutMs, everyMs: 200, signal, what: `an event of kind ${kind}` });
}

function heightOf(lab: RunningLab, node: string): number {
  const blocks: readonly Extract<Event, { kind: "block" }>[] = eventsOf(lab, "block");
  return Math.max(...blocks.filter((event) => event.node === node).map((event) => event.number));
}
