// How many requests wait at each orderer, asked once a second while a run lasts: the backlog that an outage leaves, and what
// tells a lost transaction from one that is only late.
import type { NodeStatus } from "../contract.js";
import { now, pause } from "../../system/index.js";
import type { EventSink } from "../links/event-sink.js";

const everyMs = 1_000;

export class PoolWatch {
  readonly #log: EventSink;
  readonly #orderers: readonly string[];
  readonly #factsOf: (node: string) => Promise<NodeStatus["facts"]>;
  readonly #stopping = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  /** `factsOf` answers a node's status; without the fact, as from a node that is stopped, nothing is told of it. */
  constructor(log: EventSink, orderers: readonly string[], factsOf: (node: string) => Promise<NodeStatus["facts"]>) {
    this.#log = log;
    this.#orderers = orderers;
    this.#factsOf = factsOf;
  }

  start(): void {
    this.#loop = this.#watch();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await Promise.all(this.#orderers.map((orderer) => this.#look(orderer)));
      await pause(everyMs, { signal }).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    }
  }

  async #look(orderer: string): Promise<void> {
    const { poolCount } = await this.#factsOf(orderer);
    if (typeof poolCount !== "number") return;
    this.#log.emit({
      kind: "probe",
      at: now(),
      node: orderer,
      probe: "pool",
      subject: orderer,
      asked: "",
      measured: poolCount,
      unit: "count",
    });
  }
}
