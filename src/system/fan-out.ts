// Bounded fan-out that is owned: when one task fails, the others are aborted and awaited before the error leaves.

export interface FanOutOptions {
  /** Tasks at once. */
  readonly limit: number;
  readonly signal: AbortSignal;
}

/** Results in the order of the items. Each task gets a signal that is aborted when the caller's is, or when a sibling failed. */
export async function mapBounded<T, R>(
  items: readonly T[],
  options: FanOutOptions,
  task: (item: T, signal: AbortSignal) => Promise<R>,
): Promise<readonly R[]> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const results: R[] = [];
  const failures: unknown[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length && failures.length === 0 && !signal.aborted) {
      const index = next++;
      try {
        results[index] = await task(items[index] as T, signal); // `as`: index < length, and T may be undefined itself
      } catch (error) {
        failures.push(error);
        stop.abort(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(options.limit, items.length) }, worker));
  if (failures.length > 0) throw failures[0];
  options.signal.throwIfAborted();
  return results;
}
