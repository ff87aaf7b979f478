// scripts/torture, inside its world: draws the points, drives one after the other, compares the inventories, writes the log.
import { release } from "node:os";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildNodeImage } from "../../src/lab/index.js";
import { errorText, there, until, UserError, waiting, type Look } from "../../src/system/index.js";
import { shortExperiment, starTopology } from "../netns/lab-files.js";
import { Command, type Place } from "./command.js";
import { loadImages, nodeArchive } from "./image.js";
import { drive, measureSpans, results, type Driven } from "./drive.js";
import { startEngine, type Engine } from "./engine.js";
import { difference, inventory, type Difference } from "./inventory.js";
import { addLine, beginLog, isGood, readLog, type Head, type Line } from "./log.js";
import { pointsFor, type Point, type RuntimeName } from "./points.js";
import { lab, makeForeignContainers, makeStrangers, stranger } from "./strangers.js";
import { phasesMissed, tableOf } from "./table.js";

/** Processes that were killed take a moment to be gone. */
const goneMsMax = 15_000;
const { signal } = new AbortController();
const place: Place = { folder: "/tmp/work", environment: {} };

function asked(): { readonly path: string; readonly head: Head; readonly done: readonly Line[] } {
  const { values } = parseArgs({
    options: {
      points: { type: "string", default: "100" },
      seed: { type: "string", default: "1" },
      runtime: { type: "string", default: "netns" },
      output: { type: "string" },
      resume: { type: "string" },
    },
  });
  if (values.resume !== undefined) {
    const { head, lines } = readLog(values.resume);
    return { path: values.resume, head, done: lines };
  }
  const { seed, runtime } = values;
  const runtimes = ({ netns: ["netns"], docker: ["docker"], both: ["netns", "docker"] } as const)[runtime as "both"];
  if (runtimes === undefined) throw new UserError(`--runtime ${runtime}: expected netns, docker or both`);
  const points = Number(values.points);
  if (!Number.isSafeInteger(points) || points < 1)
    throw new UserError(`--points ${values.points}: expected a number from 1`);
  if (values.output?.startsWith("/tmp/") === true) {
    throw new UserError(`--output ${values.output}: /tmp is this world's own and goes with it`, {
      suggestion: "name a file elsewhere",
    });
  }
  const path = values.output ?? join("results", `torture-${seed}-${runtime}.ndjson`);
  const head: Head = {
    format: 1,
    seed,
    points,
    runtimes,
    machine: `Linux ${release()}`,
    startedAt: new Date().toISOString(),
  };
  beginLog(path, head);
  return { path, head, done: [] };
}

async function main(): Promise<number> {
  const { path, head, done } = asked();
  mkdirSync("/tmp/state/labs", { recursive: true, mode: 0o700 });
  mkdirSync(place.folder);
  writeFileSync(join(place.folder, "star.yaml"), starTopology(lab, 4));
  const fault = "{ at: 500ms, fault: interface-down, how: blackhole, target: follower, for: 500ms }";
  writeFileSync(join(place.folder, "short.yaml"), shortExperiment("star.yaml", fault, { duration: "2s", drain: "2s" }));
  const strangers = makeStrangers();
  const engine = head.runtimes.includes("docker") ? startEngine() : undefined;
  try {
    if (engine !== undefined) await prepare(engine);
    const lines = await torture(head, done, { path, engine });
    say(tableOf(lines));
    const missed = phasesMissed(lines);
    if (missed.length > 0) say(`nothing was killed in: ${missed.join(", ")}`);
    const bad = lines.filter((line) => !isGood(line));
    say(`${lines.length} points, ${bad.length} of them left or hurt something`);
    return bad.length === 0 ? 0 : 1;
  } finally {
    engine?.stop();
    strangers.end();
  }
}

async function prepare(engine: Engine): Promise<void> {
  await loadImages(engine.docker, await nodeArchive()); // scripts/torture made it
  const image = await buildNodeImage({ signal, progress: (phase) => say(`  ${phase}`) });
  await makeForeignContainers(engine.docker, image);
}

interface Torturing {
  readonly path: string;
  readonly engine: Engine | undefined;
}

async function torture(head: Head, done: readonly Line[], { path, engine }: Torturing): Promise<readonly Line[]> {
  const at: Place = { ...place, environment: engine === undefined ? {} : { DOCKER_HOST: engine.host } };
  const spans = new Map<RuntimeName, ReadonlyMap<string, number>>();
  for (const runtime of head.runtimes) spans.set(runtime, await measureSpans(runtime, at));
  let before = await inventory(engine?.docker, stranger);
  const lines = [...done];
  for (const point of pointsFor({ seed: head.seed, count: head.points, runtimes: head.runtimes })) {
    if (lines.some((line) => line.number === point.number)) continue;
    const startedAt = performance.now();
    const driven = await driveOrSay(point, { place: at, spans: spans.get(point.runtime) ?? new Map(), engine });
    const found = await settledDifference(async () => difference(before, await inventory(engine?.docker, stranger)));
    const seconds = Math.round((performance.now() - startedAt) / 100) / 10;
    const { number, runtime, victim, phase } = point;
    const line: Line = { number, runtime, verb: phase.verb, phase: phase.name, victim, ...driven, seconds, ...found };
    lines.push(line);
    addLine(path, line);
    say(lineText(line, head.points));
    // What one point has left is not held against the next.
    if (!isGood(line)) before = await inventory(engine?.docker, stranger);
  }
  return lines;
}

async function driveOrSay(
  point: Point,
  driving: Parameters<typeof drive>[1],
): Promise<Driven & { readonly problem: string }> {
  try {
    return { ...(await drive(point, driving)), problem: "" };
  } catch (error) {
    const problem = errorText(error);
    return { reached: "", delayMs: 0, after: await lastResort(driving.place), problem };
  }
}

/** A point that failed must not fail the next one. */
async function lastResort(place: Place): Promise<readonly string[]> {
  const words = [["down", "--lab", lab], ["clean"]];
  const ends: string[] = [];
  rmSync(join(place.folder, results), { recursive: true, force: true });
  for (const each of words) ends.push(`then ${each[0]}: ${await new Command(each, place).ended()}`);
  return ends;
}

async function settledDifference(look: () => Promise<Difference>): Promise<Difference> {
  let last: Difference = { left: [], hurt: [] };
  const settled = async (): Promise<Look<true>> => {
    last = await look();
    return last.left.length + last.hurt.length === 0 ? there(true) : waiting("a difference");
  };
  try {
    await until(settled, { timeoutMs: goneMsMax, everyMs: 100, signal, what: "the inventories to be equal" });
  } catch (error) {
    if (last.left.length + last.hurt.length === 0) throw error;
  }
  return last;
}

function lineText(line: Line, of: number): string {
  const what = `${line.number}/${of} ${line.runtime} ${line.verb}: ${line.victim} killed in "${line.reached}"`;
  const meant = line.reached === line.phase ? "" : ` (meant: "${line.phase}")`;
  const steps = `${what} +${line.delayMs} ms${meant}; ${line.after.join(", ")} (${line.seconds} s)`;
  const wrong = [
    ...line.left.map((each) => `\n  LEFT ${each}`),
    ...line.hurt.map((each) => `\n  HURT ${each}`),
    ...(line.problem === "" ? [] : [`\n  PROBLEM ${line.problem}`]),
  ];
  return steps + wrong.join("");
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`torture: ${errorText(error)}\n`);
    const isUsage = error instanceof Error && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");
    process.exit(error instanceof UserError || isUsage ? 2 : 4);
  },
);
