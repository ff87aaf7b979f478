// An entry of the list of surprises that nothing reaches is no knowledge. Each has a schedule, as a seed found it and
// scripts/surprises shrank it, that shows it whenever it runs.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { fuzzRun, parseSeedFile, surprises, type Schedule } from "../../src/sim/index.js";

const folder = join(import.meta.dirname, "..", "surprises");
const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
const nameOf = ({ number, code }: (typeof surprises)[number]): string =>
  `${String(number).padStart(2, "0")}-${code}.json`;

it("there is a schedule for each entry, and none for anything else", () => {
  expect(files).toEqual(surprises.map(nameOf).toSorted());
});

const scheduleIn = (name: string): Schedule => {
  const parsed = parseSeedFile(readFileSync(join(folder, name), "utf8"));
  if (parsed.kind === "bad") throw new Error(`${name}: ${parsed.problems.join("; ")}`);
  return parsed.value.schedule;
};

it.each(surprises.map((surprise) => [nameOf(surprise), surprise] as const))(
  "%s shows it, alarms have an explanation, and improved has none",
  { timeout: 30_000 },
  (name, { number }) => {
    const schedule = scheduleIn(name);
    const { sightings, unexplained } = fuzzRun(schedule);
    expect([...sightings.seen]).toContain(number);
    expect(unexplained).toEqual([]);
    expect(fuzzRun({ ...schedule, setting: { ...schedule.setting, fidelity: "improved" } }).alarms).toEqual([]);
  },
);
