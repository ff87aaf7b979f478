// When a run may end early: every transaction that some orderer accepted is committed at every peer, and every orderer
// has reached the same height, for a quiet moment. Until then the drain lasts its full time: a straggler is a result.
import { after, seconds, type Duration, type Instant } from "../base/index.js";
import type { Event } from "../boundary/index.js";
import type { Plan } from "../plan/index.js";

const quietFor: Duration = seconds(1);

export class Drain {
  readonly #nodes: readonly string[];
  readonly #peers: number;
  readonly #heights = new Map<string, number>();
  /** Accepted transactions → at how many peers they are committed; removed at the last. */
  readonly #pending = new Map<string, number>();
  #lastChangeAt: Instant | undefined;

  constructor(plan: Plan) {
    this.#nodes = plan.nodes.flatMap((node) => (node.kind === "orderer" || node.kind === "peer" ? [node.name] : []));
    this.#peers = plan.nodes.filter((node) => node.kind === "peer").length;
  }

  observe(event: Event): void {
    if (event.kind === "request" && event.state === "accepted") {
      if (!this.#committed.has(event.transaction) && !this.#pending.has(event.transaction)) {
        this.#pending.set(event.transaction, 0);
      }
    }
    if (event.kind !== "block") return;
    this.#heights.set(event.node, Math.max(event.number, this.#heights.get(event.node) ?? 0));
    if (this.#lastChangeAt !== undefined) this.#lastChangeAt = event.at;
    if (event.role === "peer") for (const transaction of event.transactions) this.#commit(transaction);
  }

  /** The load has stopped at `now`. */
  start(now: Instant): void {
    this.#lastChangeAt = now;
  }

  isQuiet(now: Instant): boolean {
    const quietAt = this.quietAt();
    return quietAt !== undefined && now >= quietAt;
  }

  /** When the drain may end if nothing more happens; undefined while something is missing. */
  quietAt(): Instant | undefined {
    if (this.#lastChangeAt === undefined || this.#pending.size > 0) return undefined;
    const heights = new Set(this.#nodes.map((node) => this.#heights.get(node) ?? 0));
    return heights.size === 1 ? after(this.#lastChangeAt, quietFor) : undefined;
  }

  /** Transactions committed everywhere before their acceptance was heard: bounded by what is in flight. */
  readonly #committed = new Map<string, number>();

  #commit(transaction: string): void {
    const seen = (this.#pending.get(transaction) ?? this.#committed.get(transaction) ?? 0) + 1;
    if (this.#pending.has(transaction) && seen >= this.#peers) this.#pending.delete(transaction);
    else if (this.#pending.has(transaction)) this.#pending.set(transaction, seen);
    this.#committed.set(transaction, seen);
    if (this.#committed.size > 20_000) {
      const oldest = this.#committed.keys().next();
      if (!oldest.done) this.#committed.delete(oldest.value);
    }
  }
}
