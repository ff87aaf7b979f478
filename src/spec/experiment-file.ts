// An experiment file: text in; the canonical experiment, or everything that is wrong with it, out. What it means on its
// topology (do the targets exist, do the settings fit) is judged by `checkAgainst`.
import { seconds, type Parsed } from "../base/index.js";
import { check } from "./check.schema.js";
import { readDocument, sortedProblems } from "./document.js";
import { experimentRuleProblems } from "./experiment-rules.js";
import {
  experimentSchemaZod,
  type RawAssertion,
  type RawExperiment,
  type RawTimelineEntry,
} from "./experiment.schema.js";
import type { Assertion, Experiment, TimelineEntry } from "./experiment.js";
import { formatProblem } from "./format.js";
import { overridesFrom } from "./settings.schema.js";

/** What an experiment that leaves a key out gets. */
const defaults = {
  warmUp: seconds(5),
  drain: seconds(10),
  /** One tick of the profiles `fabric` and `library`, a heartbeat of `fast`. */
  phase: seconds(1),
  repetitions: 1,
  seed: "1",
  blockSource: "follower",
} as const;

/** `file` names the text in messages; it is not opened. */
export function parseExperiment(text: string, file: string): Parsed<Experiment> {
  const source = readDocument(text, file);
  if (source.kind === "bad") return source;
  const foreign = formatProblem(source.value, "experiment");
  if (foreign !== undefined) return { kind: "bad", problems: [foreign] };
  // Every assertion key is optional, so one taken out would leave "says nothing"; its own problem has said enough.
  const checked = check(experimentSchemaZod, source.value, () => false);
  const rules =
    checked.value === undefined
      ? []
      : experimentRuleProblems(checked.value, source.value).filter(({ at }) => !checked.isSpoiled(at));
  const problems = [...checked.problems, ...rules.map(({ problem }) => problem)];
  if (checked.value === undefined || problems.length > 0) return { kind: "bad", problems: sortedProblems(problems) };
  return { kind: "good", value: experimentFrom(checked.value) };
}

function experimentFrom(raw: RawExperiment): Experiment {
  return {
    format: 1,
    name: raw.name,
    topology: raw.topology,
    profile: raw.profile,
    overrides: overridesFrom(raw),
    workload: { ratePerSecond: raw.workload.rate, sizeBytes: raw.workload.size },
    warmUp: raw["warm-up"] ?? defaults.warmUp,
    timeline: raw.timeline.map((entry) => entryFrom(entry)),
    duration: raw.duration,
    drain: raw.drain ?? defaults.drain,
    phase: raw.phase ?? defaults.phase,
    repetitions: raw.repetitions ?? defaults.repetitions,
    seed: raw.seed ?? defaults.seed,
    blockSource: raw["block-source"] ?? defaults.blockSource,
    assertions: (raw.assert ?? []).flatMap((assertion) => assertionsFrom(assertion)),
  };
}

function entryFrom(raw: RawTimelineEntry): TimelineEntry {
  const how = raw.how ?? (raw.fault === "interface-down" ? "admin" : "");
  return { at: raw.at, fault: { what: raw.fault, how, ...raw.target }, for: raw.for };
}

function assertionsFrom(raw: RawAssertion): readonly Assertion[] {
  if (raw["view-changes"] !== undefined) return [{ kind: "view-changes", ...raw["view-changes"] }];
  if (raw.outage !== undefined) return [{ kind: "outage", ...raw.outage }];
  if (raw["caught-up"] !== undefined) return [{ kind: "caught-up", within: raw["caught-up"].within }];
  return raw["committed-all"] === undefined ? [] : [{ kind: "committed-all" }];
}
