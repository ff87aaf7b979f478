// Finds a seed for each of the library's known surprises, makes its schedule as small as it can while it still shows the
// surprise, and saves it here: what CI runs, so that no entry of the list is one that nothing reaches.
//   CODE…          only these; those that have a file already are left out otherwise
//   --plot NAME    from seeds of this plot alone (src/sim/fuzz/plots.ts)
//   --seeds N      give up after so many (2000)      --runs N   of shrinking, at most (60)
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  fuzzRun,
  plotNames,
  scheduleOf,
  seedFileFormat,
  seedFileText,
  shrunk,
  surprises,
  type Schedule,
  type Surprise,
} from "../../src/sim/index.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: "string", default: "2000" },
    runs: { type: "string", default: "60" },
    plot: { type: "string" },
  },
});

const fileOf = ({ number, code }: Surprise): string =>
  join(process.cwd(), "tests", "surprises", `${String(number).padStart(2, "0")}-${code}.json`);
const isShown = (schedule: Schedule, { number }: Surprise): boolean => fuzzRun(schedule).sightings.seen.has(number);

function save(surprise: Surprise, found: Schedule): void {
  const { schedule } = shrunk(found, (candidate) => isShown(candidate, surprise), Number(values.runs));
  const { traceHash } = fuzzRun(schedule);
  writeFileSync(
    fileOf(surprise),
    seedFileText({ format: seedFileFormat, kind: "fuzz-seed", alarm: null, traceHash, schedule }),
  );
  process.stdout.write(`${surprise.number} ${surprise.code}: seed ${found.seed}, ${schedule.events.length} events\n`);
}

const plot = plotNames.find((name) => name === values.plot);
if (plot === undefined && values.plot !== undefined)
  throw new Error(`No plot ${values.plot}; there are ${plotNames.join(", ")}`);
const wanted = new Set(
  surprises.filter((surprise) =>
    positionals.length > 0 ? positionals.includes(surprise.code) : !existsSync(fileOf(surprise)),
  ),
);
for (let seed = 1; seed <= Number(values.seeds) && wanted.size > 0; seed++) {
  const choices = { size: seed % 4 === 0 ? 7 : 4, fidelity: "library" } as const;
  const schedule = scheduleOf(seed, plot === undefined ? choices : { ...choices, plot });
  const { seen } = fuzzRun(schedule).sightings;
  for (const surprise of [...wanted].filter(({ number }) => seen.has(number))) {
    wanted.delete(surprise);
    save(surprise, schedule);
  }
}
for (const { number, code } of wanted) process.stdout.write(`${number} ${code}: in none of ${values.seeds} seeds\n`);
process.exitCode = wanted.size === 0 ? 0 : 1;
