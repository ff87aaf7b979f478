// From paths on the command line to a plan: every problem at once, as a UserError.
import { dirname, relative, resolve } from "node:path";
import { problemText, type Parsed } from "../base/index.js";
import { planFor, type Plan } from "../plan/index.js";
import {
  applyExperiment,
  checkAgainst,
  fileKindOf,
  parseExperiment,
  parseTopology,
  placesIn,
  settingProblems,
  topologyNameFault,
  withProfile,
  type Experiment,
  type ProfileName,
  type Topology,
} from "../spec/index.js";
import { UserError } from "../system/index.js";
import { readNamedFile, readUserFile } from "./files.js";

export interface Choice {
  readonly profile?: ProfileName | undefined;
  /** Name of the lab, in place of the topology's. */
  readonly name?: string | undefined;
}

export interface LoadedTopology {
  readonly text: string;
  readonly topology: Topology;
  readonly plan: Plan;
}

export interface LoadedExperiment extends LoadedTopology {
  /** As messages name it. */
  readonly topologyPath: string;
  readonly experimentText: string;
  readonly experiment: Experiment;
}

export async function loadTopology(path: string, choice: Choice = {}): Promise<LoadedTopology> {
  return topologyOf(await readUserFile(path, "a topology"), path, choice);
}

/** `path` names the text, which was read from there: a pipe can be read once. */
export function topologyOf(text: string, path: string, choice: Choice = {}): LoadedTopology {
  const parsed = topologyIn(text, path);
  const topology = choice.profile === undefined ? parsed : withProfile(parsed, choice.profile);
  refuse(settingProblems(topology).map((sentence) => `${path}: on profile ${topology.profile}: ${sentence}`));
  return { text, topology, plan: planned(topology, { text, path }, choice) };
}

export async function loadExperiment(path: string, choice: Choice = {}): Promise<LoadedExperiment> {
  return experimentOf(await readUserFile(path, "an experiment"), path, choice);
}

/** The same of an experiment; its topology is read here. */
export async function experimentOf(
  experimentText: string,
  path: string,
  choice: Choice = {},
): Promise<LoadedExperiment> {
  const reading = parseExperiment(experimentText, path);
  if (reading.kind === "bad" && fileKindOf(experimentText) === "topology") {
    throw new UserError(`Cannot use "${path}": it is a topology, expected an experiment`, {
      suggestion: `testbed up ${path}   brings it up; an experiment names it as its topology, as those in experiments/ do`,
    });
  }
  const experiment = good(reading);
  const topologyPath = relative(".", resolve(dirname(path), experiment.topology)) || experiment.topology;
  const text = await readNamedFile(topologyPath, "a topology");
  const written = topologyIn(text, topologyPath);
  refuse(checkAgainst(experiment, written, { text: experimentText, file: path }, choice).map(problemText));
  const topology = applyExperiment(written, experiment, choice);
  const plan = planned(topology, { text, path: topologyPath }, choice);
  return { text, topologyPath, topology, plan, experimentText, experiment };
}

function topologyIn(text: string, path: string): Topology {
  const reading = parseTopology(text, path);
  if (reading.kind === "bad" && fileKindOf(text) === "experiment") {
    throw new UserError(`Cannot use "${path}": it is an experiment, expected a topology`, {
      suggestion: `testbed run ${path}   runs it; its topology is the file that it names`,
    });
  }
  return good(reading);
}

function planned(
  topology: Topology,
  { text, path }: { readonly text: string; readonly path: string },
  choice: Choice,
): Plan {
  const plan = good(planFor(topology, { file: path, place: placesIn(text, path) }));
  if (choice.name === undefined) return plan;
  // The same rule as for a topology's name: it becomes a folder.
  const fault = topologyNameFault(choice.name);
  if (fault === undefined) return { ...plan, lab: choice.name };
  throw new UserError(`Cannot name a lab ${JSON.stringify(choice.name)}: ${fault}`, {
    suggestion: "use small letters, digits and hyphens, at most 32",
  });
}

function good<T>(parsed: Parsed<T>): T {
  if (parsed.kind === "good") return parsed.value;
  throw UserError.from(parsed.problems);
}

function refuse(sentences: readonly string[]): void {
  if (sentences.length > 0) throw new UserError(sentences.join("\n"));
}
