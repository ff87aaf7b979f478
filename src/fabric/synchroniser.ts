// An orderer's catch-up, as a machine: one instance a sync (fabric-wire.md section 6, its last paragraph). It asks every
// other orderer for its height, takes the (F+1)-th greatest answer as target, since at least one correct orderer is that
// far, and pulls blocks from one orderer at a time, each verified, the next orderer when one fails. The host appends
// blocks in order and answers the replica with the last one's decision (`decisionFrom`) when `done` comes.
import {
  after,
  assert,
  earliest,
  faultsTolerated,
  seconds,
  milliseconds,
  type Duration,
  type Instant,
  type NodeId,
} from "../base/index.js";
import type { VerifyItem } from "../smartbft/index.js";
import type { ConsenterKey } from "./block-verification.js";
import type { Block, Head } from "./block.js";
import { ChainIntake } from "./chain-intake.js";
import { decodeDeliverResponse, seekNewest, seekRange, status } from "./deliver.js";
import { backoffAfter, type Backoff, type StreamEffect, type StreamInput } from "./deliver-stream.js";

export interface SyncLimits {
  /** Heights that have not come by then are done without. */
  readonly probeTimeout: Duration;
  /** A source that sends nothing for this long is left. */
  readonly blockTimeout: Duration;
  /** The whole sync: it ends with what it has. */
  readonly totalTimeout: Duration;
  readonly backoff: Backoff;
}

/** General.Cluster of a Fabric orderer: DialTimeout, ReplicationPullTimeout, × ReplicationMaxRetries, ReplicationRetryTimeout. */
export const fabricSyncLimits: SyncLimits = {
  probeTimeout: seconds(5),
  blockTimeout: seconds(5),
  totalTimeout: seconds(60),
  backoff: { base: milliseconds(100), max: seconds(5) },
};

export interface SynchroniserOptions {
  readonly self: NodeId;
  /** Sources are tried in this order. */
  readonly consenters: readonly (ConsenterKey & { readonly name: string })[];
  /** Last block of the own ledger. */
  readonly head: Head;
  readonly limits: SyncLimits;
}

export type SyncInput =
  | { readonly kind: "start" }
  | { readonly kind: "deadline" }
  | { readonly kind: "verified"; readonly id: number; readonly results: readonly boolean[] }
  | StreamInput;

export type SyncEffect =
  | { readonly kind: "verify"; readonly id: number; readonly items: readonly VerifyItem[] }
  /** Store the block, then `advance` the application by it. In order. */
  | { readonly kind: "append"; readonly block: Block; readonly from: string }
  /** A source was given up. */
  | { readonly kind: "left"; readonly orderer: string; readonly reason: string }
  | { readonly kind: "done"; readonly outcome: SyncOutcome }
  | Exclude<StreamEffect, { readonly kind: "pause" | "resume" }>;

export interface SyncOutcome {
  readonly kind: "caughtUp" | "nothingNewer" | "noAnswers" | "outOfTime";
  /** Blocks appended by this sync. */
  readonly count: number;
  /** Height aimed at; the own height where nothing was. */
  readonly target: number;
}

/** Blocks asked for at once: what a slow verifier has in memory at most. */
const windowCount = 50;

type Stream =
  | { readonly kind: "probe"; readonly orderer: string }
  | { readonly kind: "blocks"; readonly orderer: string; readonly last: number };

export class Synchroniser {
  readonly #options: SynchroniserOptions;
  readonly #sources: readonly string[];
  readonly #intake: ChainIntake;
  readonly #streams = new Map<number, Stream>();
  readonly #heights = new Map<string, number>();
  readonly #firstHeight: number;
  #phase: "idle" | "probing" | "pulling" | "waiting" | "done" = "idle";
  #candidates: readonly string[] = [];
  #attempt = 0;
  #failures = 0;
  #target: number;
  #nextNumber = 1;
  #phaseEnd: Instant | undefined;
  #totalEnd: Instant | undefined;
  #effects: SyncEffect[] = [];

  constructor(options: SynchroniserOptions) {
    this.#options = options;
    this.#sources = options.consenters.filter(({ id }) => id !== options.self).map(({ name }) => name);
    this.#intake = new ChainIntake(options.consenters, options.head, () => this.#nextNumber++);
    this.#firstHeight = options.head.number + 1;
    this.#target = this.#firstHeight;
  }

  step(now: Instant, input: SyncInput): readonly SyncEffect[] {
    this.#effects = [];
    if (this.#phase !== "done") this.#take(now, input);
    return this.#effects;
  }

  deadline(): Instant | undefined {
    return this.#phase === "done" ? undefined : earliest(this.#phaseEnd, this.#totalEnd);
  }

  #take(now: Instant, input: SyncInput): void {
    switch (input.kind) {
      case "start":
        return this.#probe(now);
      case "deadline":
        return this.#expire(now);
      case "opened":
        return;
      case "response":
        return this.#response(now, input.stream, input.bytes);
      case "ended":
        return this.#ended(now, input.stream, input.reason);
      case "verified":
        return this.#verified(now, input.id, input.results);
    }
  }

  get #height(): number {
    return this.#intake.head.number + 1;
  }

  #probe(now: Instant): void {
    assert(this.#phase === "idle", "A synchroniser runs once");
    this.#phase = "probing";
    this.#phaseEnd = after(now, this.#options.limits.probeTimeout);
    this.#totalEnd = after(now, this.#options.limits.totalTimeout);
    for (const orderer of this.#sources) this.#open({ kind: "probe", orderer }, seekNewest);
    if (this.#sources.length === 0) this.#choose(now);
  }

  #expire(now: Instant): void {
    if (this.#totalEnd !== undefined && now >= this.#totalEnd) return this.#finish("outOfTime");
    if (this.#phaseEnd === undefined || now < this.#phaseEnd) return;
    if (this.#phase === "probing") this.#choose(now);
    else if (this.#phase === "waiting") this.#pull(now);
    else if (this.#phase === "pulling") this.#fail(now, "no block in time");
  }

  #response(now: Instant, number: number, bytes: Uint8Array): void {
    const stream = this.#streams.get(number);
    if (stream === undefined) return;
    const response = decodeDeliverResponse(bytes);
    if (response.kind === "bad") return this.#ended(now, number, response.reason);
    if (response.value.kind === "status") {
      // After the last block of a window the source says that it is through.
      if (stream.kind === "blocks" && response.value.status === status.success) return;
      return this.#ended(now, number, `status ${response.value.status}`);
    }
    const { block } = response.value;
    if (stream.kind === "probe") {
      this.#heights.set(stream.orderer, block.header.number + 1);
      this.#close(number);
      return this.#chooseWhenAllAnswered(now);
    }
    if (this.#intake.size >= windowCount) return this.#fail(now, "more blocks than asked for");
    this.#intake.offer(block);
    this.#phaseEnd = after(now, this.#options.limits.blockTimeout);
    this.#check(now);
  }

  #ended(now: Instant, number: number, reason: string): void {
    const stream = this.#streams.get(number);
    if (stream === undefined) return;
    if (stream.kind === "blocks") return this.#fail(now, reason);
    this.#effects.push({ kind: "left", orderer: stream.orderer, reason });
    this.#close(number);
    this.#chooseWhenAllAnswered(now);
  }

  #chooseWhenAllAnswered(now: Instant): void {
    if (this.#phase === "probing" && this.#streams.size === 0) this.#choose(now);
  }

  #choose(now: Instant): void {
    this.#closeAll();
    const answers = [...this.#heights.values()].toSorted((left, right) => right - left);
    if (answers.length === 0) return this.#finish("noAnswers");
    const faults = faultsTolerated(this.#options.consenters.length);
    const target = answers[Math.min(faults, answers.length - 1)] ?? this.#height;
    if (target <= this.#height) return this.#finish("nothingNewer");
    this.#target = target;
    this.#candidates = this.#sources.filter((name) => (this.#heights.get(name) ?? 0) > this.#height);
    this.#pull(now);
  }

  /** Asks the current source for the next window of blocks; a source that has no more yields to the next. */
  #pull(now: Instant): void {
    this.#closeAll();
    const orderer = this.#candidates[this.#attempt % this.#candidates.length] ?? "";
    const height = Math.min(this.#target, this.#heights.get(orderer) ?? 0, this.#height + windowCount);
    if (height <= this.#height) return this.#fail(now, "has no further blocks");
    this.#phase = "pulling";
    this.#phaseEnd = after(now, this.#options.limits.blockTimeout);
    const last = height - 1;
    this.#open({ kind: "blocks", orderer, last }, seekRange(this.#height, last));
  }

  #check(now: Instant): void {
    const check = this.#intake.next();
    if (check === undefined) return;
    if (check.kind === "refused") return this.#fail(now, check.reason);
    this.#effects.push(check);
  }

  #verified(now: Instant, id: number, results: readonly boolean[]): void {
    const outcome = this.#intake.verified(id, results);
    if (outcome === undefined) return;
    if (outcome.kind === "refused") return this.#fail(now, outcome.reason);
    const [stream] = this.#streams.values();
    assert(stream?.kind === "blocks", "A block passes while its stream is open");
    this.#effects.push({ kind: "append", block: outcome.block, from: stream.orderer });
    this.#failures = 0;
    this.#phaseEnd = after(now, this.#options.limits.blockTimeout);
    if (this.#height >= this.#target) return this.#finish("caughtUp");
    if (outcome.block.header.number >= stream.last) return this.#pull(now);
    this.#check(now);
  }

  #fail(now: Instant, reason: string): void {
    const orderer = this.#candidates[this.#attempt % this.#candidates.length] ?? "";
    this.#effects.push({ kind: "left", orderer, reason });
    this.#intake.clear();
    this.#closeAll();
    this.#attempt += 1;
    this.#failures += 1;
    this.#phase = "waiting";
    const { backoff } = this.#options.limits;
    this.#phaseEnd = after(now, backoffAfter(this.#failures, this.#candidates.length, backoff));
  }

  #finish(kind: SyncOutcome["kind"]): void {
    this.#closeAll();
    this.#intake.clear();
    this.#phase = "done";
    const count = this.#height - this.#firstHeight;
    this.#effects.push({ kind: "done", outcome: { kind, count, target: this.#target } });
  }

  #open(stream: Stream, seek: ReturnType<typeof seekRange>): void {
    const number = this.#nextNumber++;
    this.#streams.set(number, stream);
    this.#effects.push({ kind: "open", stream: number, to: stream.orderer, seek });
  }

  #close(number: number): void {
    if (this.#streams.delete(number)) this.#effects.push({ kind: "close", stream: number });
  }

  #closeAll(): void {
    for (const number of this.#streams.keys()) this.#close(number);
  }
}
