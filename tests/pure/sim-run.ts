// Shipped experiments in the simulator, for tests: from file to result, as `testbed sim` does it, without a folder.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Event } from "../../src/boundary/index.js";
import { planFor, type Plan } from "../../src/plan/index.js";
import { RunFold, type RunResult } from "../../src/results/index.js";
import { eventsIn, World, type WorldOptions } from "../../src/sim/index.js";
import type { Fidelity } from "../../src/smartbft/index.js";
import {
  applyExperiment,
  parseExperiment,
  parseTopology,
  type Experiment,
  type ProfileName,
} from "../../src/spec/index.js";

export interface Simulated {
  readonly result: RunResult;
  readonly events: readonly Event[];
  readonly trace: string;
}

export interface SimulationOptions extends WorldOptions {
  readonly profile?: ProfileName;
  readonly seed?: string;
}

const root = join(import.meta.dirname, "..", "..");

export interface Loaded {
  readonly plan: Plan;
  readonly experiment: Experiment;
}

/** An experiment from experiments/, by its name. One that is to have another fidelity must have no protocol of its own. */
export function shipped(name: string, profile?: ProfileName, fidelity?: Fidelity): Loaded {
  const path = join(root, "experiments", `${name}.yaml`);
  const written = readFileSync(path, "utf8");
  const layer = fidelity === undefined ? "" : `protocol: { Fidelity: ${fidelity} }\n`;
  const experimentText = `${written}${layer}`;
  const { topology } = good(parseExperiment(experimentText, path));
  return loaded(experimentText, readFileSync(join(dirname(path), topology), "utf8"), profile);
}

export function loaded(experimentText: string, topologyText: string, profile?: ProfileName): Loaded {
  const experiment = good(parseExperiment(experimentText, "experiment"));
  const written = good(parseTopology(topologyText, "topology"));
  const topology = applyExperiment(written, experiment, { profile });
  return { experiment, plan: good(planFor(topology, { file: "topology" })) };
}

export function simulated({ plan, experiment }: Loaded, options: SimulationOptions = {}): Simulated {
  const { seed = "1/1", ...rest } = options;
  const world = new World(plan, experiment, seed, { messageTrace: false, ...rest });
  const fold = new RunFold({ run: 1, plan, experiment, seed, commit: "" });
  const events: Event[] = [];
  for (const event of eventsIn(world)) {
    events.push(event);
    fold.observe(event);
  }
  return { result: fold.finish(), events, trace: world.trace };
}

function good<T>(
  parsed:
    | { readonly kind: "good"; readonly value: T }
    | { readonly kind: "bad"; readonly problems: readonly unknown[] },
): T {
  if (parsed.kind === "good") return parsed.value;
  throw new Error(JSON.stringify(parsed.problems));
}

/** Rows of a published CSV file by column; cells that hold commas are quoted. */
export function published(folder: string, file: string): readonly Readonly<Record<string, string>>[] {
  const text = readFileSync(join(root, "docs", "measured", folder, file), "utf8");
  const [header = [], ...rows] = text.trimEnd().split("\n").map(cellsOf);
  return rows.map((row) => Object.fromEntries(row.map((cell, index) => [header[index] ?? "", cell])));
}

const cellsOf = (line: string): readonly string[] =>
  [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map((match) => match[1] ?? match[2] ?? "");

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
}
