// Where what other nodes send waits until the replica has time for it.
//
// `shared`: one queue for all, as the library has it (section 15, item 25). A sender that finds it full waits at its door,
// with everything behind it, and gets in in its turn: so who sends much makes everybody wait for the whole queue.
// `per-sender`: a queue for each sender, served in turn: who sends much waits for itself.
//
// Nothing is dropped here. A host that can hold a sender back (flow control) does so while `isHeldBack`.
import { present, type NodeId } from "../base/index.js";

export type IngressKind = "shared" | "per-sender";

export class Ingress<T> {
  readonly #kind: IngressKind;
  readonly #limit: number;
  /** What each sender has sent, oldest first; with `shared`, what has not got into the queue. */
  readonly #lanes = new Map<NodeId, T[]>();
  /** Senders with something in their lane, in the order of their turn. */
  readonly #turns: NodeId[] = [];
  readonly #queue: { readonly from: NodeId; readonly item: T }[] = [];

  /** `limit`: of the shared queue, or of each sender's. */
  constructor(kind: IngressKind, limit: number) {
    this.#kind = kind;
    this.#limit = limit;
  }

  push(from: NodeId, item: T): void {
    const lane = this.#lanes.get(from) ?? [];
    this.#lanes.set(from, lane);
    lane.push(item);
    if (lane.length === 1) this.#turns.push(from);
    if (this.#kind === "shared") this.#admit();
  }

  /** The next item and whose it is; undefined when nothing waits. */
  take(): { readonly from: NodeId; readonly item: T } | undefined {
    if (this.#kind === "per-sender") return this.#next();
    const first = this.#queue.shift();
    this.#admit();
    return first;
  }

  /** Whether the sender should stop: its own queue is full, or the shared one is. */
  isHeldBack(from: NodeId): boolean {
    const { length } = this.#lanes.get(from) ?? [];
    return this.#kind === "shared" ? length > 0 : length >= this.#limit;
  }

  #admit(): void {
    while (this.#queue.length < this.#limit) {
      const next = this.#next();
      if (next === undefined) return;
      this.#queue.push(next);
    }
  }

  #next(): { readonly from: NodeId; readonly item: T } | undefined {
    const from = this.#turns.shift();
    if (from === undefined) return undefined;
    const lane = present(this.#lanes.get(from), "the lane of a sender that has its turn");
    const item = present(lane.shift(), "something in the lane");
    if (lane.length > 0) this.#turns.push(from);
    return { from, item };
  }
}
