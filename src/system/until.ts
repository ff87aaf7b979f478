// Waiting for a condition of the world: bounded, cancellable, and able to say what it saw last when it gives up.
import { setTimeout as delay } from "node:timers/promises";
import { OperatingError } from "./errors.js";

/** What a probe found: the value waited for, or a description of the present state. */
export type Look<T> =
  | { readonly kind: "there"; readonly value: T }
  | { readonly kind: "waiting"; readonly seen: string };

export const there = <T>(value: T): Look<T> => ({ kind: "there", value });
export const waiting = (seen: string): Look<never> => ({ kind: "waiting", seen });

export interface UntilOptions {
  readonly timeoutMs: number;
  readonly everyMs: number;
  readonly signal: AbortSignal;
  /** Completes "Wait for …". */
  readonly what: string;
}

/** Probes at once and then every `everyMs`; rejects with an OperatingError that ends in the last thing seen. */
export async function until<T>(probe: () => Look<T> | Promise<Look<T>>, options: UntilOptions): Promise<T> {
  const endAt = performance.now() + options.timeoutMs;
  for (;;) {
    options.signal.throwIfAborted();
    const look = await probe();
    if (look.kind === "there") return look.value;
    if (performance.now() >= endAt) {
      throw new OperatingError(`Wait for ${options.what}: not there after ${options.timeoutMs} ms; ${look.seen}`, {
        facts: { seen: look.seen },
      });
    }
    await pause(options.everyMs, { signal: options.signal });
  }
}

/** A pause between two looks; rejects at once when aborted. Not for readiness: that is `until`. */
export async function pause(milliseconds: number, { signal }: { readonly signal: AbortSignal }): Promise<void> {
  await delay(milliseconds, undefined, { signal });
}
