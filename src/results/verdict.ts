// verdict.json: what the runs of an experiment come to, for programs. The overall verdict is the worst of all runs.
import { worst, type CheckVerdict, type Truth } from "../checks/index.js";
import type { PhaseName } from "./phases.js";
import { phaseNames } from "./phases.js";
import type { RunResult } from "./run-result.js";
import { spreadOf, type Spread } from "./statistics.js";

export const verdictFormat = 1;

export interface RunVerdict {
  readonly run: number;
  readonly verdict: Truth;
  readonly outageMs: number | null;
  readonly predictedOutageMs: number | null;
  readonly explanation: readonly string[];
  readonly checks: readonly CheckVerdict[];
}

export interface Verdict {
  readonly format: typeof verdictFormat;
  readonly experiment: string;
  readonly topology: string;
  readonly profile: string;
  readonly commit: string;
  readonly verdict: Truth;
  readonly runs: readonly RunVerdict[];
  /** Over all runs in which the value is known; milliseconds. */
  readonly spreads: Readonly<Record<string, Spread>>;
}

export function verdictOf(results: readonly RunResult[]): Verdict {
  const first = results[0];
  return {
    format: verdictFormat,
    experiment: first?.experiment ?? "",
    topology: first?.topology ?? "",
    profile: first?.profile ?? "",
    commit: first?.commit ?? "",
    verdict: worst(results.map((result) => result.verdict)),
    runs: results.map((result) => ({
      run: result.run,
      verdict: result.verdict,
      outageMs: result.outage === undefined ? null : result.outage / 1_000,
      predictedOutageMs: result.prediction === undefined ? null : result.prediction.outage / 1_000,
      explanation: result.explanation,
      checks: result.checks,
    })),
    spreads: spreadsOf(results),
  };
}

/** Spread of the outage, of each phase, of the residual and of the catch-up, in milliseconds, by column name. */
export function spreadsOf(results: readonly RunResult[]): Readonly<Record<string, Spread>> {
  const spreads: Record<string, Spread> = {};
  const add = (name: string, value: (result: RunResult) => number | undefined): void => {
    const spread = spreadOf(
      results.flatMap((result) => (value(result) ?? Number.NaN) / 1_000).filter((each) => !Number.isNaN(each)),
    );
    if (spread !== undefined) spreads[name] = spread;
  };
  add("outage_ms", (result) => result.outage);
  for (const phase of phaseNames) add(`${snake(phase)}_ms`, (result) => result.outages[0]?.phases[phase]);
  add("residual_ms", (result) => result.outages[0]?.phases.residual);
  add("catch_up_ms", (result) => result.firstFault?.caughtUpAfter);
  return spreads;
}

const snake = (name: PhaseName): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
