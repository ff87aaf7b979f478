// Published figures: each folder of docs/measured holds the rows it was read from, a clean commit and the command that
// makes it, and docs/measured/README.md states its medians as they stand in those rows.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { csvFiles } from "../../src/results/index.js";

const folder = join(import.meta.dirname, "../../docs/measured");
const page = readFileSync(join(folder, "README.md"), "utf8");
const published = readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? [entry.name] : [],
);

/** Rows by column; no cell of ours that is read here holds a comma or a quote. */
function rowsOf(text: string): readonly Readonly<Record<string, string>>[] {
  const [header = "", ...lines] = text.trimEnd().split("\n");
  const names = header.split(",");
  return lines.map((line) => Object.fromEntries(line.split(",").map((cell, index) => [names[index] ?? "", cell])));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1] ?? Number.NaN;
  const high = sorted[Math.floor(middle)] ?? Number.NaN;
  return (low + high) / 2;
}

describe.each(published)("the published figure %s", (name) => {
  const read = (file: string): string => readFileSync(join(folder, name, file), "utf8");
  const manifest = JSON.parse(read("manifest.json")) as {
    commit: string;
    dirty: boolean;
    commandLine: string[];
    repetitions: number;
  };
  const runs = rowsOf(read("runs.csv"));

  it("names a clean commit, the same in every row, and the command", () => {
    expect(manifest.commit).toMatch(/^[0-9a-f]{40}$/);
    expect(manifest.dirty).toBe(false);
    expect(manifest.commandLine.slice(0, 2)).toEqual(["testbed", "run"]);
    expect(new Set(runs.map((row) => row["commit"]))).toEqual(new Set([manifest.commit]));
  });

  it("has a row for each repetition that was asked for, under columns that exist", () => {
    expect(runs).toHaveLength(manifest.repetitions);
    for (const file of csvFiles) {
      if (!["runs.csv", "outages.csv", "faults.csv", "views.csv"].includes(file.name)) continue;
      const header = read(file.name).split("\n")[0]?.split(",") ?? [];
      for (const column of header) expect(file.header, `${name}/${file.name}`).toContain(column);
    }
  });

  it("stands in README.md with the median of its rows", () => {
    const line = page.split("\n").find((each) => each.startsWith(`| [${name}](${name}/)`));
    expect(line, `docs/measured/README.md has no row for ${name}`).toBeDefined();
    const outages = runs.map((row) => Number(row["outage_ms"]));
    expect(line).toContain(`${(median(outages) / 1000).toFixed(2)} s`);
  });
});

it("every row of docs/measured/README.md has its folder", () => {
  const rows = [...page.matchAll(/^\| \[([^\]]+)\]\(/gm)].map((match) => match[1]);
  expect(new Set(rows)).toEqual(new Set(published));
  expect(rows).toHaveLength(published.length);
});
