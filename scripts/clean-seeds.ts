// Runs seeds of the fuzzer for as long as it takes and keeps a journal, one line for each hundred, so that it can be ended and
// taken up again. Every fourth seed is a cluster of seven, as in the mutants' hunt. Replicas are `improved`, where no alarm
// is excused.
//   JOURNAL            NDJSON; a line of another commit is kept, and its seeds count for that commit
//   --seeds N          the last seed (100 000)   --from N   the first, where the journal has none of this commit yet (1)
//   --commit HASH      of the sources
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { fuzzRun, scheduleOf } from "../src/sim/index.js";

interface Line {
  readonly commit: string;
  readonly from: number;
  readonly seeds: number;
  readonly decisions: number;
  readonly messages: number;
  readonly virtualMs: number;
  readonly elapsedMs: number;
  readonly alarms: readonly string[];
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: "string", default: "100000" },
    from: { type: "string", default: "1" },
    commit: { type: "string", default: "unknown" },
  },
});
const journal = positionals[0];
if (journal === undefined) throw new Error("Expected a journal's path");
const seedsEach = 100;

function linesOf(path: string): readonly Line[] {
  if (!existsSync(path)) return [];
  // Its own lines; one that was being written when the program ended is not a whole one, and is run again.
  const whole = readFileSync(path, "utf8").split("\n").slice(0, -1);
  return whole.map((line) => JSON.parse(line) as Line);
}

function ran(from: number): Line {
  const started = process.hrtime.bigint();
  const alarms: string[] = [];
  let [decisions, messages, virtualMs] = [0, 0, 0];
  for (let seed = from; seed < from + seedsEach; seed++) {
    const result = fuzzRun(scheduleOf(seed, { size: seed % 4 === 0 ? 7 : 4, fidelity: "improved" }));
    decisions += result.decisions;
    messages += result.messages;
    virtualMs += result.virtualMs;
    for (const { code, text } of result.unexplained) alarms.push(`seed ${seed}: ${code}: ${text}`);
  }
  const elapsedMs = Math.round(Number(process.hrtime.bigint() - started) / 1e6);
  return { commit: values.commit, from, seeds: seedsEach, decisions, messages, virtualMs, elapsedMs, alarms };
}

const mine = linesOf(journal).filter(({ commit }) => commit === values.commit);
let next = Math.max(Number(values.from), ...mine.map(({ from, seeds }) => from + seeds));
while (next <= Number(values.seeds)) {
  const line = ran(next);
  appendFileSync(journal, `${JSON.stringify(line)}\n`);
  for (const alarm of line.alarms) process.stdout.write(`${alarm}\n`);
  next += seedsEach;
}
const all = linesOf(journal).filter(({ commit }) => commit === values.commit);
const alarms = all.flatMap((line) => line.alarms);
const ranCount = all.reduce((sum, { seeds }) => sum + seeds, 0);
const decisions = all.reduce((sum, line) => sum + line.decisions, 0);
process.stdout.write(`${ranCount} seeds, ${decisions} decisions of commit ${values.commit}, ${alarms.length} alarms\n`);
process.exitCode = alarms.length === 0 ? 0 : 1;
