// Service, as clients have it: the instants at which a peer committed their transactions, and the gaps between them.
//
// Before the first fault every such commit is a sign of service. After it only the commit of *new work* is: of a transaction
// intended at or after the fault. Blocks that were already decided when the fault struck still reach the peer some
// milliseconds later; counting them would start the outage late and hide its beginning. The first gap therefore runs from
// the fault itself to the first new block, which is how real Fabric's figures are given (anchors.md 1.1).
//
// An *outage* is a gap that begins while load is offered and is longer than
//     threshold = max(2 × largest gap before the fault, 10 × batch interval, 2 / rate).
// Ten intervals, because a busy processor alone stretches a gap to several of them.
// A gap still open when the run was stopped, with transactions waiting, is an outage without an end: its length is unknown.
import { microseconds, type Duration, type Instant } from "../base/index.js";
import type { BlockEvent } from "../boundary/index.js";
import { Histogram } from "./histogram.js";

const outagesMax = 1_000;

export interface Outage {
  readonly start: Instant;
  /** First commit of new work; undefined when the run was stopped before it. */
  readonly end: Instant | undefined;
  /** When the run was stopped, for an outage without an end. */
  readonly cutAt: Instant;
  readonly peer: string;
  readonly block: number | undefined;
  readonly view: number | undefined;
}

export interface Latencies {
  readonly before: Histogram;
  readonly during: Histogram;
  readonly after: Histogram;
}

export interface ServiceOptions {
  readonly batchInterval: Duration;
  readonly ratePerSecond: number;
}

export class Service {
  readonly #least: number;
  readonly latencies: Latencies = { before: new Histogram(), during: new Histogram(), after: new Histogram() };
  readonly outages: Outage[] = [];
  #timelineAt: Instant | undefined;
  #faultAt: Instant | undefined;
  #loadEndedAt: Instant | undefined;
  #lastBefore: Instant | undefined;
  #gapBefore = 0;
  #lastAfter: Instant | undefined;
  #gapAfter = 0;
  #committedBefore = 0;
  #committedAfter = 0;
  #firstNewWorkAt: Instant | undefined;

  constructor(options: ServiceOptions) {
    const spacing = options.ratePerSecond > 0 ? 1_000_000 / options.ratePerSecond : 0;
    this.#least = Math.max(10 * options.batchInterval, 2 * spacing);
  }

  timelineStarted(at: Instant): void {
    this.#timelineAt ??= at;
  }

  /** The first fault took effect; later ones change nothing here. */
  faulted(at: Instant): void {
    if (this.#faultAt !== undefined) return;
    this.#faultAt = at;
    this.#lastAfter = at;
    if (this.#lastBefore !== undefined) this.#gapBefore = Math.max(this.#gapBefore, at - this.#lastBefore);
  }

  loadEnded(at: Instant): void {
    this.#loadEndedAt ??= at;
  }

  /** A peer's block and the intended times of the transactions that it commits for the first time. */
  commit(event: BlockEvent, intended: readonly Instant[]): void {
    if (intended.length === 0 || this.#timelineAt === undefined) return;
    if (this.#faultAt === undefined) this.#commitBefore(event.at, intended.length);
    else if (intended.some((at) => at >= (this.#faultAt ?? at))) this.#commitAfter(event);
    for (const at of intended) this.#addLatency(at, event.at);
    if (this.#faultAt !== undefined && this.outages.length > 0 && this.#loadEndedAt === undefined) {
      if (event.at > (this.outages[0]?.end ?? event.at)) this.#committedAfter += intended.length;
    }
  }

  #commitBefore(at: Instant, count: number): void {
    if (this.#lastBefore !== undefined) this.#gapBefore = Math.max(this.#gapBefore, at - this.#lastBefore);
    this.#lastBefore = at;
    this.#committedBefore += count;
  }

  #commitAfter(event: BlockEvent): void {
    this.#firstNewWorkAt ??= event.at;
    const start = this.#lastAfter;
    this.#lastAfter = event.at;
    // A gap that began after the load had ended is only the end of the queue.
    if (start === undefined || (this.#loadEndedAt !== undefined && start >= this.#loadEndedAt)) return;
    const gap = event.at - start;
    this.#gapAfter = Math.max(this.#gapAfter, gap);
    if (gap <= this.threshold || this.outages.length >= outagesMax) return;
    const { at, node, number, view } = event;
    this.outages.push({ start, end: at, cutAt: at, peer: node, block: number, view });
  }

  /** Before: nothing had happened to it. During: an outage lay between its sending and its commit. After: all others. */
  #addLatency(intendedAt: Instant, committedAt: Instant): void {
    const latency = committedAt - intendedAt;
    if (this.#timelineAt === undefined || intendedAt < this.#timelineAt) return;
    const wasHeldUp = this.outages.some((outage) => intendedAt < outage.cutAt && committedAt > outage.start);
    if (wasHeldUp) this.latencies.during.add(latency);
    else if (this.#faultAt === undefined || intendedAt < this.#faultAt) this.latencies.before.add(latency);
    else this.latencies.after.add(latency);
  }

  /** The run was stopped at `at` with so many transactions waiting. */
  end(at: Instant, waiting: number): void {
    const start = this.#lastAfter;
    if (start === undefined || waiting === 0) return;
    if (this.#loadEndedAt !== undefined && start >= this.#loadEndedAt) return;
    if (at - start <= this.threshold) return;
    this.outages.push({ start, end: undefined, cutAt: at, peer: "", block: undefined, view: undefined });
  }

  /** A gap longer than this is an outage. */
  get threshold(): Duration {
    return microseconds(Math.max(2 * this.#gapBefore, this.#least));
  }

  get largestGapBefore(): Duration | undefined {
    return this.#gapBefore === 0 ? undefined : microseconds(this.#gapBefore);
  }

  get largestGapAfter(): Duration | undefined {
    return this.#firstNewWorkAt === undefined ? undefined : microseconds(this.#gapAfter);
  }

  /** Commits per second from the timeline's start to the fault (or to the end of the load where there is none). */
  get throughputBefore(): number | undefined {
    const until = this.#faultAt ?? this.#loadEndedAt;
    if (this.#timelineAt === undefined || until === undefined || until <= this.#timelineAt) return undefined;
    return (this.#committedBefore * 1_000_000) / (until - this.#timelineAt);
  }

  /** Commits per second from the end of the first outage to the end of the load. */
  get throughputAfter(): number | undefined {
    const since = this.outages[0]?.end;
    if (since === undefined || this.#loadEndedAt === undefined || this.#loadEndedAt <= since) return undefined;
    return (this.#committedAfter * 1_000_000) / (this.#loadEndedAt - since);
  }
}
