// Writes the tables of docs/protocol.md that fuzzing gives: in how many seeds each surprise of the library was seen, and how
// many seeds each planted bug took. `scripts/fuzz-figures` says how.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { fuzzRun, scheduleOf, surprises } from "../src/sim/index.js";
import type { Hunt } from "../tests/mutants/hunt.js";
import { mutants } from "../tests/mutants/mutants.js";

const { values } = parseArgs({ options: { seeds: { type: "string", default: "1000" } } });
const document = join(process.cwd(), "docs", "protocol.md");
const journal = join(process.cwd(), "tests", "mutants", "found.ndjson");

/** Seeds 1 to N of `library`, every fourth with seven nodes. */
function surprisesTable(seeds: number): readonly string[] {
  const seen = new Map<number, number>();
  let unexplained = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const result = fuzzRun(scheduleOf(seed, { size: seed % 4 === 0 ? 7 : 4, fidelity: "library" }));
    for (const number of result.sightings.seen) seen.set(number, (seen.get(number) ?? 0) + 1);
    if (result.unexplained.length > 0) unexplained += 1;
  }
  return [
    `| code | # | explains | seeds of ${seeds} |`,
    "|---|---|---|---|",
    ...surprises.map(({ number, code, explains, stallsWhilePersistent }) => {
      const what = stallsWhilePersistent ? "stalled, while it lasts" : explains.join(", ");
      return `| \`${code}\` | ${number} | ${what} | ${seen.get(number) ?? 0} |`;
    }),
    "",
    `Seeds with an alarm that none of these explains: ${unexplained}.`,
  ];
}

/** The last hunt of each mutant. */
function mutantsTable(): readonly string[] {
  const lines = readFileSync(journal, "utf8").trimEnd().split("\n");
  const hunts = new Map(lines.map((line) => JSON.parse(line) as Hunt).map((hunt) => [hunt.mutant, hunt] as const)); // hunt.ts's own
  const found = mutants.filter(({ name }) => (hunts.get(name)?.found ?? null) !== null);
  const rows = mutants.map(({ name, what, since }) => {
    const hunt = hunts.get(name);
    const bug = since === undefined ? what : `${what} (${since})`;
    if (hunt === undefined) return `| \`${name}\` | ${bug} | not hunted | |`;
    if (hunt.found === null) return `| \`${name}\` | ${bug} | none of ${hunt.seedsMax} | |`;
    return `| \`${name}\` | ${bug} | ${hunt.inPlots ? "≤ " : ""}${hunt.found.seeds} | ${hunt.found.alarm} |`;
  });
  return [
    `${found.length} of ${mutants.length} found:`,
    "",
    "| mutant | what is wrong (library's own: its number) | seeds | alarm |",
    "|---|---|---|---|",
    ...rows,
  ];
}

function withTable(text: string, name: string, lines: readonly string[]): string {
  const [begin, end] = [`<!-- scripts/fuzz-figures: ${name} -->\n`, "<!-- end -->"];
  const from = text.indexOf(begin) + begin.length;
  const to = text.indexOf(end, from);
  if (from < begin.length || to < 0) throw new Error(`${document}: no place for the table "${name}"`);
  return `${text.slice(0, from)}${lines.join("\n")}\n${text.slice(to)}`;
}

let text = readFileSync(document, "utf8");
if (Number(values.seeds) > 0) text = withTable(text, "surprises", surprisesTable(Number(values.seeds)));
text = withTable(text, "mutants", mutantsTable());
writeFileSync(document, text);
