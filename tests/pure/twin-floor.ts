// What the bar of the twin check can tell: how often the lab would pass it against itself. Two sets of as many runs as are
// published are drawn from the published ones, with replacement, and their medians held to the bar.
import { randomFrom } from "../../src/base/index.js";
import { published } from "./sim-run.js";

export interface Twin {
  readonly name: string;
  readonly experiment: string;
  readonly profile: "fast" | "fabric";
  /** In docs/measured: where its runs are. */
  readonly folders: readonly string[];
  /** Where its first commit is a race: milliseconds between the two modes. */
  readonly modesPartMs?: number;
}

export const twins: readonly Twin[] = [
  { name: "four", experiment: "twin-of-four", profile: "fast", folders: ["twin-of-four"] },
  { name: "seven", experiment: "twin-of-seven", profile: "fast", folders: ["twin-of-seven"] },
  {
    name: "four, fabric",
    experiment: "leader-interface-down",
    profile: "fabric",
    folders: ["twin-of-four-fabric", "twin-of-four-fabric-again"],
    modesPartMs: 45,
  },
  {
    name: "seven, fabric",
    experiment: "leader-interface-down-of-seven",
    profile: "fabric",
    folders: ["twin-of-seven-fabric"],
    modesPartMs: 80,
  },
];

export const phases = {
  viewChange: "view_change_ms",
  firstDecision: "first_decision_ms",
  firstCommit: "first_commit_ms",
} as const;
export type Phase = keyof typeof phases;

/** Rows of a CSV file of all its published runs. */
export const rowsOf = ({ folders }: Twin, file: string): ReturnType<typeof published> =>
  folders.flatMap((folder) => published(folder, file));

/** Milliseconds of a phase in each published run. */
export const measuredIn = (twin: Twin, phase: Phase): readonly number[] =>
  rowsOf(twin, "runs.csv").map((row) => Number(row[phases[phase]]));

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  return (at(Math.ceil(sorted.length / 2) - 1) + at(Math.floor(sorted.length / 2))) / 2;
}

/** docs/simulator.md, twin check: max(2 ms, 25 %). */
export const isWithinBar = (ms: number, measuredMs: number): boolean =>
  Math.abs(ms - measuredMs) <= Math.max(2, 0.25 * measuredMs);

const drawCount = 20_000;

/** Share of pairs of sets whose medians are within the bar of each other. */
export function passesAgainstItself(measured: readonly number[]): number {
  const random = randomFrom("1", "twin floor");
  const set = (): readonly number[] =>
    measured.map(() => measured[random.integer(0, measured.length - 1)] ?? Number.NaN);
  let count = 0;
  for (let draw = 0; draw < drawCount; draw++) if (isWithinBar(median(set()), median(set()))) count += 1;
  return count / drawCount;
}
