// The third phase again, from the files of the first two: `testbed report DIR`.
import { join } from "node:path";
import { parsePlan, type Plan } from "../plan/index.js";
import { RunFold, type RunResult } from "../results/index.js";
import { parseExperiment } from "../spec/index.js";
import { OperatingError, UserError } from "../system/index.js";
import { writeAnalysis } from "./analysis.js";
import { commitText, eventsOf, readInput, readManifest, repetitionSeed, runsIn } from "./results-folder.js";

export async function reportOn(directory: string): Promise<readonly RunResult[]> {
  const manifest = await readManifest(directory);
  const experiment = parseExperiment(await readInput(directory, "experiment.yaml"), join(directory, "experiment.yaml"));
  if (experiment.kind === "bad") throw UserError.from(experiment.problems);
  const plan = await readPlan(directory);
  const results: RunResult[] = [];
  for (const run of await runsIn(directory)) {
    const context = {
      run,
      plan,
      experiment: experiment.value,
      seed: repetitionSeed(manifest.seed, run),
      commit: commitText(manifest),
    };
    const fold = new RunFold(context);
    for await (const event of eventsOf(directory, run)) fold.observe(event);
    results.push(fold.finish());
  }
  if (results.length === 0) {
    throw new UserError(`There is no repetition in "${directory}"`, {
      suggestion: "its run ended before the first one began: run it again",
    });
  }
  await writeAnalysis(directory, results);
  return results;
}

async function readPlan(directory: string): Promise<Plan> {
  const path = join(directory, "plan.json");
  const plan = parsePlan(await readInput(directory, "plan.json"), path);
  if (plan.kind === "good") return plan.value;
  throw new OperatingError(`Cannot read "${path}": ${plan.problems.map((problem) => problem.message).join("; ")}`);
}
