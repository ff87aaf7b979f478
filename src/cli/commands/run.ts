// testbed run EXPERIMENT: from up to down as often as asked, results in a folder. report, messages: over such a folder.
import { join } from "node:path";
import { netnsRuntime } from "../../lab/index.js";
import {
  csvLine,
  messageCells,
  messageHeader,
  messagesMatching,
  summaryText,
  verdictOf,
  type MessageFilter,
  type RunResult,
} from "../../results/index.js";
import { eventsOf, reportOn, runExperiment, runsIn, type Manifest } from "../../run/index.js";
import { UserError } from "../../system/index.js";
import { executionIn } from "../execution.js";
import { CheckFailed } from "../exit.js";
import { loadExperiment, type LoadedExperiment } from "../load.js";
import { formatOption, print, rowsText, say } from "../output.js";
import { profileOption } from "../profile-option.js";
import type { Register } from "../program.js";
import { repositoryState } from "../repository.js";

export const registerRun: Register = (program, { interrupt, commandLine }) => {
  program
    .command("run")
    .description("run an experiment: bring its lab up, load it, break it, take it down, analyse")
    .argument("<experiment>", "experiment file")
    .addOption(profileOption())
    .option("-r, --repeat <count>", "repetitions, in place of the file's")
    .option("--seed <seed>", "in place of the file's")
    .option("-n, --name <name>", "name of the lab, in place of the topology's")
    .option("-o, --output <folder>", "where results go, in place of results/EXPERIMENT-TIME")
    .addHelpText(
      "after",
      "\nExample:\n  testbed run experiments/leader-interface-down.yaml --repeat 10 --profile fabric",
    )
    .action(async (file, { profile, repeat, seed, name, output }) => {
      const loaded = await loadExperiment(file, { profile, name });
      const repetitions = countFrom(repeat, loaded.experiment.repetitions);
      const startedAt = new Date().toISOString();
      const directory =
        output ??
        join(
          "results",
          `${loaded.experiment.name}-${startedAt.slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "-")}`,
        );
      const manifest = await manifestFor(loaded, {
        repetitions,
        seed: seed ?? loaded.experiment.seed,
        commandLine,
        startedAt,
      });
      const results = await runExperiment({
        directory,
        manifest,
        topologyText: loaded.text,
        experimentText: loaded.experimentText,
        plan: loaded.plan,
        experiment: loaded.experiment,
        repetitions,
        execute: executionIn(netnsRuntime),
        signal: interrupt.signal,
        progress: say,
      });
      await conclude(directory, results);
    });

  program
    .command("report")
    .description("analyse a results folder again: CSV files, verdict and summary from its events")
    .argument("<folder>", "results folder")
    .action(async (folder) => await conclude(folder, await reportOn(folder)));

  program
    .command("messages")
    .description("messages in and out of replicas, with the decision taken on each and what it caused")
    .argument("<folder>", "results folder")
    .option("--node <node>", "the replica that saw the message")
    .option("--other <node>", "the one it came from or went to")
    .option("--type <type>", "PrePrepare, Prepare, Commit, ViewChange, ViewData, NewView, HeartBeat, …")
    .option("--view <view>")
    .option("--sequence <sequence>")
    .option("--direction <direction>", "in or out")
    .option("--run <run>", "which repetition", "1")
    .addOption(formatOption())
    .addHelpText("after", "\nExample:\n  testbed messages results/DIR --node orderer2 --type ViewChange --view 1")
    .action(async (folder, { run, format, ...filter }) => {
      const number = countFrom(run, 1);
      if (!(await runsIn(folder)).includes(number))
        throw new UserError(`There is no repetition ${number} in "${folder}"`);
      const matches = messagesMatching(filterFrom(filter));
      const rows: (readonly (string | number)[])[] = [];
      if (format === "csv") await print(`${csvLine(messageHeader)}\n`);
      for await (const event of eventsOf(folder, number)) {
        if (!matches(event)) continue;
        const cells = messageCells(event).map((cell) => cell ?? "");
        if (format === "csv") await print(`${csvLine(cells)}\n`);
        else rows.push(cells);
      }
      if (format === "csv") return;
      const named = rows.map((cells) =>
        Object.fromEntries(messageHeader.map((name, index) => [name, cells[index] ?? ""])),
      );
      await print(rowsText(messageHeader, named, format));
    });
};

/** Summary on stdout, where it lies on stderr, and exit code 1 unless every check of every run is true. */
async function conclude(directory: string, results: readonly RunResult[]): Promise<void> {
  await print(summaryText(results));
  say(`results in ${directory}`);
  if (verdictOf(results).verdict !== "true") throw new CheckFailed();
}

async function manifestFor(
  { experiment, plan }: LoadedExperiment,
  facts: Pick<Manifest, "repetitions" | "seed" | "commandLine" | "startedAt">,
): Promise<Manifest> {
  return {
    format: 1,
    experiment: experiment.name,
    topology: plan.topology.name,
    profile: plan.profile,
    runtime: "netns",
    node: process.version,
    ...(await repositoryState()),
    ...facts,
  };
}

function countFrom(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1)
    throw new UserError(`Cannot use "${text}": expected a whole number from 1`);
  return count;
}

interface FilterText {
  readonly node?: string | undefined;
  readonly other?: string | undefined;
  readonly type?: string | undefined;
  readonly view?: string | undefined;
  readonly sequence?: string | undefined;
  readonly direction?: string | undefined;
}

function filterFrom(text: FilterText): MessageFilter {
  const number = (value: string, name: string): number => {
    if (!/^\d+$/.test(value)) throw new UserError(`Cannot use --${name} "${value}": expected a whole number`);
    return Number(value);
  };
  if (text.direction !== undefined && text.direction !== "in" && text.direction !== "out") {
    throw new UserError(`Cannot use --direction "${text.direction}": expected in or out`);
  }
  return {
    ...(text.node === undefined ? {} : { node: text.node }),
    ...(text.other === undefined ? {} : { other: text.other }),
    ...(text.type === undefined ? {} : { type: text.type }),
    ...(text.view === undefined ? {} : { view: number(text.view, "view") }),
    ...(text.sequence === undefined ? {} : { sequence: number(text.sequence, "sequence") }),
    ...(text.direction === undefined ? {} : { direction: text.direction }),
  };
}
