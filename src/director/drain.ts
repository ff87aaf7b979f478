// When a run may end early: every transaction that some orderer accepted is committed, and every orderer and peer has
// reached the same height, for a quiet moment. Until then the drain lasts its full time: a straggler is a result.
import { after, instant, seconds, type Duration, type Instant } from "../base/index.js";
import type { Event } from "../boundary/index.js";
import type { Plan } from "../plan/index.js";

const quietFor: Duration = seconds(1);

/** Commits remembered for acceptances that are heard after them: events of two nodes arrive in no order. */
const recentMax = 20_000;
/** Beyond this many that wait the drain is not cut short. */
const waitingMax = 200_000;

export class Drain {
  readonly #nodes: readonly string[];
  readonly #heights = new Map<string, number>();
  /** Accepted and not committed yet. One peer is enough: equal heights say the rest. */
  readonly #waiting = new Set<string>();
  /** The latest commits, oldest first. */
  readonly #committed = new Set<string>();
  #lastChangeAt: Instant | undefined;

  constructor(plan: Plan) {
    this.#nodes = plan.nodes.flatMap((node) => (node.kind === "orderer" || node.kind === "peer" ? [node.name] : []));
  }

  observe(event: Event): void {
    if (event.kind === "request" && event.state === "accepted") this.#accept(event.transaction);
    if (event.kind !== "block") return;
    this.#heights.set(event.node, Math.max(event.number, this.#heights.get(event.node) ?? 0));
    if (this.#lastChangeAt !== undefined) this.#lastChangeAt = instant(Math.max(event.at, this.#lastChangeAt));
    if (event.role === "peer") for (const transaction of event.transactions) this.#commit(transaction);
  }

  /** The load has stopped at `now`. */
  start(now: Instant): void {
    this.#lastChangeAt = now;
  }

  /** When the drain may end if nothing more happens; undefined before its start and while something is missing. */
  quietAt(): Instant | undefined {
    if (this.#lastChangeAt === undefined || this.#waiting.size > 0) return undefined;
    const heights = new Set(this.#nodes.map((node) => this.#heights.get(node) ?? 0));
    return heights.size === 1 ? after(this.#lastChangeAt, quietFor) : undefined;
  }

  isQuiet(now: Instant): boolean {
    const quietAt = this.quietAt();
    return quietAt !== undefined && now >= quietAt;
  }

  #accept(transaction: string): void {
    if (!this.#committed.has(transaction) && this.#waiting.size < waitingMax) this.#waiting.add(transaction);
  }

  #commit(transaction: string): void {
    this.#waiting.delete(transaction);
    this.#committed.add(transaction);
    if (this.#committed.size <= recentMax) return;
    const [oldest] = this.#committed;
    if (oldest !== undefined) this.#committed.delete(oldest);
  }
}
