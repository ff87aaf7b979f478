// bench-sim [SECONDS]: what simulation costs, in processor time of this process: decisions a second of the replicas alone
// and of whole worlds, all checks on and crypto stubbed; the cost of a decision against the number of orderers; and how many
// schedules fuzzing gets through.
// Run by scripts/bench sim, which bundles it.
import { fromUtf8, microseconds, milliseconds, seconds, toHex, type Instant } from "../../src/base/index.js";
import type { Event } from "../../src/boundary/index.js";
import { AllChecks, type CheckContext } from "../../src/checks/index.js";
import { planFor } from "../../src/plan/index.js";
import { Cluster, defaultCosts, fuzzRun, scheduleOf, World, type LogEntry } from "../../src/sim/index.js";
import { proposalDigest } from "../../src/smartbft/index.js";
import { applyExperiment, parseExperiment, parseTopology } from "../../src/spec/index.js";

interface Figures {
  readonly decisions: number;
  readonly virtualSeconds: number;
  readonly cpuSeconds: number;
  readonly verdict: string;
}

const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

const names = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `orderer${index + 1}`);

const contextFor = (orderers: readonly string[], peers: readonly string[]): CheckContext => ({
  orderers,
  peers,
  fidelity: "library",
  patience: seconds(60),
  faultsExpected: 0,
});

/** Replicas on links alone: the tiny application, no streams and no disks' time. */
function replicas(
  size: number,
  load: { readonly rate: number; readonly batch: number; readonly forSeconds: number },
): Figures {
  const protocol = {
    requestBatchMaxCount: load.batch,
    requestBatchMaxInterval: milliseconds(2),
    requestPoolSize: 10_000,
  };
  const cluster = new Cluster({
    size,
    seed: "bench",
    linkDelay: microseconds(100),
    fsync: microseconds(100),
    protocol,
    remembersSteps: false,
  });
  const orderers = names(size);
  const checks = new AllChecks(contextFor(orderers, ["orderer1"]));
  const observe = (event: Event): void => checks.observe(event);
  observe({
    kind: "environment",
    at: cluster.now,
    node: "",
    format: 1,
    clock: "virtual",
    runtime: "sim",
    lab: "",
    versions: {},
    wallTime: "",
  });
  cluster.onTrace = (entry) => observeTrace(cluster, entry, observe);
  cluster.start();
  cluster.run(seconds(1));
  const warmUp = seconds(Math.min(2, load.forSeconds));
  cluster.load(load.rate, warmUp);
  cluster.run(warmUp);
  const height = (): number => Math.max(...cluster.nodes.map((id) => cluster.ledger(id).height));
  const [from, cpu] = [height(), cpuSeconds()];
  cluster.load(load.rate, seconds(load.forSeconds));
  cluster.run(seconds(load.forSeconds));
  const broken = checks.verdicts().filter(({ verdict }) => verdict === "false");
  return {
    decisions: height() - from,
    virtualSeconds: load.forSeconds,
    cpuSeconds: cpuSeconds() - cpu,
    verdict: broken.map(({ name, detail }) => `${name}: ${detail}`).join("; "),
  };
}

function observeTrace(cluster: Cluster, { at, node, trace }: LogEntry, observe: (event: Event) => void): void {
  if (trace.kind !== "step") return;
  const name = `orderer${node}`;
  const { component, step, facts } = trace;
  observe({ kind: "step", at, node: name, component, step, facts });
  if (step !== "delivered") return;
  const { decisions } = cluster.ledger(node);
  const number = Number(facts["sequence"]);
  const decision = decisions[number - 1];
  if (decision === undefined) return;
  const before = decisions[number - 2];
  const transactions = fromUtf8(decision.proposal.payload).split("\n");
  observe({
    kind: "block",
    at: at as Instant,
    node: name,
    number,
    hash: proposalDigest(decision.proposal),
    previousHash: before === undefined ? toHex(new Uint8Array(32)) : proposalDigest(before.proposal),
    view: Number(facts["view"] ?? 0),
    bytes: decision.proposal.payload.length,
    transactions,
    duplicates: [],
    source: "decision",
    role: "orderer",
  });
}

/** A whole world on one switch: client, peer, streams, disks, processes; every event made and checked. */
function world(
  size: number,
  load: { readonly rate: number; readonly forSeconds: number; readonly messageTrace: boolean },
): Figures {
  const topology = good(parseTopology(switchTopology(size), "bench"));
  const experiment = good(parseExperiment(experimentText(load), "bench"));
  const plan = good(planFor(applyExperiment(topology, experiment, {}), { file: "bench" }));
  const checks = new AllChecks(contextFor(names(size), ["peer1"]));
  const simulated = new World(plan, experiment, "bench", {
    costs: { ...defaultCosts, cores: 0 },
    messageTrace: load.messageTrace,
  });
  let decisions = 0;
  let from = { at: 0, decisions: 0, cpu: 0 };
  while (!simulated.over) {
    for (const event of simulated.advance()) {
      checks.observe(event);
      if (event.kind === "block" && event.role === "peer") decisions += 1;
      if (event.kind === "phase" && event.phase === "timeline-started")
        from = { at: simulated.now, decisions, cpu: cpuSeconds() };
    }
  }
  const broken = checks.verdicts().filter(({ verdict }) => verdict !== "true");
  return {
    decisions: decisions - from.decisions,
    virtualSeconds: (simulated.now - from.at) / 1e6,
    cpuSeconds: cpuSeconds() - from.cpu,
    verdict: broken.map(({ name, detail }) => `${name}: ${detail}`).join("; "),
  };
}

function switchTopology(size: number): string {
  const members = [...names(size), "peer1", "client1"];
  const routes = (own: string): string =>
    members.flatMap((name) => (name === own ? [] : [`{ to: ${name}, via: ${name} }`])).join(", ");
  const nodes = members.map((name) => `  ${name}: { kind: ${name.replace(/\d+$/, "")}, routes: [${routes(name)}] }`);
  const links = members.map((name) => `  - { endpoints: ["${name}:eth1", "sw1"] }`);
  return `format: 1
name: bench
profile: fast
routing: { protocol: static, neighbours: fixed }
protocol: { RequestBatchMaxInterval: 10ms }
nodes:
${nodes.join("\n")}
  sw1: { kind: switch }
links:
${links.join("\n")}
`;
}

const experimentText = ({
  rate,
  forSeconds,
}: {
  readonly rate: number;
  readonly forSeconds: number;
}): string => `format: 1
name: bench
topology: bench.yaml
workload: { rate: ${rate}/s, size: 200B }
warm-up: 5s
timeline: []
duration: ${forSeconds}s
drain: 2s
phase: 1us
repetitions: 1
seed: "1"
block-source: follower
assert: []
`;

function good<T>(parsed: { readonly kind: string; readonly value?: T }): T {
  if (parsed.value !== undefined) return parsed.value;
  throw new Error(JSON.stringify(parsed));
}

function line(label: string, { decisions, virtualSeconds, cpuSeconds: cpu, verdict }: Figures): void {
  const cells = [
    (decisions / cpu).toFixed(0).padStart(12),
    ((1e6 * cpu) / decisions).toFixed(0).padStart(16),
    (cpu / virtualSeconds).toFixed(3).padStart(16),
  ];
  console.log(`${label.padEnd(52)}${cells.join("")}   ${verdict === "" ? "checks hold" : verdict}`);
}

interface Point {
  readonly size: number;
  readonly ms: number;
}

/** Cost of a decision against the number of orderers, on a logarithmic scale; beside it what one message costs. */
function plot(points: readonly Point[]): void {
  console.log("\nms of CPU a decision (a column of # for each doubling), and us a message");
  for (const { size, ms } of points) {
    const bar = "#".repeat(Math.max(1, Math.round(2 * Math.log2(10 * ms))));
    const messageUs = (1e3 * ms) / (2 * size ** 2 - size - 1);
    console.log(
      `n = ${String(size).padEnd(4)} ${bar.padEnd(32)} ${ms.toFixed(2).padStart(9)} ${messageUs.toFixed(0).padStart(6)}`,
    );
  }
}

/** Seeded schedules with all checkers of the fuzzer; the first ones, slow as nothing is compiled yet, do not count. */
function schedules(size: number, count: number): void {
  const choices = { size, fidelity: "library" } as const;
  for (let seed = 1; seed <= 20; seed++) fuzzRun(scheduleOf(seed, choices));
  const cpu = cpuSeconds();
  let [decisions, virtualMs] = [0, 0];
  for (let seed = 1; seed <= count; seed++) {
    const result = fuzzRun(scheduleOf(seed, choices));
    decisions += result.decisions;
    virtualMs += result.virtualMs;
  }
  const spent = cpuSeconds() - cpu;
  const each = `${(virtualMs / count / 1e3).toFixed(1)} virtual s and ${(decisions / count).toFixed(0)} decisions each`;
  console.log(`fuzz, n = ${size}: ${((3600 * count) / spent).toFixed(0)} schedules an hour, ${each}`);
}

const forSeconds = Number(process.argv[2] ?? 20);
console.log(
  `${"".padEnd(52)}${"decisions/s".padStart(12)}${"us of CPU each".padStart(16)}${"CPU s / virt s".padStart(16)}`,
);
line("replicas, n = 4, one request a decision", replicas(4, { rate: 400, batch: 1, forSeconds }));
line("replicas, n = 4, 100 requests a decision", replicas(4, { rate: 4_000, batch: 100, forSeconds }));
line("world, n = 4, 20 decisions/s", world(4, { rate: 20, forSeconds, messageTrace: false }));
line("world, n = 4, 20 decisions/s, messages traced", world(4, { rate: 20, forSeconds, messageTrace: true }));
const points: Point[] = [];
for (const size of [4, 7, 16, 32, 64, 128]) {
  // About the same work at each size: a decision takes 2n² messages.
  const decisions = Math.max(4, Math.round((80 * forSeconds * 16) / size ** 2));
  const rate = Math.min(20, decisions);
  const figures = replicas(size, { rate, batch: 1, forSeconds: decisions / rate });
  line(`replicas, n = ${size}, ${rate} decisions/s`, figures);
  points.push({ size, ms: (1e3 * figures.cpuSeconds) / figures.decisions });
}
for (const size of [7, 16, 32]) {
  const some = Math.max(1, Math.round((forSeconds * 16) / size ** 2));
  line(`world, n = ${size}, 20 decisions/s`, world(size, { rate: 20, forSeconds: some, messageTrace: false }));
}
line("world, n = 128, 1 decision/s", world(128, { rate: 1, forSeconds: 2, messageTrace: false }));
plot(points);
for (const size of [4, 7]) schedules(size, 10 * forSeconds);
