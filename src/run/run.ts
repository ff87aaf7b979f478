// One experiment from up to down, as often as it asks: events to disk as they come, folded as they come, analysed at the
// end. A list of calls, no state between them but the results of each repetition.
import { RunFold, type RunResult } from "../results/index.js";
import type { Plan } from "../plan/index.js";
import type { Experiment } from "../spec/index.js";
import type { Execute } from "./port.js";
import { writeAnalysis } from "./analysis.js";
import { appendLog, commitText, createResultsFolder, EventFile, type Manifest } from "./results-folder.js";

export interface RunRequest {
  readonly directory: string;
  readonly manifest: Manifest;
  readonly topologyText: string;
  readonly experimentText: string;
  readonly plan: Plan;
  readonly experiment: Experiment;
  readonly repetitions: number;
  readonly execute: Execute;
  readonly signal: AbortSignal;
  readonly progress: (text: string) => void;
}

/** Seed of one repetition: a function of the experiment's seed and its number alone. */
export const repetitionSeed = (seed: string, run: number): string => `${seed}/${run}`;

/** Runs every repetition and writes the analysis after each, so that an interrupted series keeps what it has. */
export async function runExperiment(request: RunRequest): Promise<readonly RunResult[]> {
  const { directory, plan, repetitions, progress, signal } = request;
  await createResultsFolder(directory, {
    manifest: request.manifest,
    topologyText: request.topologyText,
    experimentText: request.experimentText,
    planText: `${JSON.stringify(plan, null, 2)}\n`,
  });
  const results: RunResult[] = [];
  for (let run = 1; run <= repetitions; run++) {
    signal.throwIfAborted();
    progress(`repetition ${run} of ${repetitions}`);
    results.push(await repeat(request, run));
    await writeAnalysis(directory, results);
  }
  return results;
}

async function repeat(request: RunRequest, run: number): Promise<RunResult> {
  const { directory, plan, experiment, execute, signal, progress, manifest } = request;
  const seed = repetitionSeed(manifest.seed, run);
  const fold = new RunFold({ run, plan, experiment, seed, commit: commitText(manifest) });
  await using file = await EventFile.create(directory, run);
  for await (const event of execute(plan, experiment, seed, { signal, progress })) {
    if (event.kind === "log") await appendLog(directory, run, event.node, event.process, event.text);
    else await file.append(event);
    fold.observe(event);
  }
  return fold.finish();
}
