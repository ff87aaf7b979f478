// Requests: every client transaction from its intended send time to its outcome, joined from the events of clients and
// peers. Outcomes: `committed` at a peer; `refused` when every orderer refused it; else `unknown`, a timeout included.
// A committed transaction is kept for a while, because orderers may still answer; then it becomes a row and is forgotten.
import { seconds, type Duration, type Instant } from "../base/index.js";
import type { BlockEvent, RequestEvent } from "../boundary/index.js";
import { RecentMap } from "../checks/index.js";

/** Answers that come later than this after the commit are not in the row. */
const keptAfterCommit: Duration = seconds(10);
/** Settled transactions remembered, so that a duplicate or another peer's copy opens no new row. */
const settledRemembered = 200_000;

export interface RequestRow {
  readonly transaction: string;
  /** Absent when the client's invocation was not seen. */
  readonly intendedAt: Instant | undefined;
  readonly acceptedBy: readonly string[];
  readonly refusedBy: readonly string[];
  /** What the first orderer that refused said. */
  readonly refusal: string;
  readonly committedAt: Instant | undefined;
  readonly block: number | undefined;
  readonly peer: string;
  readonly outcome: "committed" | "refused" | "unknown";
}

interface Tracked {
  readonly transaction: string;
  intendedAt: Instant | undefined;
  readonly acceptedBy: string[];
  readonly refusedBy: string[];
  refusal: string;
  committedAt: Instant | undefined;
  block: number | undefined;
  peer: string;
}

export interface RequestCounts {
  invoked: number;
  committed: number;
  refused: number;
  unknown: number;
}

export class Requests {
  readonly #orderers: number;
  readonly #open = new Map<string, Tracked>();
  /** Committed, in order of commit, waiting for late answers. */
  readonly #settling: Tracked[] = [];
  readonly #settled = new RecentMap<string, true>(settledRemembered);
  readonly #row: (row: RequestRow) => void;
  readonly counts: RequestCounts = { invoked: 0, committed: 0, refused: 0, unknown: 0 };
  #uncommitted = 0;

  constructor(orderers: number, row: (row: RequestRow) => void) {
    this.#orderers = orderers;
    this.#row = row;
  }

  /** Transactions asked for and not committed. */
  get uncommitted(): number {
    return this.#uncommitted;
  }

  request(event: RequestEvent): void {
    if (this.#settled.has(event.transaction)) return;
    const tracked = this.#track(event.transaction);
    if (event.state === "invoked") {
      if (tracked.intendedAt === undefined) {
        this.counts.invoked += 1;
        if (tracked.committedAt === undefined) this.#uncommitted += 1;
      }
      tracked.intendedAt = event.intendedAt;
    } else if (event.state === "accepted") tracked.acceptedBy.push(event.orderer);
    else if (event.state === "refused") {
      tracked.refusedBy.push(event.orderer);
      if (tracked.refusal === "") tracked.refusal = event.detail;
    }
  }

  #track(transaction: string): Tracked {
    let tracked = this.#open.get(transaction);
    if (tracked === undefined) {
      tracked = {
        transaction,
        intendedAt: undefined,
        acceptedBy: [],
        refusedBy: [],
        refusal: "",
        committedAt: undefined,
        block: undefined,
        peer: "",
      };
      this.#open.set(transaction, tracked);
    }
    return tracked;
  }

  /** Intended send times of the client transactions that this block commits for the first time anywhere. */
  commit(event: BlockEvent): readonly Instant[] {
    this.#settle(event.at - keptAfterCommit);
    const intended: Instant[] = [];
    for (const transaction of event.transactions) {
      const tracked = this.#open.get(transaction);
      if (tracked === undefined || tracked.committedAt !== undefined) continue;
      tracked.committedAt = event.at;
      tracked.block = event.number;
      tracked.peer = event.node;
      this.#settling.push(tracked);
      if (tracked.intendedAt === undefined) continue;
      this.counts.committed += 1;
      this.#uncommitted -= 1;
      intended.push(tracked.intendedAt);
    }
    return intended;
  }

  #settle(before: number): void {
    let count = 0;
    for (const tracked of this.#settling) {
      if (tracked.committedAt === undefined || tracked.committedAt > before) break;
      this.#close(tracked);
      count += 1;
    }
    if (count > 0) this.#settling.splice(0, count);
  }

  #close(tracked: Tracked): void {
    this.#open.delete(tracked.transaction);
    this.#settled.set(tracked.transaction, true);
    this.#row({
      ...tracked,
      acceptedBy: tracked.acceptedBy.toSorted(),
      refusedBy: tracked.refusedBy.toSorted(),
      outcome: this.#outcomeOf(tracked),
    });
  }

  #outcomeOf(tracked: Tracked): RequestRow["outcome"] {
    if (tracked.committedAt !== undefined) return "committed";
    return new Set(tracked.refusedBy).size >= this.#orderers ? "refused" : "unknown";
  }

  /** No more events: every open transaction becomes a row, by intended time and name. */
  end(): void {
    const rest = [...this.#open.values()].toSorted(
      (left, right) =>
        (left.intendedAt ?? 0) - (right.intendedAt ?? 0) || (left.transaction < right.transaction ? -1 : 1),
    );
    for (const tracked of rest) {
      if (tracked.committedAt === undefined && tracked.intendedAt !== undefined) {
        const outcome = this.#outcomeOf(tracked);
        if (outcome === "refused") this.counts.refused += 1;
        else this.counts.unknown += 1;
      }
      this.#close(tracked);
    }
    this.#settling.length = 0;
  }
}
