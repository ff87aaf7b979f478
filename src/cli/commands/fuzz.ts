// testbed fuzz: seed after seed in virtual time, each a cluster under faults of its own, judged from outside. What raises
// an alarm that nothing explains is shrunk, saved and printed as the command that repeats it.
import { mkdir, writeFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { setImmediate } from "node:timers/promises";
import { InvalidArgumentError, Option } from "@commander-js/extra-typings";
import {
  asExperiment,
  DiagramRecorder,
  eventText,
  explanationsOf,
  fuzzRun,
  parseSeedFile,
  scheduleOf,
  seedFileFormat,
  seedFileText,
  shrunk,
  surprises,
  type AlarmCode,
  type FuzzResult,
  type Schedule,
} from "../../sim/index.js";
import { UserError } from "../../system/index.js";
import { examples } from "../examples.js";
import { CheckFailed } from "../exit.js";
import { readUserFile } from "../files.js";
import { print, rowsText, say, textOption, type Row, type TextFormat } from "../output.js";
import type { Register } from "../program.js";
import { packageRoot } from "../repository.js";
import { Sweep } from "../sweep.js";

export const registerFuzz: Register = (program) => {
  program
    .command("fuzz")
    .description("run seeded clusters under random faults in virtual time, and check them from outside")
    .option("--seeds <count>", "how many seeds", whole(1), 300)
    .option("--from <seed>", "the first seed", whole(0), 1)
    .addOption(
      new Option("--fidelity <fidelity>", "of the replicas")
        .choices(["library", "improved"] as const)
        .default("improved" as const),
    )
    .addOption(new Option("--n <size>", "nodes").choices(["4", "7"] as const).default("4" as const))
    .option("--budget <nodes>", "faulty nodes at one time; more than a third breaks what nobody promised", whole(0))
    .option("--save <folder>", "where failing schedules go", "fuzz-failures")
    .option("--repeat <file>", "run one saved schedule instead")
    .addOption(textOption())
    .addHelpText(
      "after",
      examples(
        "testbed fuzz --seeds 1000",
        "testbed fuzz --fidelity library --n 7 --from 5000 --seeds 100",
        "testbed fuzz --repeat fuzz-failures/seed-17.json",
      ),
    )
    .action(async (options) => {
      if (options.repeat !== undefined) return repeat(options.repeat, options.format);
      const choices = {
        size: Number(options.n),
        fidelity: options.fidelity,
        ...(options.budget === undefined ? {} : { budget: options.budget }),
      };
      const sweep = new Sweep();
      for (let seed = options.from; seed < options.from + options.seeds; seed++) {
        const result = fuzzRun(scheduleOf(seed, choices));
        sweep.add(result);
        if (result.unexplained.length > 0) await report(result, options.save);
        // Ctrl-C is heard between two seeds.
        await setImmediate();
      }
      await print(options.format === "json" ? sweepJson(sweep) : sweepText(sweep, options.fidelity));
      if (sweep.failed.length > 0) throw new CheckFailed();
    });
};

/** A whole number from `min` on. */
const whole =
  (min: number) =>
  (text: string): number => {
    const value = Number(text);
    if (!/^\d{1,9}$/.test(text) || value < min) throw new InvalidArgumentError(`Expected a whole number from ${min}.`);
    return value;
  };

async function repeat(path: string, format: TextFormat): Promise<void> {
  const parsed = parseSeedFile(await readUserFile(path, "a saved schedule"));
  if (parsed.kind === "bad") {
    throw new UserError(`Cannot repeat "${path}": ${parsed.problems.join("; ")}`, {
      suggestion: "testbed fuzz saves such files under --save",
    });
  }
  const { schedule, traceHash } = parsed.value;
  const result = fuzzRun(schedule);
  const { alarms, unexplained, decisions, messages } = result;
  if (format === "json") await print(json({ alarms, unexplained, decisions, messages, hash: result.traceHash }));
  else {
    await print(alarmsText(result));
    await print(`trace hash ${result.traceHash}, ${decisions} decisions, ${messages} messages\n`);
  }
  if (result.traceHash !== traceHash)
    say(`The file says trace hash ${traceHash}: another version of the replica or the simulator made it.`);
  if (unexplained.length > 0) throw new CheckFailed();
}

async function report(found: FuzzResult, folder: string): Promise<void> {
  const { seed, setting } = found.schedule;
  say(`seed ${seed}: ${alarmsText(found).trimEnd()}\nShrinking …`);
  const code = found.unexplained[0]?.code;
  if (code === undefined) return;
  const raises = (candidate: Schedule): boolean => fuzzRun(candidate).unexplained.some((alarm) => alarm.code === code);
  const { schedule, runs } = shrunk(found.schedule, raises);
  await save(schedule, code, folder);
  say(`${found.schedule.events.length} events became ${schedule.events.length} in ${runs} runs:`);
  for (const event of schedule.events) say(`  ${eventText(event)}`);
  const base = join(folder, `seed-${seed}`);
  say(`As found:  testbed fuzz --from ${seed} --seeds 1 --fidelity ${setting.fidelity} --n ${setting.size}`);
  say(`As shrunk: testbed fuzz --repeat ${base}.json\nDiagram: ${base}.mmd, experiment for labs: ${base}.yaml\n`);
}

async function save(schedule: Schedule, alarm: AlarmCode, folder: string): Promise<void> {
  const recorder = new DiagramRecorder();
  const result = fuzzRun(schedule, { onTrace: recorder.onTrace });
  await mkdir(folder, { recursive: true });
  const base = join(folder, `seed-${schedule.seed}`);
  const topology = join(packageRoot, "topologies", `bft${schedule.setting.size}-ring.yaml`);
  const file = { format: seedFileFormat, kind: "fuzz-seed", alarm, traceHash: result.traceHash, schedule } as const;
  await writeFile(`${base}.json`, seedFileText(file));
  await writeFile(`${base}.mmd`, recorder.text(result));
  await writeFile(`${base}.yaml`, asExperiment(result, relative(resolve(folder), topology)).text);
}

function alarmsText({ alarms, sightings, schedule }: FuzzResult): string {
  if (alarms.length === 0) return "no alarm\n";
  return alarms
    .map(({ code, at, node, text }) => {
      const known = schedule.setting.fidelity === "library" ? explanationsOf(code, sightings) : [];
      const explained =
        known.length > 0 ? ` (known: ${known.map((one) => `${one.number} ${one.code}`).join(", ")})` : "";
      return `${code} at ${(at / 1000).toFixed(1)} ms${node === undefined ? "" : `, node ${node}`}: ${text}${explained}\n`;
    })
    .join("");
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

function sweepJson(sweep: Sweep): string {
  const alarms = sweep.alarmRows().map(({ "first seed": firstSeed = 0, ...row }) => ({ ...row, firstSeed }));
  return json({ ...sweep.figures(), failed: sweep.failed, alarms, surprises: Object.fromEntries(sweep.seen) });
}

function sweepText(sweep: Sweep, fidelity: "library" | "improved"): string {
  const rows: Row[] = sweep.alarmRows();
  const alarms =
    rows.length === 0 ? "No alarms.\n" : rowsText(["alarm", "seeds", "unexplained", "first seed"], rows, "table");
  if (fidelity === "improved") return `${alarms}${sweep.summary()}`;
  const seen = surprises.map(({ number, code, explains }) => ({
    surprise: number,
    code,
    seeds: sweep.seen.get(number) ?? 0,
    explains: explains.join(" "),
  }));
  return `${alarms}\n${rowsText(["surprise", "code", "seeds", "explains"], seen, "table")}${sweep.summary()}`;
}
