// The topologies and experiments that come with the testbed: each parses, fits its topology, and is valid by the JSON
// Schemas that editors use.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { problemText, type Parsed } from "../base/index.js";
import {
  applyExperiment,
  checkAgainst,
  experimentSchema,
  parseExperiment,
  parseTopology,
  profileNames,
  settingProblems,
  topologySchema,
  withProfile,
  type Experiment,
  type Topology,
} from "./index.js";

const root = join(import.meta.dirname, "..", "..");
const filesOf = (folder: string): readonly string[] =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith(".yaml"))
    .map((name) => join(folder, name));
const textOf = (file: string): string => readFileSync(join(root, file), "utf8");

function good<Value>(parsed: Parsed<Value>): Value {
  if (parsed.kind === "bad") throw new Error(parsed.problems.map(problemText).join("\n"));
  return parsed.value;
}

const topologyOf = (file: string): Topology => good(parseTopology(textOf(file), file));
const experimentOf = (file: string): Experiment => good(parseExperiment(textOf(file), file));

const topologies = filesOf("topologies");
const experiments = filesOf("experiments");
const ajv = new Ajv({ strict: true, allErrors: true });
const isTopology = ajv.compile(topologySchema());
const isExperiment = ajv.compile(experimentSchema());

describe.each(topologies)("%s", (file) => {
  it("parses, and is called as its file is", () => {
    expect(`topologies/${topologyOf(file).name}.yaml`).toBe(file);
  });

  it("is valid by the JSON Schema", () => {
    isTopology(parse(textOf(file)));
    expect(isTopology.errors).toBe(null);
  });

  it("has settings that fit together on every profile", () => {
    for (const profile of profileNames) expect(settingProblems(withProfile(topologyOf(file), profile))).toEqual([]);
  });

  it("says in its first lines what it is", () => {
    expect(
      textOf(file)
        .split("\n")
        .slice(0, 2)
        .every((line) => line.startsWith("# ")),
    ).toBe(true);
  });

  it("is plain data: nothing is lost in JSON but what is undefined", () => {
    const topology = topologyOf(file);
    expect(JSON.parse(JSON.stringify(topology))).toEqual(topology);
  });
});

describe.each(experiments)("%s", (file) => {
  it("parses, and is called as its file is", () => {
    expect(`experiments/${experimentOf(file).name}.yaml`).toBe(file);
  });

  it("is valid by the JSON Schema", () => {
    isExperiment(parse(textOf(file)));
    expect(isExperiment.errors).toBe(null);
  });

  it("fits its topology, on every profile unless it changes single timers", () => {
    const experiment = experimentOf(file);
    const topology = topologyOf(relative(root, join(root, dirname(file), experiment.topology)));
    // One that changes a single timer is written for its own profile, and need not fit another.
    const changesTimers = Object.keys(experiment.overrides.protocol).length > 0;
    for (const profile of changesTimers && experiment.profile !== undefined ? [experiment.profile] : profileNames) {
      const problems = checkAgainst(experiment, topology, { text: textOf(file), file }, { profile });
      expect(problems.map(problemText)).toEqual([]);
      expect(applyExperiment(topology, experiment, { profile }).profile).toBe(profile);
    }
  });

  it("says in its first lines what to expect, and writes every key that has a default", () => {
    const text = textOf(file);
    const opening = text.slice(0, text.indexOf("\nformat:"));
    expect(opening).toMatch(/[Ee]xpect/);
    for (const key of ["profile", "warm-up", "drain", "phase", "repetitions", "seed", "block-source", "assert"]) {
      expect(text).toContain(`\n${key}:`);
    }
  });
});
