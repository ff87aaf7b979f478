// What a mutant's bundle runs: seed after seed until one raises an alarm that nothing explains; prints which, as JSON.
// With plots named, only their seeds are run, and the count is an upper bound. `improved` is what the bugs are planted in; every fourth seed is a cluster of seven.
import { fuzzRun, plotNameOf, scheduleOf } from "../../src/sim/index.js";

const [from = 1, seeds = 20_000] = process.argv.slice(2, 4).map(Number);
const plots = process.argv.slice(4);
const started = process.hrtime.bigint();

function hunt(): { readonly seeds: number; readonly alarm: string; readonly text: string } | undefined {
  for (let seed = from; seed < from + seeds; seed++) {
    if (plots.length > 0 && !plots.includes(plotNameOf(seed) ?? "")) continue;
    const found = alarmOf(seed);
    if (found !== undefined) return { seeds: seed - from + 1, ...found };
  }
  return undefined;
}

/** A mutant may break what the simulator takes for granted: then it throws, and that is an alarm too. */
function alarmOf(seed: number): { readonly alarm: string; readonly text: string } | undefined {
  try {
    const size = seed % 4 === 0 ? 7 : 4;
    const [first] = fuzzRun(scheduleOf(seed, { size, fidelity: "improved" })).unexplained;
    return first === undefined ? undefined : { alarm: first.code, text: first.text };
  } catch (error) {
    return { alarm: "threw", text: String(error) };
  }
}

const found = hunt();
const elapsedMs = Number(process.hrtime.bigint() - started) / 1e6;
process.stdout.write(`${JSON.stringify({ found: found ?? null, elapsedMs })}\n`);
