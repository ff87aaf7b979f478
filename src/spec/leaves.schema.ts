// The leaves that both schemas are made of, each with the sentence it answers when a value does not fit. Messages travel
// through zod as text, so a message and its suggestion are joined by marks that no YAML can hold.
import * as z from "zod";
import { nearest } from "../base/index.js";
import {
  durationFrom,
  durationPattern,
  expectedUnit,
  frequencyFrom,
  frequencyPattern,
  percentFrom,
  percentPattern,
  rateKbitFrom,
  ratePattern,
  sizeFrom,
  sizePattern,
} from "./units.js";

/** Between message and suggestion, and between several messages of one issue. */
export const suggestionMark = "\u0001";
export const messageMark = "\u0002";

interface Issue {
  readonly input?: unknown;
}

/** `Cannot use "50": expected a duration …`, or what is missing where nothing was written. */
export function unfit(expected: string): (issue: Issue) => string {
  return ({ input }) =>
    input === undefined ? `Missing: expected ${expected}` : `Cannot use ${shown(input)}: expected ${expected}`;
}

export function shown(input: unknown): string {
  if (typeof input === "string") return JSON.stringify(input.length > 60 ? `${input.slice(0, 60)}…` : input);
  if (input === null) return "an empty value";
  if (Array.isArray(input)) return "a list";
  if (typeof input === "number" || typeof input === "boolean") return String(input);
  return "a map";
}

/** A map with these keys and no others; an unknown key is answered with the nearest right spelling. */
export function strictMap<Shape extends z.core.$ZodShape>(
  what: string,
  shape: Shape,
): z.ZodObject<Shape, z.core.$strict> {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== "unrecognized_keys") return unfit(`${what} with ${listed(known)}`)(issue);
      return issue.keys.map((key) => unknownKey(key, known)).join(messageMark);
    },
  });
}

function unknownKey(key: string, known: readonly string[]): string {
  const near = nearest(key, known);
  const suggestion = near === undefined ? `known here: ${known.join(", ")}` : `did you mean "${near}"?`;
  return `Unknown key ${shown(key)}${suggestionMark}${suggestion}`;
}

function listed(words: readonly string[]): string {
  return words.length > 8 ? `keys like ${words.slice(0, 4).join(", ")}` : `the keys ${words.join(", ")}`;
}

export function listOf<Item extends z.ZodType>(what: string, item: Item): z.ZodArray<Item> {
  return z.array(item, { error: unfit(`a list of ${what}`) });
}

export function mapOf<Value extends z.ZodType>(what: string, value: Value): z.ZodRecord<z.ZodString, Value> {
  return z.record(z.string(), value, { error: unfit(`a map of ${what}`) });
}

export function choice<const Words extends readonly [string, ...string[]]>(
  words: Words,
): z.ZodEnum<{ [Word in Words[number]]: Word }> {
  return z.enum(words, {
    error: ({ input }) => {
      const near = typeof input === "string" ? nearest(input, words) : undefined;
      const suggestion = near === undefined ? "" : `${suggestionMark}did you mean "${near}"?`;
      return `${unfit(words.length === 1 ? `${words[0]}` : `one of ${words.join(", ")}`)({ input })}${suggestion}`;
    },
  });
}

export const flag = z.boolean({ error: unfit("true or false") });

/** A word or sentence that the file gives freely. */
export function text(expected: string): z.ZodString {
  return z.string({ error: unfit(expected) }).min(1, { error: unfit(expected) });
}

/** A word of a known form; the form is checked by its pattern, and says `expected` when it does not fit. */
export function formed(expected: string, pattern: RegExp, example: string): z.ZodString {
  return z
    .string({ error: unfit(expected) })
    .regex(pattern, { error: unfit(expected) })
    .meta({ examples: [example] });
}

export function count(expected: string, minimum: number, maximum: number): z.ZodInt {
  const error = unfit(expected);
  return z.int({ error }).min(minimum, { error }).max(maximum, { error });
}

/** A number with a fraction. */
export function number(expected: string, minimum: number, maximum: number): z.ZodNumber {
  const error = unfit(expected);
  return z.number({ error }).min(minimum, { error }).max(maximum, { error });
}

/** `expected` of a text that is none; `within` of one that is, and means what is not allowed. */
function quantity<Value>(
  {
    expected,
    within,
    pattern,
    example,
  }: { readonly expected: string; readonly within: string; readonly pattern: RegExp; readonly example: string },
  from: (text: string) => Value | undefined,
): z.ZodPipe<z.ZodString, z.ZodTransform<Value, string>> {
  const error = unfit(expected);
  return z
    .string({ error })
    .regex(pattern, { error, abort: true })
    .meta({ examples: [example] })
    .transform((written, context): Value => {
      const value = from(written);
      if (value !== undefined) return value;
      context.addIssue({ code: "custom", message: unfit(within)({ input: written }), input: written });
      return z.NEVER;
    });
}

/** Longest duration that anybody means: a week. Keeps every sum of them a safe integer. */
const durationMax = 604_800_000_000;

interface DurationLimits {
  readonly expected?: string;
  readonly example?: string;
  readonly min?: number;
  readonly max?: number;
  /** Microseconds the value must be a multiple of: 1000 for whole milliseconds. */
  readonly step?: number;
}

/** `min` and `max` in microseconds, both allowed; a zero must be asked for with `min: 0`. */
export function duration(limits: DurationLimits = {}) {
  const { expected = expectedUnit.duration, example = "50ms", min = 1, max = durationMax, step = 1 } = limits;
  const range = `a duration ${min === 0 ? "from 0s" : "above 0s"} to 168h in whole microseconds, larger units first, like "1m30s"`;
  const within = limits.expected ?? range;
  return quantity({ expected, within, pattern: durationPattern, example }, (written) => {
    const value = durationFrom(written);
    return value === undefined || value < min || value > max || value % step !== 0 ? undefined : value;
  });
}

export function size(limits: {
  readonly expected?: string;
  readonly example?: string;
  readonly min?: number;
  readonly max: number;
}) {
  const { expected = expectedUnit.size, example = "200B", min = 1, max } = limits;
  return quantity({ expected, within: expected, pattern: sizePattern, example }, (written) => {
    const value = sizeFrom(written);
    return value === undefined || value < min || value > max ? undefined : value;
  });
}

const wholeKbit = 'a rate of whole kilobits from 1kbit, like "10mbit"';
export const rate = quantity(
  { expected: expectedUnit.rate, within: wholeKbit, pattern: ratePattern, example: "10mbit" },
  (written) => {
    const value = rateKbitFrom(written);
    return value === 0 ? undefined : value;
  },
);

export const percent = quantity(
  { expected: expectedUnit.percent, within: "a percentage from 0% to 100%", pattern: percentPattern, example: "1%" },
  percentFrom,
);

export function frequency(max: number) {
  const within = `a number per second above 0/s, at most ${max}/s`;
  return quantity(
    { expected: expectedUnit.frequency, within, pattern: frequencyPattern, example: "50/s" },
    (written) => {
      const value = frequencyFrom(written);
      return value === undefined || value <= 0 || value > max ? undefined : value;
    },
  );
}
