// The shape of an experiment file, as written. Rules over more than one key are in experiment-rules.ts, what an
// experiment means for one topology in experiment-on-topology.ts.
import * as z from "zod";
import { faultKinds } from "../boundary/index.js";
import {
  choice,
  count,
  duration,
  formed,
  frequency,
  listOf,
  size,
  strictMap,
  suggestionMark,
  text,
  unfit,
} from "./leaves.schema.js";
import { parseTarget } from "./target.js";
import { misbehaviours } from "../smartbft/index.js";
import { settingsShape } from "./settings.schema.js";

const atLeastZero = { min: 0 };
/** 64 is more than any median needs; a typing error of two digits would run for days. */
const repetitionsMax = 1_000;

const workloadSchema = strictMap("a workload", {
  rate: frequency(100_000).describe(
    "Transactions per second, sent at their intended times whatever came of earlier ones",
  ),
  size: size({ expected: 'a size from 1B to 1MiB, like "200B"', max: 1_048_576 }).describe(
    "Payload of one transaction",
  ),
});

/** Kept as written beside what it means: events name a fault's target as it was asked for. */
const targetText = text("a target, like leader or orderer1:eth1").transform((asked, context) => {
  const target = parseTarget(asked);
  if (target.kind === "good") return { asked, target: target.value };
  context.addIssue({ code: "custom", message: `${target.message}${suggestionMark}${target.suggestion}`, input: asked });
  return z.NEVER;
});

const timelineSchema = strictMap("a fault of the timeline", {
  at: duration(atLeastZero).describe("After the timeline's start"),
  fault: choice(faultKinds).describe("What breaks"),
  how: choice(["admin", "carrier", "blackhole", "one-way", ...misbehaviours])
    .optional()
    .describe("Which kind of down, or of misbehaviour"),
  target: targetText.describe("What it is aimed at"),
  for: duration().optional().describe("Healed after this long"),
});

const viewChangesSchema = strictMap("a count of view changes", {
  min: count("a whole number from 0", 0, 1_000).describe("At least this many"),
  max: count("a whole number from 0", 0, 1_000).describe("At most this many"),
});

const outageSchema = strictMap("the length of an outage", {
  min: duration(atLeastZero).describe("At least this long"),
  max: duration(atLeastZero).describe("At most this long"),
});

const caughtUpSchema = strictMap("a time to catch up", {
  within: duration().describe("At most this long after the last heal"),
});

const yes = z.literal(true, { error: unfit("true, or no such assertion") });

const assertionSchema = strictMap("an assertion", {
  "view-changes": viewChangesSchema.optional().describe("How many view changes there are"),
  outage: outageSchema.optional().describe("How long the client waits at the longest"),
  "committed-all": yes.optional().describe("Every accepted transaction is committed"),
  "caught-up": caughtUpSchema.optional().describe("Every orderer reaches the same height"),
});

export const experimentSchemaZod = strictMap("an experiment", {
  format: z.literal(1, { error: unfit("format: 1") }).describe("Version of this file's format"),
  name: formed(
    "a name of small letters, digits and hyphens, at most 64, beginning with a letter",
    /^[a-z](?:[a-z0-9-]{0,62}[a-z0-9])?$/,
    "leader-interface-down",
  ).describe("Name of the experiment"),
  topology: text("the path of a topology file").describe("Path of the topology file, relative to this one"),
  profile: choice(["fabric", "library", "fast"]).optional().describe("In place of the topology's profile"),
  ...settingsShape,
  workload: workloadSchema.describe("What the clients offer"),
  "warm-up": duration(atLeastZero).optional().describe("Load before the timeline starts, after the first commit"),
  timeline: listOf("faults", timelineSchema).describe("Faults and when they happen"),
  duration: duration().describe("Load goes on for this long after the timeline's start"),
  drain: duration(atLeastZero).optional().describe("Time for the last commits and for stragglers, at most"),
  phase: duration(atLeastZero).optional().describe("Each repetition shifts every fault by a draw from [0, phase)"),
  repetitions: count(`a whole number from 1 to ${repetitionsMax}`, 1, repetitionsMax)
    .optional()
    .describe("How often the experiment is run"),
  seed: text('a text in quotes, like "1"').optional().describe("Draws everything that is random"),
  "block-source": choice(["follower", "leader", "as-topology"]).optional().describe("Where peers pull blocks from"),
  assert: listOf("assertions", assertionSchema).optional().describe("What must hold for the run to be good"),
});

export type RawExperiment = z.output<typeof experimentSchemaZod>;
export type RawTimelineEntry = z.output<typeof timelineSchema>;
export type RawAssertion = z.output<typeof assertionSchema>;
