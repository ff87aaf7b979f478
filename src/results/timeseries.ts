// Time series: for every bucket of time and every orderer and peer what it committed, accepted, held in its pool, and in
// which view it was. Empty buckets are rows too: a throughput of zero is what this file is for.
import type { Duration, Instant } from "../base/index.js";
import type { Event } from "../boundary/index.js";
import type { Cast } from "./cast.js";

export interface TimeseriesRow {
  readonly startsAt: Instant;
  readonly node: string;
  readonly role: "orderer" | "peer";
  readonly committed: number;
  readonly accepted: number;
  readonly pool: number | undefined;
  readonly view: number | undefined;
  readonly height: number | undefined;
}

interface Node {
  readonly name: string;
  readonly role: "orderer" | "peer";
  committed: number;
  accepted: number;
  pool: number | undefined;
  view: number | undefined;
  height: number | undefined;
}

/** A silence longer than this ends the series: a suspended machine, not a run. */
const bucketsEmptyMax = 100_000;

export class Timeseries {
  readonly #bucket: Duration;
  readonly #row: (row: TimeseriesRow) => void;
  readonly #nodes = new Map<string, Node>();
  #startsAt: Instant | undefined;
  #ended = false;

  constructor(cast: Cast, bucket: Duration, row: (row: TimeseriesRow) => void) {
    this.#bucket = bucket;
    this.#row = row;
    const add = (name: string, role: Node["role"]): void => {
      this.#nodes.set(name, {
        name,
        role,
        committed: 0,
        accepted: 0,
        pool: undefined,
        view: undefined,
        height: undefined,
      });
    };
    for (const orderer of cast.orderers) add(orderer.name, "orderer");
    for (const peer of cast.peers) add(peer, "peer");
  }

  observe(event: Event): void {
    if (event.kind === "phase" && event.phase === "workload-started") this.#startsAt ??= event.at;
    this.#advance(event.at);
    if (event.kind === "block") {
      const node = this.#nodes.get(event.node);
      if (node === undefined) return;
      node.committed += event.transactions.length;
      node.height = Math.max(node.height ?? event.number, event.number);
    } else if (event.kind === "request" && event.state === "accepted") {
      const node = this.#nodes.get(event.orderer);
      if (node !== undefined) node.accepted += 1;
    } else if (event.kind === "probe" && event.probe === "pool") {
      const node = this.#nodes.get(event.subject);
      if (node !== undefined) node.pool = event.measured;
    } else if (event.kind === "step" && (event.step === "viewStarting" || event.step === "viewInstalled")) {
      const node = this.#nodes.get(event.node);
      if (node !== undefined && typeof event.facts["view"] === "number") node.view = event.facts["view"];
    }
    if (event.kind === "phase" && event.phase === "stopped") this.end();
  }

  #advance(at: Instant): void {
    if (this.#startsAt === undefined || this.#ended) return;
    for (let count = 0; at >= this.#startsAt + this.#bucket && count < bucketsEmptyMax; count++) {
      this.#flush(this.#startsAt);
      this.#startsAt = (this.#startsAt + this.#bucket) as Instant; // an instant plus a duration
    }
  }

  #flush(startsAt: Instant): void {
    for (const node of this.#nodes.values()) {
      this.#row({ startsAt, ...node, node: node.name });
      node.committed = 0;
      node.accepted = 0;
    }
  }

  end(): void {
    if (this.#startsAt !== undefined && !this.#ended) this.#flush(this.#startsAt);
    this.#ended = true;
  }
}
