// The third phase of a results folder: CSV files, verdict.json and summary.txt, all derived from events and nothing else.
// Each file is written whole beside its place and then renamed, so that a reader never sees half of one.
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { csvFiles, csvLine, summaryText, verdictOf, type RunResult } from "../results/index.js";
import { writing } from "./disk.js";

export async function writeAnalysis(directory: string, results: readonly RunResult[]): Promise<void> {
  for (const file of csvFiles) {
    const lines = [csvLine(file.header)];
    for (const cells of file.rows(results)) lines.push(csvLine(cells));
    await replace(join(directory, file.name), `${lines.join("\n")}\n`);
  }
  await replace(join(directory, "verdict.json"), `${JSON.stringify(verdictOf(results), null, 2)}\n`);
  await replace(join(directory, "summary.txt"), summaryText(results));
}

async function replace(path: string, text: string): Promise<void> {
  await writing(path, async () => {
    await writeFile(`${path}.new`, text);
    await rename(`${path}.new`, path);
  });
}
