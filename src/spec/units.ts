// Quantities as people write them: a number and a unit, never a bare number. Conversions are exact or refused: `0.5us`
// is no whole microsecond, so it is not a duration. Nothing is rounded, so a file means the same on every machine.
import type { Duration } from "../base/index.js";

/** What each quantity must look like; error messages and JSON Schema show these. */
export const expectedUnit = {
  duration: 'a duration with a unit, like "50ms"',
  size: 'a size with a unit, like "200B"',
  rate: 'a rate with a unit, like "10mbit"',
  percent: 'a percentage, like "1%"',
  frequency: 'a number per second, like "50/s"',
} as const;

const durationUnits = { h: 3_600_000_000, m: 60_000_000, s: 1_000_000, ms: 1_000, us: 1 } as const;
const sizeUnits = {
  B: 1,
  kB: 1_000,
  MB: 1_000_000,
  GB: 1_000_000_000,
  KiB: 1_024,
  MiB: 1_048_576,
  GiB: 1_073_741_824,
} as const;
/** Decimal, as `tc` has it: 1 kbit is 1000 bits per second. */
const rateUnits = { bit: 1, kbit: 1_000, mbit: 1_000_000, gbit: 1_000_000_000 } as const;

export const durationPattern = /^(?:\d+(?:\.\d+)?(?:h|ms|us|m|s))+$/;
export const sizePattern = /^\d+(?:\.\d+)?(?:B|kB|MB|GB|KiB|MiB|GiB)$/;
export const ratePattern = /^\d+(?:\.\d+)?(?:bit|kbit|mbit|gbit)$/;
export const percentPattern = /^\d+(?:\.\d+)?%$/;
export const frequencyPattern = /^\d+(?:\.\d+)?\/s$/;

/** `50ms`, `1.5s`, `1m30s`: each unit at most once, the larger first. Undefined when it is no duration. */
export function durationFrom(text: string): Duration | undefined {
  if (!durationPattern.test(text)) return undefined;
  let total = 0;
  let previous = Number.POSITIVE_INFINITY;
  for (const match of text.matchAll(/(\d+(?:\.\d+)?)(h|ms|us|m|s)/g)) {
    const factor = unitFactor(durationUnits, match[2]);
    const part = scaled(match[1], factor);
    if (part === undefined || factor >= previous) return undefined;
    previous = factor;
    total += part;
  }
  return Number.isSafeInteger(total) ? (total as Duration) : undefined; // a whole count of microseconds, checked
}

/** Bytes; undefined when it is no size. */
export function sizeFrom(text: string): number | undefined {
  return single(text, sizePattern, sizeUnits);
}

/** Whole kilobits per second; undefined when it is no rate, or not a whole number of them. */
export function rateKbitFrom(text: string): number | undefined {
  const bits = single(text, ratePattern, rateUnits);
  return bits === undefined || bits % 1_000 !== 0 ? undefined : bits / 1_000;
}

/** 0 to 100; undefined when it is no percentage. */
export function percentFrom(text: string): number | undefined {
  if (!percentPattern.test(text)) return undefined;
  const value = Number(text.slice(0, -1));
  return value <= 100 ? value : undefined;
}

/** Times per second; undefined when it is no frequency. */
export function frequencyFrom(text: string): number | undefined {
  return frequencyPattern.test(text) ? Number(text.slice(0, -2)) : undefined;
}

/** The shortest exact text of a duration: `1.5s`, `50ms`, `1m30s`. */
export function durationText(duration: Duration): string {
  if (duration === 0) return "0s";
  const sign = duration < 0 ? "-" : "";
  const size = Math.abs(duration);
  if (size % 1_000 !== 0) return `${sign}${size}us`;
  if (size < 1_000_000) return `${sign}${size / 1_000}ms`;
  const minutes = Math.floor(size / durationUnits.m);
  const rest = size % durationUnits.m;
  const minutesText = minutes === 0 ? "" : `${minutes}m`;
  return `${sign}${minutesText}${rest === 0 ? "" : `${rest / 1_000_000}s`}`;
}

function single(text: string, pattern: RegExp, units: Readonly<Record<string, number>>): number | undefined {
  if (!pattern.test(text)) return undefined;
  const match = /^([\d.]+)(\D+)$/.exec(text);
  return scaled(match?.[1], unitFactor(units, match?.[2]));
}

function unitFactor(units: Readonly<Record<string, number>>, unit: string | undefined): number {
  return units[unit ?? ""] ?? 0;
}

/** The number times the factor when that is a safe integer, in integer arithmetic throughout. */
function scaled(digits: string | undefined, factor: number): number | undefined {
  const [whole = "", fraction = ""] = (digits ?? "").split(".");
  const product = BigInt(`${whole}${fraction}` || "0") * BigInt(factor);
  const divisor = 10n ** BigInt(fraction.length);
  if (product % divisor !== 0n) return undefined;
  const value = Number(product / divisor);
  return Number.isSafeInteger(value) ? value : undefined;
}
