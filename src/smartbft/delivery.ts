// The delivery lock (reference sections 5.8 and 9.2): decisions reach the application in order and never twice, though the
// controller, the view changer and a sync may each bring the same one. One delivery or sync at a time, in order of asking.
import { assert, type Sequence } from "../base/index.js";
import type { Checkpoint } from "./checkpoint.js";
import type { Decision, Input, RequestInfo } from "./contract.js";
import type { Core } from "./core.js";

/** With `reconfigured` the caller's component is at its end, and begins nothing. */
export type Delivered = (result: { readonly reconfigured: boolean }) => void;

type Task =
  | { readonly kind: "deliver"; readonly decision: Decision; readonly sequence: Sequence; readonly done: Delivered }
  | { readonly kind: "synchronise"; readonly done: (decision: Decision | undefined) => void };

export class Delivery {
  readonly #core: Core;
  readonly #checkpoint: Checkpoint;
  /** Requests that a sync brought in are removed from the pool, as the library expects of its synchroniser (section 2). */
  readonly #synced: (requests: readonly RequestInfo[]) => void;
  readonly #tasks: Task[] = [];
  #outstanding: { readonly kind: "deliver" } | { readonly kind: "synchronise"; readonly id: number } | undefined;

  constructor(core: Core, checkpoint: Checkpoint, synced: (requests: readonly RequestInfo[]) => void) {
    this.#core = core;
    this.#checkpoint = checkpoint;
    this.#synced = synced;
  }

  /** `done` when the checkpoint is at or past the decision: delivered, or found to be there already. */
  deliver(decision: Decision, sequence: Sequence, done: Delivered): void {
    this.#tasks.push({ kind: "deliver", decision, sequence, done });
    if (this.#tasks.length === 1) this.#begin();
  }

  /** `done` with the ledger's newest decision, before anything else is delivered. */
  synchronise(done: (decision: Decision | undefined) => void): void {
    this.#tasks.push({ kind: "synchronise", done });
    if (this.#tasks.length === 1) this.#begin();
  }

  delivered(sequence: Sequence, { reconfigured }: { readonly reconfigured: boolean }): void {
    const task = this.#tasks[0];
    assert(
      this.#outstanding?.kind === "deliver" && task?.kind === "deliver" && task.sequence === sequence,
      `Sequence ${sequence} was delivered, but not asked for`,
    );
    this.#checkpoint.set(task.decision);
    if (reconfigured) task.done({ reconfigured });
    else this.#end(() => task.done({ reconfigured }));
  }

  synchronised(
    { id, decision, requests }: Pick<Extract<Input, { kind: "synchronised" }>, "id" | "decision" | "requests">,
    { reconfigured }: { readonly reconfigured: boolean },
  ): void {
    const task = this.#tasks[0];
    assert(
      this.#outstanding?.kind === "synchronise" && this.#outstanding.id === id && task !== undefined,
      `Sync ${id} was answered, but never asked or already answered`,
    );
    this.#synced(requests);
    if (reconfigured) {
      if (decision !== undefined) this.#checkpoint.set(decision);
      return;
    }
    if (task.kind === "synchronise") return this.#end(() => task.done(decision));
    // The guard of section 5.8: the sequence was there already, the checkpoint becomes the ledger's newest.
    if (decision !== undefined) this.#checkpoint.set(decision);
    this.#end(() => task.done({ reconfigured }));
  }

  #begin(): void {
    const task = this.#tasks[0];
    if (task === undefined) return;
    if (task.kind === "deliver" && this.#checkpoint.sequence < task.sequence) {
      this.#outstanding = { kind: "deliver" };
      this.#core.emit({ kind: "deliver", sequence: task.sequence, decision: task.decision });
      return;
    }
    const id = this.#core.nextId();
    this.#outstanding = { kind: "synchronise", id };
    this.#core.emit({ kind: "synchronise", id });
  }

  #end(done: () => void): void {
    this.#outstanding = undefined;
    done();
    this.#tasks.shift();
    this.#begin();
  }
}
