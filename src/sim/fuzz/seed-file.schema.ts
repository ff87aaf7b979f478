// A saved schedule: JSON that says its format, what it raised, and the hash of its traces, so that a repetition can be
// told from a likeness. A file of another format is refused by name.
import * as z from "zod";
import { steps } from "../../smartbft/index.js";
import { alarmCodes, type AlarmCode } from "./alarm.js";
import { allBehaviourNames } from "./ways.js";
import type { Schedule } from "./schedule.js";

export const seedFileFormat = 1;

export interface SeedFile {
  readonly format: typeof seedFileFormat;
  readonly kind: "fuzz-seed";
  /** The alarm it raises; null for a run that was saved without one. */
  readonly alarm: AlarmCode | null;
  readonly traceHash: string;
  readonly schedule: Schedule;
}

const count = z.int().min(0);
const member = z.int().min(1).max(200);
const target = z.union([member, z.enum(["leader", "next", "here"])]);
const percent = z.number().min(0).max(100);
const between = { source: target, target };

const fault = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("cut"), ...between, both: z.boolean() }),
  z.strictObject({ kind: z.literal("isolate"), node: target, way: z.enum(["out", "in"]).exactOptional() }),
  z.strictObject({ kind: z.literal("partition"), nodes: z.array(member) }),
  z.strictObject({ kind: z.literal("loss"), ...between, percent }),
  z.strictObject({ kind: z.literal("delay"), ...between, delayMs: count, jitterMs: count }),
  z.strictObject({ kind: z.literal("duplicate"), ...between, percent }),
  z.strictObject({ kind: z.literal("reorder"), ...between, percent }),
  z.strictObject({ kind: z.literal("crash"), node: target }),
  z.strictObject({ kind: z.literal("slowDisk"), node: target, fsyncMs: count }),
  z.strictObject({ kind: z.literal("complain"), node: z.union([target, z.literal("all")]) }),
  z.strictObject({ kind: z.literal("burst"), count, node: z.union([target, z.literal("all")]) }),
  z.strictObject({
    kind: z.literal("reconfigure"),
    order: z.enum(["add", "remove", "touch", "tenure-0", "tenure-1", "tenure-3"]),
  }),
  z.strictObject({
    kind: z.literal("byzantine"),
    nodes: z.array(member),
    behaviour: z.enum(allBehaviourNames as [string, ...string[]]),
  }), // not empty
  z.strictObject({ kind: z.literal("heal") }),
]);

const when = z.discriminatedUnion("at", [
  z.strictObject({ at: z.literal("time"), ms: count }),
  z.strictObject({
    at: z.literal("step"),
    step: z.enum(steps),
    count: count.min(1),
    delayMs: count,
    chained: z.literal(true).exactOptional(),
  }),
]);

const setting = z.strictObject({
  size: z.int().min(4).max(128),
  fidelity: z.enum(["library", "improved"]),
  decisionsPerLeader: count,
  speedUpViewChange: z.boolean(),
  syncOnStart: z.boolean(),
  emptyAuxiliary: z.boolean(),
  linkDelayMs: count,
  jitterMs: count,
  fsyncMs: count,
  verifyMs: count,
  requestsPerSecond: count.min(1),
  actOneMs: count,
  budget: count.exactOptional(),
  healed: z.array(member),
});

const seedFile = z.strictObject({
  format: z.literal(seedFileFormat),
  kind: z.literal("fuzz-seed"),
  alarm: z.enum(Object.keys(alarmCodes) as [AlarmCode, ...AlarmCode[]]).nullable(), // its own keys
  traceHash: z.string(),
  schedule: z.strictObject({
    seed: count,
    setting,
    events: z.array(z.strictObject({ when, fault, forMs: count.exactOptional() })),
  }),
});

export type SeedFileParsed =
  | { readonly kind: "good"; readonly value: SeedFile }
  | { readonly kind: "bad"; readonly problems: readonly string[] };

export function parseSeedFile(text: string): SeedFileParsed {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { kind: "bad", problems: [`it is no JSON: ${error.message}`] };
  }
  const format = typeof value === "object" && value !== null && "format" in value ? value.format : undefined;
  if (format !== seedFileFormat) {
    const found = format === undefined ? "no format" : `format ${JSON.stringify(format)}`;
    return {
      kind: "bad",
      problems: [`it has ${found}; this version of testbed reads seed files of format ${seedFileFormat}`],
    };
  }
  const parsed = seedFile.safeParse(value);
  if (parsed.success) return { kind: "good", value: parsed.data };
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  return { kind: "bad", problems };
}

export const seedFileText = (file: SeedFile): string => `${JSON.stringify(file, null, 2)}\n`;
