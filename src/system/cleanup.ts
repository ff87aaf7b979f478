// Undo in reverse order. Register each undo on the line after the thing was made; leaving the scope runs all of them, even
// when some fail. Cleanup never uses the signal that was just aborted: each undo has a deadline of its own.
import { setTimeout as delay } from "node:timers/promises";
import { OperatingError } from "./errors.js";

type Undo = () => void | Promise<void>;

const undoMsMax = 20_000;

export class CleanupStack implements AsyncDisposable {
  #undos: { readonly what: string; readonly undo: Undo }[] = [];

  /** `what` names the thing that will be undone, for the error when that fails. The undo must be safe to call twice. */
  defer(what: string, undo: Undo): void {
    this.#undos.push({ what, undo });
  }

  /** Hands everything to a new owner; leaving this one's scope then undoes nothing. */
  move(): CleanupStack {
    const next = new CleanupStack();
    next.#undos = this.#undos;
    this.#undos = [];
    return next;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const failures: unknown[] = [];
    for (let entry = this.#undos.pop(); entry !== undefined; entry = this.#undos.pop()) {
      try {
        await bounded(entry.what, entry.undo);
      } catch (cause) {
        failures.push(new OperatingError(`Undo ${entry.what}: failed`, { cause }));
      }
    }
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) throw new AggregateError(failures, `Undo: ${failures.length} steps failed`);
  }
}

async function bounded(what: string, undo: Undo): Promise<void> {
  const timer = new AbortController();
  const late = delay(undoMsMax, "late" as const, { signal: timer.signal, ref: false }).catch(() => "stopped" as const);
  try {
    const first = await Promise.race([Promise.resolve(undo()).then(() => "done" as const), late]);
    if (first === "late") throw new OperatingError(`Undo ${what}: not done after ${undoMsMax} ms`);
  } finally {
    timer.abort();
  }
}
