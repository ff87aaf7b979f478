// Throughput and processor time of ordering, the Go library beside our replica, in one interleaved run: scripts/bench
// consensus. Four or seven orderers as processes on loopback, every signature checked (P-256), logs and ledgers synced to
// disk, no trace of messages. Closed loop: two batches of 100 outstanding, each transaction sent to every orderer, as a
// Fabric gateway does; transactions are signed before the clock starts. The load generator shares the processors, and what
// it takes is told: where processors are full, throughput compares programs and generator together, and what compares the
// programs alone is the processor time of an orderer for each transaction.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { milliseconds, present } from "../../src/base/index.js";
import type { Implementation, OrdererConfig } from "../../src/boundary/index.js";
import { BroadcastClient, creatorOf, dataOfSize, envelopeFor, nonceSize } from "../../src/fabric/index.js";
import { Channel } from "../../src/node/channel.js";
import { privateKeyFrom, sign, there, until, waiting } from "../../src/system/index.js";
import { LoopbackCluster } from "./loopback-cluster.js";
import { isBlock } from "./mixed-cluster.js";

/** `improved` checks a request's signature once where `library`, as Fabric and as the Go program, checks it twice. */
const variants = [
  { name: "smartbft-go", implementation: "smartbft-go", fidelity: "library" },
  { name: "testbed", implementation: "testbed", fidelity: "library" },
  { name: "testbed, improved", implementation: "testbed", fidelity: "improved" },
] as const;
type Variant = (typeof variants)[number];
const sizes = [4, 7];
const batchCount = 100;
const outstandingCount = 2 * batchCount;
/** Before the measurement, so that what runs is compiled: a node's first thousands of transactions cost twice as much. */
const warmUpCount = 3_000;
const signal = new AbortController().signal;

interface Figures {
  readonly transactionsPerSecond: number;
  readonly decisionsPerSecond: number;
  /** Processor seconds of one orderer, on average, for 1000 transactions. */
  readonly cpuPer1000: number;
  /** The load generator's, for 1000 transactions. */
  readonly generatorPer1000: number;
  /** Share of the machine's processors that orderers and generator had together, 0 to 1. */
  readonly busy: number;
  readonly leaderRssMb: number;
}

const [rounds = 3, measuredCount = 6_000] = process.argv.slice(2).map(Number);
const measured = new Map<string, Figures[]>();
async function measure(n: number, { implementation, fidelity }: Variant): Promise<Figures> {
  await using cluster = await LoopbackCluster.prepare({
    orderers: n,
    octet: 10 + n + (implementation === "testbed" ? 0 : 20) + (fidelity === "library" ? 0 : 40),
    implementations: Array.from({ length: n }, (): Implementation => implementation),
    messageTrace: false,
    options: {
      fidelity,
      requestBatchMaxCount: batchCount,
      requestBatchMaxInterval: milliseconds(50),
      requestPoolSize: 20_000,
      requestForwardTimeout: milliseconds(20_000),
      requestComplainTimeout: milliseconds(20_000),
      leaderHeartbeatTimeout: milliseconds(60_000),
      tickInterval: milliseconds(1_000),
    },
  });
  const names = Array.from({ length: n }, (_, index) => `orderer${index + 1}`);
  await cluster.start(...names);
  const leader = cluster.node("orderer1");
  using load = new Load(cluster, names);
  await load.untilOrdered(warmUpCount);
  const pids = names.map((name) => present(cluster.node(name).process.pid, "a pid"));
  const [from, cpuBefore, ownBefore] = [leader.events.length, cpuSeconds(pids), cpuSeconds([process.pid])];
  const startedAt = performance.now();
  await load.untilOrdered(warmUpCount + measuredCount);
  const elapsed = (performance.now() - startedAt) / 1_000;
  const cpu = cpuSeconds(pids) - cpuBefore;
  const own = cpuSeconds([process.pid]) - ownBefore;
  const blocks = leader.events.slice(from).filter(isBlock);
  const transactions = blocks.reduce((sum, block) => sum + block.transactions.length, 0);
  return {
    transactionsPerSecond: transactions / elapsed,
    decisionsPerSecond: blocks.length / elapsed,
    cpuPer1000: (cpu / n / transactions) * 1_000,
    generatorPer1000: (own / transactions) * 1_000,
    busy: (cpu + own) / elapsed / availableParallelism(),
    leaderRssMb: rssMb(pids[0] ?? 0),
  };
}

/** Keeps `outstandingCount` transactions on their way; a commit at the leader makes room for the next. */
class Load implements Disposable {
  readonly #clients: readonly BroadcastClient[];
  readonly #signed: readonly Uint8Array[];
  readonly #leader;
  readonly #timer: NodeJS.Timeout;
  #next = 0;
  #seen = 0;
  #ordered = 0;
  #outstanding = 0;

  constructor(cluster: LoopbackCluster, names: readonly string[]) {
    const configs = cluster.configs.filter((config): config is OrdererConfig => names.includes(config.name));
    const [{ transport, consenters, channel, clients }] = configs as [OrdererConfig];
    this.#signed = signedTransactions(cluster, channel, present(clients[0], "a client").publicKey);
    // As many streams as there are transactions outstanding: with fewer, orderers whose answers wait for a processor would be
    // asked for no more than the streams carry, whatever they could order.
    this.#clients = consenters.map((target) => {
      const channel = new Channel(target, "broadcast", transport, () => undefined);
      return new BroadcastClient(channel, transport, () => undefined, outstandingCount);
    });
    this.#leader = cluster.node("orderer1");
    this.#timer = setInterval(() => this.#fill(), 1);
  }

  /** So many transactions are in blocks of the leader. */
  async untilOrdered(count: number): Promise<void> {
    const look = async () => (this.#ordered >= count ? there(true) : waiting(`${this.#ordered} of ${count}`));
    await until(look, { timeoutMs: 300_000, everyMs: 5, signal, what: `${count} transactions in the leader's blocks` });
  }

  #fill(): void {
    for (; this.#seen < this.#leader.events.length; this.#seen++) {
      const event = this.#leader.events[this.#seen];
      if (event?.kind !== "block") continue;
      this.#outstanding -= event.transactions.length;
      this.#ordered += event.transactions.length;
    }
    for (; this.#outstanding < outstandingCount && this.#next < this.#signed.length; this.#outstanding++) {
      const bytes = present(this.#signed[this.#next++], "a transaction");
      for (const client of this.#clients) client.send(this.#next, bytes);
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    for (const client of this.#clients) client[Symbol.dispose]();
  }
}

function signedTransactions(cluster: LoopbackCluster, channel: string, publicKey: string): readonly Uint8Array[] {
  const config = present(
    cluster.configs.find(({ kind }) => kind === "client"),
    "a client",
  );
  const key = privateKeyFrom(readFileSync(config.privateKeyFile, "utf8"));
  const creator = creatorOf({ mspId: "Org1MSP", publicKey });
  // Two batches more than are measured, so that the loop stays closed to the end.
  return Array.from({ length: warmUpCount + measuredCount + 2 * outstandingCount }, (_, index) => {
    const timestamp = { seconds: Math.floor(Date.now() / 1_000), nanoseconds: 0 };
    const data = dataOfSize(100, index);
    const content = { channel, creator, nonce: randomBytes(nonceSize), data, timestamp };
    return envelopeFor({ ...content, sign: (bytes) => sign(key, bytes) }).bytes;
  });
}

/** User and system time of processes, from proc(5); a tick is 10 ms on every Linux. */
function cpuSeconds(pids: readonly number[]): number {
  const ticks = pids.map((pid) => {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return Number(fields[11]) + Number(fields[12]);
  });
  return ticks.reduce((sum, each) => sum + each, 0) / 100;
}

const rssMb = (pid: number): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;

function print(): void {
  const columns = ["tx/s (range)", "dec/s", "CPU-s/1000 tx/node", "generator", "busy", "leader MB"];
  console.log(
    `median of ${rounds} interleaved rounds of ${measuredCount} transactions, batches of ${batchCount}, 100 B of data, P-256 on`,
  );
  console.log(line("n  implementation", columns));
  for (const n of sizes) {
    const of = ({ name }: Variant): readonly Figures[] => present(measured.get(`${n} ${name}`), "figures");
    for (const variant of variants) {
      const rows = of(variant);
      const rates = rows.map((row) => row.transactionsPerSecond);
      const cells = [
        `${median(rates).toFixed(0)} (${Math.min(...rates).toFixed(0)}-${Math.max(...rates).toFixed(0)})`,
        median(rows.map((row) => row.decisionsPerSecond)).toFixed(1),
        median(rows.map((row) => row.cpuPer1000)).toFixed(3),
        median(rows.map((row) => row.generatorPer1000)).toFixed(3),
        `${(100 * median(rows.map((row) => row.busy))).toFixed(0)} %`,
        median(rows.map((row) => row.leaderRssMb)).toFixed(0),
      ];
      console.log(line(`${n}  ${variant.name}`, cells));
    }
    const [library, ...ours] = variants;
    for (const variant of ours) {
      const ratio = (figure: (row: Figures) => number): string =>
        (median(of(variant).map(figure)) / median(of(library).map(figure))).toFixed(2);
      const [throughput, cpu] = [ratio((row) => row.transactionsPerSecond), ratio((row) => 1 / row.cpuPer1000)];
      console.log(`n = ${n}: ${variant.name}: ${throughput} of the library's throughput, ${cpu} of its work per core`);
    }
  }
}

const widths = [20, 8, 20, 11, 7, 11];
const line = (first: string, cells: readonly string[]): string =>
  [first.padEnd(21), ...cells.map((cell, index) => cell.padStart(widths[index] ?? 0))].join("");

function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  return ((sorted[Math.ceil(sorted.length / 2) - 1] ?? 0) + (sorted[Math.floor(sorted.length / 2)] ?? 0)) / 2;
}

/** Last, as the classes above must be there. */
for (let round = 1; round <= rounds; round++) {
  for (const n of sizes) {
    for (const variant of variants) {
      const key = `${n} ${variant.name}`;
      const figures = await measure(n, variant);
      measured.set(key, [...(measured.get(key) ?? []), figures]);
      process.stderr.write(`round ${round}: ${key}: ${figures.transactionsPerSecond.toFixed(0)} tx/s\n`);
    }
  }
}
print();
