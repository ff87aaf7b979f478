// How a run ends on the screen: summary on stdout, where it lies on stderr, and exit code 1 unless every check is true.
import { summaryText, verdictOf, type RunResult } from "../results/index.js";
import { CheckFailed } from "./exit.js";
import { print, say, type TextFormat } from "./output.js";

export async function conclude(directory: string, results: readonly RunResult[], format: TextFormat): Promise<void> {
  const verdict = verdictOf(results);
  await print(format === "json" ? `${JSON.stringify({ directory, ...verdict }, null, 2)}\n` : summaryText(results));
  say(`results in ${directory}`);
  if (verdict.verdict !== "true") throw new CheckFailed();
}
