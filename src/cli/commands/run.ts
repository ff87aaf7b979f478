// testbed run EXPERIMENT: from up to down as often as asked, results in a folder. With --resume, the repetition of a run that
// was killed: its lab lives on and has every event.
import { join, resolve } from "node:path";
import { finishRepetition, runExperiment, type Execute, type Manifest } from "../../run/index.js";
import type { ProfileName } from "../../spec/index.js";
import { UserError } from "../../system/index.js";
import { examples } from "../examples.js";
import { conclude } from "../conclusion.js";
import { countFrom } from "../count.js";
import { eventsToTheEnd, executionIn } from "../execution.js";
import { labLeft } from "../interrupt.js";
import { theLab } from "../labs.js";
import { loadExperiment, type LoadedExperiment } from "../load.js";
import { say, textOption, type TextFormat } from "../output.js";
import { profileOption } from "../profile-option.js";
import type { Context, Register } from "../program.js";
import { progressFromNow } from "../progress.js";
import {
  chosenRuntime,
  refuseNamesake,
  runRuntimeOption,
  runtimeLine,
  type RunRuntimeChoice,
} from "../runtime-option.js";
import { repositoryState } from "../repository.js";
import { takeOver } from "../run-note.js";
import { costsOf, executionInSimulator, refuseWhatCannotBeSimulated } from "../simulation.js";

/** What a run is asked for on the command line. */
export interface RunChoices {
  readonly profile?: ProfileName | undefined;
  readonly repeat?: string | undefined;
  readonly seed?: string | undefined;
  readonly name?: string | undefined;
  readonly output?: string | undefined;
  readonly runtime?: RunRuntimeChoice | undefined;
  /** File with what things cost on the simulated machine. */
  readonly costs?: string | undefined;
  readonly messageTrace: boolean;
  readonly format: TextFormat;
}

export const registerRun: Register = (program, context) => {
  program
    .command("run")
    .description("run an experiment: bring its lab up, load it, break it, take it down, analyse")
    .argument("[experiment]", "experiment file")
    .addOption(profileOption())
    .option("-r, --repeat <count>", "repetitions, in place of the file's")
    .option("--seed <seed>", "in place of the file's")
    .option("-n, --name <name>", "name of the lab, in place of the topology's")
    .addOption(runRuntimeOption())
    .option("-o, --output <folder>", "where results go, in place of results/EXPERIMENT-TIME")
    .option("--no-message-trace", "leave out the event of each message in and out of a replica")
    .option("--costs <file>", "with --runtime sim: what testbed calibrate wrote, in place of the defaults")
    .option("--resume <lab>", "finish the repetition of a run that was killed, whose lab lives on")
    .addOption(textOption())
    .addHelpText(
      "after",
      examples(
        "testbed run experiments/leader-interface-down.yaml --repeat 10 --profile fabric",
        "testbed run --resume bft4-ring",
      ),
    )
    .action(async (file, { resume: lab, messageTrace, format, ...choices }) => {
      if ((file === undefined) === (lab === undefined)) {
        throw new UserError("Cannot run that: expected an experiment file, or --resume LAB", {
          suggestion: "the shipped experiments are in experiments/; testbed labs lists labs",
        });
      }
      if (file !== undefined) return await runFile(file, { messageTrace, format, ...choices }, context);
      if (Object.keys(choices).length > 0 || !messageTrace) {
        throw new UserError("Cannot use other options with --resume: the run keeps those it began with");
      }
      return await resume(lab, format, context);
    });
};

export async function runFile(file: string, choices: RunChoices, context: Context): Promise<void> {
  const { profile, repeat, seed, name, output, format } = choices;
  const { interrupt, commandLine } = context;
  const loaded = await loadExperiment(file, { profile, name });
  const { plan, experiment } = loaded;
  const repetitions = countFrom(repeat, "repeat", experiment.repetitions);
  const startedAt = new Date().toISOString();
  const directory = output ?? join("results", `${experiment.name}-${timeInName(startedAt)}`);
  const place = await placeFor(loaded, choices, { directory, repetitions });
  const facts = { repetitions, seed: seed ?? experiment.seed, commandLine, startedAt, ...place.facts };
  const manifest = await manifestFor(loaded, facts);
  await place.prepare(context);
  const results = await runExperiment({
    directory,
    manifest,
    topologyText: loaded.text,
    experimentText: loaded.experimentText,
    plan,
    experiment,
    repetitions,
    execute: place.execute,
    signal: interrupt.signal,
    progress: after(runtimeLine({ name: facts.runtime, reason: facts.runtimeReason })),
  });
  await conclude(directory, results, format);
}

/** Where a run takes place: in a lab of a runtime, or in the simulator. */
interface Place {
  readonly facts: Pick<Manifest, "costs"> & { readonly runtime: string; readonly runtimeReason: string };
  readonly prepare: (context: Context) => Promise<void>;
  readonly execute: Execute;
}

async function placeFor(
  loaded: LoadedExperiment,
  { runtime: choice, messageTrace, costs: path }: RunChoices,
  { directory, repetitions }: { readonly directory: string; readonly repetitions: number },
): Promise<Place> {
  if (choice === "sim") {
    const costs = await costsOf(path);
    refuseWhatCannotBeSimulated(loaded);
    const facts = { runtime: "sim", runtimeReason: "asked for", costs };
    const prepare = (context: Context): Promise<void> => {
      context.interrupt.cleansUp(`results so far, in ${directory}`);
      return Promise.resolve();
    };
    return { facts, prepare, execute: executionInSimulator({ costs, messageTrace }) };
  }
  if (path !== undefined) {
    throw new UserError("Cannot use --costs there: real machines cost what they cost", {
      suggestion: "add --runtime sim",
    });
  }
  const { plan } = loaded;
  const chosen = await chosenRuntime(choice);
  const { runtime, name, reason } = chosen;
  return {
    facts: { runtime: name, runtimeReason: reason },
    prepare: async ({ interrupt }) => {
      interrupt.cleansUp(`${labLeft(plan.lab)}; results so far are in ${directory}`);
      await refuseNamesake(plan.lab, chosen);
      await runtime.check(plan, { signal: interrupt.signal });
    },
    execute: executionIn(runtime, { results: resolve(directory), repetitions, messageTrace }),
  };
}

async function resume(name: string | undefined, format: TextFormat, { interrupt }: Context): Promise<void> {
  await using lab = await theLab(name);
  const { results: directory, run, repetitions } = await takeOver(lab);
  interrupt.cleansUp(labLeft(lab.name));
  say(`repetition ${run} of ${repetitions}, from its first event on`);
  const events = eventsToTheEnd(lab, { signal: interrupt.signal, progress: progressFromNow() });
  try {
    const results = await finishRepetition(directory, run, events);
    if (run < repetitions) say(`not run: repetitions ${run + 1} to ${repetitions}`);
    await conclude(directory, results, format);
  } finally {
    await lab.down();
  }
}

/** Says `first` before the first line of progress: what is refused before anything began needs no preface. */
function after(first: string): (text: string) => void {
  let isSaid = false;
  return (text) => {
    if (!isSaid) say(first);
    isSaid = true;
    say(text);
  };
}

/** 2026-01-31T12:00:00.000Z → 20260131-120000 */
const timeInName = (time: string): string => time.slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "-");

async function manifestFor(
  { experiment, plan }: LoadedExperiment,
  facts: Pick<Manifest, "repetitions" | "seed" | "commandLine" | "startedAt" | "runtime" | "runtimeReason" | "costs">,
): Promise<Manifest> {
  return {
    format: 1,
    experiment: experiment.name,
    topology: plan.topology.name,
    profile: plan.profile,
    node: process.version,
    ...(await repositoryState()),
    ...facts,
  };
}
