// What a run measures about itself, apart from the protocol: that all clocks are one, how busy the machine was, and what
// queues dropped. Taken before the load and after it, as probe events; a verdict on the run is made of them later.
import { readFile } from "node:fs/promises";
import { loadavg } from "node:os";
import type { ProbeEvent } from "../../boundary/index.js";
import type { Plan } from "../../plan/index.js";
import { hasCode, now, runCommand } from "../../system/index.js";
import type { EventSink } from "../links/event-sink.js";
import { probeLinks } from "./link-probes.js";

/** Answers a node's clock in microseconds; declared here because the nodes belong to the agent. */
export interface NodeClocks {
  readonly clocked: readonly string[];
  clockOf(node: string): Promise<number>;
}

const clockAsksEach = 5;

export class RunProbes {
  readonly #plan: Plan;
  readonly #log: EventSink;
  readonly #clocks: NodeClocks;
  #stalledUs: number | undefined;
  #drops: ReadonlyMap<string, number> = new Map();
  #beganAt = now();

  constructor(plan: Plan, log: EventSink, clocks: NodeClocks) {
    this.#plan = plan;
    this.#log = log;
    this.#clocks = clocks;
  }

  async begin(): Promise<void> {
    for (const node of this.#clocks.clocked) await this.#clock(node);
    await probeLinks(this.#plan, this.#log, { signal: new AbortController().signal });
    this.#drops = await this.#queueDrops();
    this.#stalledUs = await cpuStalledUs();
    this.#beganAt = now();
  }

  async end(): Promise<void> {
    const stalledUs = await cpuStalledUs();
    if (stalledUs === undefined || this.#stalledUs === undefined) {
      // No /proc/pressure: runnable processes per minute is all there is.
      this.#tell({ probe: "pressure", subject: "load", measured: loadavg()[0] ?? 0, unit: "count" });
    } else {
      const percent = (100 * (stalledUs - this.#stalledUs)) / Math.max(1, now() - this.#beganAt);
      this.#tell({ probe: "pressure", subject: "cpu", measured: percent, unit: "percent" });
    }
    await this.#tellDrops();
    for (const node of this.#clocks.clocked) await this.#clock(node);
  }

  /** The node's clock against the middle of the question's way there and back; the quickest of some asks counts. */
  async #clock(node: string): Promise<void> {
    let quickestUs = Number.POSITIVE_INFINITY;
    let offsetUs = 0;
    for (let ask = 0; ask < clockAsksEach; ask++) {
      const askedAt = now();
      const theirs = await this.#clocks.clockOf(node);
      const tookUs = now() - askedAt;
      if (tookUs >= quickestUs) continue;
      quickestUs = tookUs;
      offsetUs = theirs - askedAt - tookUs / 2;
    }
    this.#tell({ probe: "clock", subject: node, measured: Math.round(offsetUs), unit: "us" });
  }

  /** Ports that dropped; one row of 0 says that none did. */
  async #tellDrops(): Promise<void> {
    const drops = [...(await this.#queueDrops())].map(([port, count]) => ({
      port,
      count: count - (this.#drops.get(port) ?? 0),
    }));
    const dropping = drops.filter(({ count }) => count > 0);
    const rows = dropping.length > 0 ? dropping : [{ port: "switchboard", count: 0 }];
    for (const { port, count } of rows)
      this.#tell({ probe: "queue-drops", subject: port, measured: count, unit: "count" });
  }

  async #queueDrops(): Promise<ReadonlyMap<string, number>> {
    if (this.#plan.steps.impairments.length === 0) return new Map();
    const signal = new AbortController().signal;
    const text = await runCommand("tc", ["-statistics", "-json", "qdisc", "show"], { signal });
    // iproute2's own format; netem counts what it loses on purpose among its drops, so only other queues tell of a full one.
    const queues = JSON.parse(text) as readonly {
      readonly dev: string;
      readonly kind: string;
      readonly drops?: number;
    }[];
    const drops = new Map<string, number>();
    for (const { dev, kind, drops: count = 0 } of queues) {
      if (kind !== "netem") drops.set(dev, (drops.get(dev) ?? 0) + count);
    }
    return drops;
  }

  #tell(probe: Pick<ProbeEvent, "probe" | "subject" | "measured" | "unit">): void {
    this.#log.emit({ kind: "probe", at: now(), node: "", asked: "", ...probe });
  }
}

/** Time in which some task waited for a processor, since boot (pressure stall information); undefined without it. */
async function cpuStalledUs(): Promise<number | undefined> {
  try {
    const text = await readFile("/proc/pressure/cpu", "utf8");
    const total = /^some .*\btotal=(\d+)/m.exec(text)?.[1];
    return total === undefined ? undefined : Number(total);
  } catch (error) {
    if (hasCode(error, "ENOENT", "EOPNOTSUPP")) return undefined;
    throw error;
  }
}
