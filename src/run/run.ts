// One experiment from up to down, as often as it asks: events to disk as they come, folded as they come, analysed at the
// end. A list of calls, no state between them but the results of each repetition.
import { RunFold, type RunResult } from "../results/index.js";
import type { Event } from "../boundary/index.js";
import type { Plan } from "../plan/index.js";
import type { Experiment } from "../spec/index.js";
import { OperatingError } from "../system/index.js";
import type { Execute } from "./port.js";
import { writeAnalysis } from "./analysis.js";
import { reportOn } from "./report.js";
import {
  appendLog,
  commitText,
  createResultsFolder,
  EventFile,
  readManifest,
  removeRepetition,
  repetitionSeed,
  type Manifest,
} from "./results-folder.js";

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
  const { directory, plan, experiment, execute, signal, manifest } = request;
  const seed = repetitionSeed(manifest.seed, run);
  const fold = new RunFold({ run, plan, experiment, seed, commit: commitText(manifest) });
  for await (const event of recorded(directory, run, execute(plan, experiment, seed, { run, signal }))) {
    fold.observe(event);
  }
  return fold.finish();
}

/** Writes each event down, then passes it on. */
async function* recorded(directory: string, run: number, events: AsyncIterable<Event>): AsyncIterable<Event> {
  await using file = await EventFile.create(directory, run);
  for await (const event of events) {
    if (event.kind === "log") await appendLog(directory, run, event.node, event.process, event.text);
    else await file.append(event);
    yield event;
  }
}

/** A repetition whose runner was killed, written anew from its first event on; then all of the folder is analysed. */
export async function finishRepetition(
  directory: string,
  run: number,
  events: AsyncIterable<Event>,
): Promise<readonly RunResult[]> {
  await readManifest(directory);
  await removeRepetition(directory, run);
  let stopped = false;
  for await (const event of recorded(directory, run, events)) {
    stopped = event.kind === "phase" && event.phase === "stopped";
  }
  if (!stopped) throw new OperatingError(`Finish repetition ${run}: its events end without a "stopped" phase`);
  return reportOn(directory);
}
