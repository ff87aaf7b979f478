// Finds planted bugs by fuzzing: one bundle for each mutant, made by esbuild with the patches applied as files are read.
//   NAME…          only these            --seeds N   give up after so many (20 000)
//   --from S       the first seed (1)    --chosen-by HASH   three, by a commit's hash, of those that are found soon
//   --in-plots     only seeds of the plots that a mutant names: quicker, and its count is then an upper bound
//   --journal F    NDJSON: a line for each mutant hunted; those that stand in it as found are not hunted again
// Exit code 1 when one survives.
import { spawn } from "node:child_process";
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import { mutants, type Mutant } from "./mutants.js";
import { checkAnchors, patched, root, sourceName } from "./patch.js";
import { quick } from "./quick.js";

/** A line of the journal. */
export interface Hunt extends Outcome {
  readonly mutant: string;
  readonly from: number;
  /** Whether only seeds of the mutant's plots were run: others may find it sooner. */
  readonly inPlots: boolean;
  /** After how many the hunt would have ended. */
  readonly seedsMax: number;
}

interface Outcome {
  readonly found: { readonly seeds: number; readonly alarm: string; readonly text: string } | null;
  readonly elapsedMs: number;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: "string", default: "20000" },
    from: { type: "string", default: "1" },
    "chosen-by": { type: "string" },
    journal: { type: "string" },
    "in-plots": { type: "boolean", default: false },
  },
});

function chosen(): readonly Mutant[] {
  const hash = values["chosen-by"];
  const names = hash === undefined ? positionals : [0, 1, 2].map((index) => quick[pick(hash, index)] ?? "");
  const unknown = names.filter((name) => !mutants.some((mutant) => mutant.name === name));
  if (unknown.length > 0)
    throw new Error(`No mutant ${unknown.join(", ")}; there are ${mutants.map(({ name }) => name).join(", ")}`);
  return names.length === 0 ? mutants : mutants.filter(({ name }) => names.includes(name));
}

/** Different ones: each takes a third of the list. */
function pick(hash: string, index: number): number {
  const third = Math.floor(quick.length / 3);
  return index * third + (Number.parseInt(hash.slice(index * 6, index * 6 + 6), 16) % third);
}

async function bundle({ patches }: Mutant, outfile: string): Promise<void> {
  await build({
    entryPoints: [join(root, "tests", "mutants", "hunt-one.ts")],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    logLevel: "error",
    plugins: [
      {
        name: "mutant",
        setup: (bundler) => {
          bundler.onLoad({ filter: /\.ts$/ }, ({ path }) => {
            const name = sourceName(path);
            const text = readFileSync(path, "utf8");
            return { contents: name === undefined ? text : patched(name, text, patches), loader: "ts" };
          });
        },
      },
    ],
  });
}

async function hunted(mutant: Mutant, folder: string): Promise<Outcome> {
  checkAnchors(mutant.patches);
  const outfile = join(folder, `${mutant.name}.mjs`);
  await bundle(mutant, outfile);
  const plots = values["in-plots"] ? (mutant.plots ?? []) : [];
  const child = spawn(process.execPath, [outfile, values.from, values.seeds, ...plots], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  for await (const chunk of child.stdout) text += String(chunk);
  return JSON.parse(text) as Outcome; // hunt-one's line
}

function journalOf(path: string | undefined): readonly Hunt[] {
  if (path === undefined || !existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  return lines.flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Hunt])); // its own lines
}

const done = new Set(journalOf(values.journal).flatMap(({ mutant, found }) => (found === null ? [] : [mutant])));
const folder = mkdtempSync(join(tmpdir(), "testbed-mutants-"));
const survivors: string[] = [];
try {
  for (const mutant of chosen().filter(({ name }) => !done.has(name))) {
    const { found, elapsedMs } = await hunted(mutant, folder);
    const hunt: Hunt = {
      mutant: mutant.name,
      from: Number(values.from),
      inPlots: values["in-plots"] && mutant.plots !== undefined,
      seedsMax: Number(values.seeds),
      found,
      elapsedMs: Math.round(elapsedMs),
    };
    if (values.journal !== undefined) appendFileSync(values.journal, `${JSON.stringify(hunt)}\n`);
    if (found === null) survivors.push(mutant.name);
    const result =
      found === null ? `SURVIVES ${values.seeds} seeds` : `${found.seeds} seeds  ${found.alarm}: ${found.text}`;
    process.stdout.write(`${mutant.name.padEnd(28)} ${(elapsedMs / 1000).toFixed(1).padStart(6)} s  ${result}\n`);
  }
} finally {
  rmSync(folder, { recursive: true });
}
process.stdout.write(`${survivors.length === 0 ? "All found" : `Survivors: ${survivors.join(", ")}`}\n`);
process.exitCode = survivors.length === 0 ? 0 : 1;
