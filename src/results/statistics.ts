// Statistics over repetitions. Times of view changes have several modes (anchors.md section 2), so there is no mean here:
// median, least, greatest, and the quantiles of the values themselves, none interpolated but the median of an even count.

export interface Spread {
  readonly count: number;
  readonly least: number;
  readonly p25: number;
  readonly median: number;
  readonly p75: number;
  readonly greatest: number;
}

/** Undefined for no values. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  const sorted = values.toSorted((left, right) => left - right);
  const count = sorted.length;
  const at = (fraction: number): number => sorted[Math.max(0, Math.ceil(fraction * count) - 1)] ?? 0;
  const least = sorted[0];
  const greatest = sorted.at(-1);
  if (least === undefined || greatest === undefined) return undefined;
  const middle = count / 2;
  const median = Number.isInteger(middle) ? ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2 : at(0.5);
  return { count, least, p25: at(0.25), median, p75: at(0.75), greatest };
}
