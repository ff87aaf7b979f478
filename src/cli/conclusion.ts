// How a run ends on the screen: summary on stdout, where it lies on stderr, and exit code 1 unless every check is true.
import { summaryText, verdictOf, type RunResult } from "../results/index.js";
import { CheckFailed } from "./exit.js";
import { print, say } from "./output.js";

export async function conclude(directory: string, results: readonly RunResult[]): Promise<void> {
  await print(summaryText(results));
  say(`results in ${directory}`);
  if (verdictOf(results).verdict !== "true") throw new CheckFailed();
}
