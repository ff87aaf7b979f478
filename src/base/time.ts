// Instants and durations. One clock: CLOCK_MONOTONIC in integer microseconds, shared by every process on a kernel.
// A `number` holds it exactly for 285 years. Nothing here reads the clock: `system/clock.ts` does.

declare const instantBrand: unique symbol;
declare const durationBrand: unique symbol;

/** Integer microseconds of CLOCK_MONOTONIC (or of virtual time in the simulator). */
export type Instant = number & { readonly [instantBrand]: true };
/** Integer microseconds between two instants; negative where an order is wrong. */
export type Duration = number & { readonly [durationBrand]: true };

export const instant = (microseconds: number): Instant => Math.round(microseconds) as Instant;
export const microseconds = (count: number): Duration => Math.round(count) as Duration;
export const milliseconds = (count: number): Duration => Math.round(count * 1_000) as Duration;
export const seconds = (count: number): Duration => Math.round(count * 1_000_000) as Duration;

export const after = (start: Instant, duration: Duration): Instant => (start + duration) as Instant;
export const between = (start: Instant, end: Instant): Duration => (end - start) as Duration;
export const toMilliseconds = (duration: Duration): number => duration / 1_000;
export const toSeconds = (duration: Duration): number => duration / 1_000_000;

/** The earliest of the instants that are present; undefined when none is. */
export function earliest(...instants: readonly (Instant | undefined)[]): Instant | undefined {
  let first: Instant | undefined;
  for (const candidate of instants) {
    if (candidate !== undefined && (first === undefined || candidate < first)) first = candidate;
  }
  return first;
}
