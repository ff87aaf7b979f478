// The world itself: the same bytes every time, links that delay, lose, duplicate, reorder and fill up, processes that are
// killed, paused and started again from their disks, and what is refused.
import { describe, expect, it } from "vitest";
import type { Event } from "../../src/boundary/index.js";
import { defaultCosts, noCosts, refusalsFor, World } from "../../src/sim/index.js";
import { loaded, simulated, type Loaded } from "./sim-run.js";

const patience = { timeout: 120_000 };
const members = ["orderer1", "orderer2", "orderer3", "orderer4", "peer1", "client1"];

/** Everybody on one router; `link` is written on the link of `node`. */
const star = (link = "", node = "orderer2"): string => `format: 1
name: star
profile: fast
nodes:
${members.map((name) => `  ${name}: { kind: ${name.replace(/\d/, "")} }`).join("\n")}
  r1: { kind: router }
links:
${members.map((name, index) => `  - { endpoints: ["${name}:eth1", "r1:eth${index + 1}"]${name === node ? link : ""} }`).join("\n")}
`;

const experiment = (timeline: string, duration = "12s"): string => `format: 1
name: short
topology: star.yaml
workload: { rate: 20/s, size: 100B }
warm-up: 1s
timeline: ${timeline}
duration: ${duration}
drain: 20s
phase: 1us
repetitions: 1
seed: "1"
block-source: follower
assert: []
`;

const quiet = (link?: string): Loaded => loaded(experiment("[]"), star(link));
const withFault = (fault: string): Loaded => loaded(experiment(`\n  - { at: 1s, fault: ${fault} }`), star());
const blocksOf = (events: readonly Event[], node: string): number =>
  events.filter((event) => event.kind === "block" && event.node === node).length;

describe("a run", () => {
  it("is the same bytes when it is run again, message trace and all", patience, () => {
    const first = simulated(withFault("interface-down, target: leader, for: 5s"), { messageTrace: true });
    const again = simulated(withFault("interface-down, target: leader, for: 5s"), { messageTrace: true });
    expect(first.trace).toMatch(/^[0-9a-f]{64}$/);
    expect(again.trace).toBe(first.trace);
    expect(again.events.length).toBe(first.events.length);
  });

  it("is another one under another seed, and says which costs it was made with", patience, () => {
    const one = simulated(quiet());
    const other = simulated(quiet(), { seed: "2/1" });
    expect(other.trace).not.toBe(one.trace);
    expect(one.events[0]).toMatchObject({ kind: "environment", runtime: "sim", clock: "virtual" });
    expect(JSON.stringify(one.events[0])).toContain(`defaults: {\\"format\\":4,\\"cores\\":${defaultCosts.cores}`);
  });

  it("costs time where costs are, and none where they are not", patience, () => {
    const latency = (result: ReturnType<typeof simulated>["result"]): number =>
      result.latencies.before.p50 ?? Number.NaN;
    const free = simulated(withFault("process-pause, target: client1, for: 1s"), { costs: noCosts }).result;
    const charged = simulated(withFault("process-pause, target: client1, for: 1s")).result;
    // Half a batch interval is what remains.
    expect(latency(free)).toBeLessThan(52_000);
    expect(latency(charged) - latency(free)).toBeGreaterThan(5_000);
  });
});

describe("links", () => {
  it("delay: what a peer far away commits was decided that much earlier", patience, () => {
    const { events } = simulated(loaded(experiment("[]"), star(", delay: 40ms", "peer1")), { costs: noCosts });
    const at = (node: string, number: number): number =>
      events.find((event) => event.kind === "block" && event.node === node && event.number === number)?.at ??
      Number.NaN;
    const behind = Array.from({ length: 40 }, (_, index) => at("peer1", 60 + index) - at("orderer4", 60 + index));
    expect(Math.min(...behind)).toBeGreaterThan(39_900);
    expect(Math.max(...behind)).toBeLessThan(45_000);
  });

  it("lose and jitter: streams stay whole and in order, and everybody reaches the same height", patience, () => {
    const { result, events } = simulated(quiet(", delay: 5ms, jitter: 4ms, loss: 2%"), { costs: noCosts });
    expect(result.requestCounts.committed).toBe(result.requestCounts.invoked);
    expect(result.stragglers).toEqual([]);
    expect(blocksOf(events, "orderer2")).toBe(blocksOf(events, "orderer3"));
  });

  it("duplicate and reorder: nothing is ordered twice", patience, () => {
    const { plan, experiment: short } = quiet(", delay: 5ms");
    const world = new World(plan, short, "1/1", { costs: noCosts, messageTrace: false });
    for (const name of ["orderer2:eth1", "r1:eth2"]) {
      const end = world.network.interfaces.get(name);
      if (end !== undefined) Object.assign(end.direction, { duplicatePercent: 20, reorderPercent: 20 });
    }
    const transactions: string[] = [];
    while (!world.over) {
      for (const event of world.advance())
        if (event.kind === "block" && event.node === "orderer2") transactions.push(...event.transactions);
    }
    expect(transactions.length).toBeGreaterThan(200);
    expect(new Set(transactions).size).toBe(transactions.length);
  });

  it("that are slower than their load fill their queue, and say so", patience, () => {
    const { events } = simulated(quiet(", rate: 64kbit"), { costs: noCosts });
    const drops = events.flatMap((event) => (event.kind === "probe" && event.probe === "queue-drops" ? [event] : []));
    expect(drops.some(({ measured }) => measured > 0)).toBe(true);
  });
});

describe("processes", () => {
  it("a leader that is killed is replaced, starts again from its disk and catches up", patience, () => {
    const { result, events } = simulated(withFault("process-kill, target: leader, for: 5s"));
    expect(result).toMatchObject({ verdict: "true", viewChangeCount: 1, stragglers: [] });
    const life = events.flatMap((event) =>
      event.kind === "process" && event.node === "orderer1" ? [`${event.state} ${event.detail}`.trim()] : [],
    );
    expect(life.map((each) => each.split(" ")[0])).toEqual(["started", "ready", "ended", "started", "ready"]);
    // Its peers' kernels are told at once: FIN, not a timeout.
    const killed = events.find((event) => event.kind === "fault" && event.state === "effective")?.at ?? 0;
    const fin = events.find((event) => event.kind === "socket" && event.state === "fin" && event.at > killed);
    expect((fin?.at ?? Number.POSITIVE_INFINITY) - killed).toBeLessThan(10_000);
  });

  it(
    "a kill at any moment leaves a log and a chain that agree: no vote is taken back, no block is lost",
    patience,
    () => {
      for (const seed of ["a", "b", "c"]) {
        const { result } = simulated(withFault("process-kill, target: follower, for: 2s"), { seed });
        expect(result.checks.filter(({ verdict }) => verdict === "false")).toEqual([]);
        expect(result.stragglers).toEqual([]);
      }
    },
  );

  it("a client that is killed has its load again when it is back, a peer its source", patience, () => {
    const { events } = simulated(withFault("process-kill, target: client1, for: 2s"));
    const healed = events.find((event) => event.kind === "fault" && event.state === "healed")?.at ?? 0;
    const invoked = events.filter((event) => event.kind === "request" && event.state === "invoked");
    expect(invoked.filter(({ at }) => at > healed).length).toBeGreaterThan(100);
    const peer = simulated(withFault("process-kill, target: peer1, for: 2s"));
    const sources = peer.events.flatMap((event) =>
      event.kind === "source" && event.state === "pulling" ? [event.orderer] : [],
    );
    expect(sources.at(-1)).toBe(sources[0]);
  });

  it("a follower that is paused holds nobody up and is level again afterwards", patience, () => {
    const { result } = simulated(withFault("process-pause, target: follower, for: 3s"));
    expect(result).toMatchObject({ viewChangeCount: 0, outage: 0, stragglers: [] });
  });
});

describe("whole nodes and daemons", () => {
  const faultsOf = (events: readonly Event[]): readonly string[] =>
    events.flatMap((event) => (event.kind === "fault" ? [event.state] : []));
  const wholeLife = ["requested", "effective", "heal-requested", "healed"];

  it.each(["node-stop, target: leader, for: 6s", "node-kill, target: leader, for: 6s", "node-restart, target: leader"])(
    "%s: its links go with it, the others go on, and it is level again when it is back",
    patience,
    (fault) => {
      const { result, events } = simulated(withFault(fault));
      expect(result).toMatchObject({ verdict: "true", viewChangeCount: 1, stragglers: [] });
      expect(faultsOf(events)).toEqual(wholeLife);
      const links = events.flatMap((event) =>
        event.kind === "link" && event.interface === "eth1" ? [`${event.node} ${event.admin}`] : [],
      );
      expect(links.slice(0, 2)).toEqual(["orderer1 down", "r1 up"]);
      const routes = events.flatMap((event) =>
        event.kind === "route" && event.node === "r1" ? [`${event.action} ${event.destination}`] : [],
      );
      expect(routes[0]).toMatch(/^deleted /);
      expect(routes.at(-1)).toBe(routes[0]?.replace("deleted", "added"));
    },
  );

  it("a node that is paused: its kernel forwards, its neighbours lose it when its hellos stay out", patience, () => {
    const { events } = simulated(withFault("node-pause, target: r1, for: 8s"));
    const at = (action: string): number =>
      events.find((event) => event.kind === "route" && event.action === action && event.node === "orderer2")?.at ?? 0;
    const paused = events.find((event) => event.kind === "fault" && event.state === "effective")?.at ?? 0;
    const deadUs = loaded(experiment("[]"), star()).plan.routing.protocol === "ospf" ? 4_000_000 : 0;
    expect(at("deleted") - paused).toBeGreaterThan(deadUs - 1_100_000);
    expect(at("deleted") - paused).toBeLessThan(deadUs + 100_000);
    expect(at("added")).toBeGreaterThan(paused + 8_000_000);
  });

  it("daemons that die: traffic goes on along the kernel's routes, until the new daemons begin anew", patience, () => {
    const { events, result } = simulated(withFault("frr-kill, target: orderer2, for: 2s"));
    expect(faultsOf(events)).toEqual(wholeLife);
    const healed = events.find((event) => event.kind === "fault" && event.state === "healed")?.at ?? 0;
    const lost = events.find((event) => event.kind === "route" && event.action === "deleted");
    expect(lost?.at).toBeGreaterThan(healed);
    expect(result).toMatchObject({ viewChangeCount: 0, stragglers: [] });
  });
});

describe("Byzantine orderers", () => {
  it.each([
    ["silent", 1, 1],
    ["equivocate", 1, 1],
    ["corrupt-signatures", 0, 0],
    ["crash-prone", 0, 2],
    ["endless-sync", 0, 0],
  ] as const)("%s, the leader: the others stay safe, and go on", patience, (how, viewChangesMin, viewChangesMax) => {
    const { result, events } = simulated(withFault(`byzantine, how: ${how}, target: leader, for: 6s`));
    expect(result.checks.filter(({ verdict }) => verdict === "false")).toEqual([]);
    expect(result.viewChangeCount).toBeGreaterThanOrEqual(viewChangesMin);
    expect(result.viewChangeCount).toBeLessThanOrEqual(viewChangesMax);
    expect(result.requestCounts.committed).toBe(result.requestCounts.invoked);
    const steps = events.flatMap((event) =>
      event.kind === "step" && event.component === "byzantine" ? [`${event.node} ${event.step}`] : [],
    );
    expect(steps).toEqual(["orderer1 misbehaving", "orderer1 behaving"]);
    const details = events.flatMap((event) => (event.kind === "fault" && event.detail !== "" ? [event.detail] : []));
    expect(details).toEqual([`orderer1 says that it misbehaves: ${how}`, "orderer1 says that it is honest"]);
  });
});

describe("what cannot be simulated is named", () => {
  it("a host, an orderer of another implementation, a limit on processors, neighbours that are learned", () => {
    const text = star()
      .replace("  r1: { kind: router }", '  r1: { kind: router }\n  box: { kind: host, command: ["sleep", "9"] }')
      .replace("links:", 'links:\n  - { endpoints: ["box:eth1", "r1:eth9"] }')
      .replace("orderer3: { kind: orderer }", "orderer3: { kind: orderer, implementation: smartbft-go }")
      .replace("peer1: { kind: peer }", "peer1: { kind: peer, cpu: 0.5 }");
    expect(refusalsFor(loaded(experiment("[]"), text).plan)).toEqual([
      {
        at: ["nodes", "orderer3", "implementation"],
        message: '"orderer3" is smartbft-go, a process of its own: the simulator hosts the testbed\'s replica only',
      },
      { at: ["nodes", "peer1", "cpu"], message: '"peer1" has a limit of its own on processors, which is not modelled' },
      {
        at: ["nodes", "box"],
        message: '"box" is a host that runs "sleep 9": the simulator runs orderers, peers and clients of its own only',
      },
    ]);
    expect(refusalsFor(quiet().plan)).toEqual([]);
  });
});
