// State transfer (reference section 9.2, step 3): F+1 equal answers to "which view, which sequence", or nothing in time.
import { after, type Instant, type NodeId, type Sequence, type View } from "../base/index.js";
import type { Core } from "./core.js";
import type { StateTransferResponse } from "./wire/message.js";

export interface CollectedState {
  readonly view: View;
  readonly sequence: Sequence;
}

export class Collector {
  readonly #core: Core;
  readonly #responses = new Map<NodeId, CollectedState>();
  #done: ((state: CollectedState | undefined) => void) | undefined;
  #due: Instant | undefined;

  constructor(core: Core) {
    this.#core = core;
  }

  /** Asks all others; `done` is called once, with the state or after CollectTimeout with nothing. Earlier answers are discarded. */
  collect(done: (state: CollectedState | undefined) => void): void {
    this.#responses.clear();
    this.#done = done;
    this.#due = after(this.#core.now, this.#core.options.collectTimeout);
    this.#core.broadcast({ kind: "StateTransferRequest" });
  }

  handle(from: NodeId, { view, sequence }: StateTransferResponse): string {
    if (this.#done === undefined) return "dropped: not collecting";
    if (this.#responses.has(from)) return "dropped: answered already";
    this.#responses.set(from, { view, sequence });
    let equal = 0;
    for (const other of this.#responses.values()) if (other.view === view && other.sequence === sequence) equal++;
    if (equal >= this.#core.f + 1) {
      this.#core.trace("collector", "stateCollected", { view, sequence });
      this.#end({ view, sequence });
    }
    return "stored";
  }

  deadline(): Instant | undefined {
    return this.#due;
  }

  expire(): void {
    if (this.#due === undefined || this.#due > this.#core.now) return;
    this.#core.trace("collector", "stateTimeout");
    this.#end(undefined);
  }

  #end(state: CollectedState | undefined): void {
    const done = this.#done;
    this.#done = undefined;
    this.#due = undefined;
    this.#core.later(() => done?.(state));
  }
}
