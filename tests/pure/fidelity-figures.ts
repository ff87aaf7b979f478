// npx tsx tests/pure/fidelity-figures.ts [SEEDS]: the tables of docs/protocol.md about what `fidelity: improved` gains, in virtual time:
// seeds of the fuzzer in both, and shipped experiments in both.
import type { MeasuredOutage } from "../../src/results/run-result.js";
import { fuzzRun, scheduleOf, type FuzzResult } from "../../src/sim/index.js";
import type { Fidelity } from "../../src/smartbft/index.js";
import type { ProfileName } from "../../src/spec/index.js";
import { median, shipped, simulated } from "./sim-run.js";

const fidelities: readonly Fidelity[] = ["library", "improved"];
const seedCount = Number(process.argv[2] ?? 1000);
const repetitions = ["1/1", "1/2", "1/3", "1/4", "1/5"];
const experiments: readonly { readonly name: string; readonly profile: ProfileName }[] = [
  { name: "leader-interface-down", profile: "fabric" },
  { name: "leader-interface-down-of-seven", profile: "fabric" },
  { name: "leader-interface-down-long-sequential", profile: "fabric" },
  { name: "follower-interface-down-sequential", profile: "fabric" },
  { name: "byzantine-equivocating-leader", profile: "fast" },
];

const quantile = (values: readonly number[], share: number): number =>
  values.toSorted((left, right) => left - right)[Math.ceil(share * values.length) - 1] ?? Number.NaN;
const lengthOf = ({ outage: { start, end, cutAt } }: MeasuredOutage): number => (end ?? cutAt) - start;
const inSeconds = (ms: number): string => (ms / 1e3).toFixed(1);

for (const size of [4, 7])
  for (const fidelity of fidelities) {
    const results: FuzzResult[] = [];
    for (let seed = 1; seed <= seedCount; seed++) results.push(fuzzRun(scheduleOf(seed, { size, fidelity })));
    const alarmed = results.filter(({ alarms }) => alarms.length > 0).length;
    const unsafe = results.filter(({ alarms }) => alarms.some(({ code }) => code === "disagreement")).length;
    const recoveries = results.flatMap(({ recoveryMs }) => recoveryMs ?? []);
    const [half, most, worst] = [median(recoveries), quantile(recoveries, 0.99), Math.max(...recoveries)].map(
      inSeconds,
    );
    const stuck = results.length - recoveries.length;
    console.log(
      `n = ${size}, ${fidelity}: of ${results.length} seeds ${alarmed} with an alarm, ${unsafe} with a disagreement; three more decisions after ${half} s, ${most} s in all but 1 %, ${worst} s at most, never in ${stuck}`,
    );
  }

for (const { name, profile } of experiments)
  for (const fidelity of fidelities) {
    const { experiment, plan } = shipped(name, profile, fidelity);
    const results = repetitions.map((seed) => simulated({ experiment, plan }, { seed }).result);
    const of = (numbers: readonly number[]): string =>
      `${inSeconds(median(numbers) / 1e3)} s (${inSeconds(Math.min(...numbers) / 1e3)} to ${inSeconds(Math.max(...numbers) / 1e3)})`;
    const longest = results.map(({ outages }) => Math.max(0, ...outages.map(lengthOf)));
    const sum = results.map(({ outages }) => outages.reduce((total, outage) => total + lengthOf(outage), 0));
    const changes = results.map(({ viewChangeCount }) => viewChangeCount).join(", ");
    console.log(
      `${name}, ${profile}, ${fidelity}: longest outage ${of(longest)}, all outages ${of(sum)}, view changes ${changes}`,
    );
  }
