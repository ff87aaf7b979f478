// Batches of the leader (reference section 5.2): at once when full, else what is there when the interval ends.
//
// With nothing there at the end the library waits another interval, so batches leave on a grid that starts when the
// leader first asked. The grid is kept, but no timer runs while the pool is empty: a leader at rest wakes nobody.
import { after, type Duration, type Instant } from "../base/index.js";
import type { Core } from "./core.js";
import type { Pool } from "./pool.js";

export class Batcher {
  readonly #core: Core;
  readonly #pool: Pool;
  readonly #ready: (requests: readonly Uint8Array[]) => void;
  #closed = false;
  /** When the leader asked; undefined when it did not. */
  #since: Instant | undefined;
  #due: Instant | undefined;

  constructor(core: Core, pool: Pool, ready: (requests: readonly Uint8Array[]) => void) {
    this.#core = core;
    this.#pool = pool;
    this.#ready = ready;
  }

  open(): void {
    this.#closed = false;
  }

  /** A waiting leader gets nothing, not even a full batch, until `open` (section 15, item 13: nobody may call it). */
  close(): void {
    this.#closed = true;
    this.stop();
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** The leader asks for a batch: `ready` is called once, within this step or later. */
  ask(): void {
    if (this.#closed || this.#since !== undefined) return;
    this.#since = this.#core.now;
    this.submitted();
  }

  stop(): void {
    this.#since = undefined;
    this.#due = undefined;
  }

  /** Something entered the pool. */
  submitted(): void {
    if (this.#since === undefined || this.#pool.count === 0) return;
    const { requestBatchMaxCount, requestBatchMaxBytes, requestBatchMaxInterval } = this.#core.options;
    if (this.#pool.count >= requestBatchMaxCount || this.#pool.bytes >= requestBatchMaxBytes) return this.#take();
    if (this.#due !== undefined) return;
    const whole = Math.floor((this.#core.now - this.#since) / requestBatchMaxInterval) + 1;
    this.#due = after(this.#since, (whole * requestBatchMaxInterval) as Duration); // whole microseconds
  }

  deadline(): Instant | undefined {
    return this.#due;
  }

  expire(): void {
    if (this.#due === undefined || this.#due > this.#core.now) return;
    if (this.#pool.count > 0) return this.#take();
    this.#since = this.#due;
    this.#due = undefined;
  }

  #take(): void {
    const { requests, bytes } = this.#pool.head();
    this.stop();
    this.#core.trace("batcher", "batch", { count: requests.length, bytes });
    this.#ready(requests);
  }
}
