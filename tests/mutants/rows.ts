// Which rows of docs/protocol.md's conformance table fail under which mutant or altered rule. Prints a line for each row;
// exit code 1 when one fails under none, for then its test proves nothing.
//   NAME…         only these rules, for a look; rows of other files are then not judged
//   --journal F   NDJSON: a line for each rule; rules that stand in it are not run again, so that a run can be taken up
import { spawnSync } from "node:child_process";
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { mutants } from "./mutants.js";
import { checkAnchors, root } from "./patch.js";
import { rules } from "./rules.js";

interface Row {
  readonly name: string;
  readonly file: string;
  readonly test: RegExp;
}

function conformanceRows(): readonly Row[] {
  const [, table = ""] = readFileSync(join(root, "docs", "protocol.md"), "utf8").split("\n## Conformance\n");
  return table.split("\n").flatMap((line) => {
    const [, name = "", where = "", test = ""] = line.split("|").map((cell) => cell.trim());
    if (!line.startsWith("| ") || name.startsWith("library's") || where === "left out") return [];
    return [{ name, file: fileOf(where), test: testPattern(test) }];
  });
}

const fileOf = (where: string): string => (where.includes("/") ? `${where}.test.ts` : `tests/pure/${where}.test.ts`);
/** The table names a part of the test's name as it is written; %s and %d stand for what `it.each` puts in. */
const testPattern = (text: string): RegExp =>
  text === "it("
    ? /./
    : new RegExp(text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`).replaceAll(/%[sdi]/g, ".+"));

/** Names of the tests that failed, by file; undefined when the run did not end in time. */
function failuresUnder(name: string, tests: readonly string[]): ReadonlyMap<string, readonly string[]> | undefined {
  const folder = mkdtempSync(join(tmpdir(), "testbed-rows-"));
  const report = join(folder, "report.json");
  try {
    const config = join("tests", "mutants", "vitest.config.ts");
    const words = ["run", "--config", config, "--reporter=json", `--outputFile=${report}`, ...tests.map(fileOf)];
    spawnSync(join(root, "node_modules", ".bin", "vitest"), words, {
      cwd: root,
      env: { ...process.env, MUTANT: name },
      stdio: "ignore",
      timeout: 300_000,
    });
    if (!existsSync(report)) return undefined;
    return failuresOf(JSON.parse(readFileSync(report, "utf8")) as Report); // vitest's own
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

function failuresOf({ testResults }: Report): ReadonlyMap<string, readonly string[]> {
  return new Map(
    testResults.map(({ name, assertionResults }) => [
      relative(root, name),
      assertionResults.filter(({ status }) => status === "failed").map(({ fullName }) => fullName),
    ]),
  );
}

/** A line of the journal: the rows that fail under a rule. */
interface Killed {
  readonly rule: string;
  readonly rows: readonly string[];
}

function journalOf(path: string | undefined): readonly Killed[] {
  if (path === undefined || !existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n");
  return lines.flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Killed])); // its own lines
}

const { values, positionals: chosen } = parseArgs({
  allowPositionals: true,
  options: { journal: { type: "string" } },
});
const rows = conformanceRows();
const known = [...rules, ...mutants.map(({ name, patches }) => ({ name, patches, tests: [] as readonly string[] }))];
const unknown = chosen.filter((name) => !known.some((rule) => rule.name === name));
if (unknown.length > 0)
  throw new Error(`No rule ${unknown.join(", ")}; there are ${known.map(({ name }) => name).join(", ")}`);
const kills = new Map<string, string[]>(rows.map(({ name }) => [name, []]));
const earlier = journalOf(values.journal).filter(({ rule }) => chosen.length === 0 || chosen.includes(rule));
for (const killed of earlier) for (const row of killed.rows) kills.get(row)?.push(killed.rule);
const todo = rules.filter(
  ({ name }) => (chosen.length === 0 || chosen.includes(name)) && !earlier.some(({ rule }) => rule === name),
);
const unfinished: string[] = [];
for (const { name, patches, tests } of todo) {
  checkAnchors(patches);
  const failures = failuresUnder(name, tests);
  if (failures === undefined) {
    unfinished.push(name);
    process.stderr.write(`${name}: the tests did not end within 5 minutes\n`);
    continue;
  }
  const killed = rows
    .filter(({ file, test }) => failures.get(file)?.some((failed) => test.test(failed)) === true)
    .map((row) => row.name);
  for (const row of killed) kills.get(row)?.push(name);
  if (values.journal !== undefined) appendFileSync(values.journal, `${JSON.stringify({ rule: name, rows: killed })}\n`);
  process.stderr.write(`${name}: ${killed.join(", ") || "NO ROW"}\n`);
}
for (const [row, by] of kills)
  if (chosen.length === 0 || by.length > 0) process.stdout.write(`${row}: ${by.join(", ") || "FAILS UNDER NONE"}\n`);
const unproven = [...kills].filter(([, by]) => by.length === 0);
if (chosen.length === 0) process.stdout.write(`${rows.length} rows, ${unproven.length} fail under no altered rule\n`);
process.exitCode = unfinished.length > 0 || (chosen.length === 0 && unproven.length > 0) ? 1 : 0;
