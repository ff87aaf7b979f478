// One point: the command is started, the victim killed in its phase, the lab picked up by another process where it lives on, and
// all that is left cleaned. Says what was reached and how each step ended.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { OperatingError, pause, there, until, waiting, type Look } from "../../src/system/index.js";
import { Command, run, type Place } from "./command.js";
import { agentAlive, agentPid, nodePids } from "./lab-processes.js";
import { phases, type Phase, type Point, type RuntimeName, type Verb } from "./points.js";
import { lab } from "./strangers.js";

/** What a point needs of an engine of its own; absent for netns. */
export interface EngineOfOurs {
  readonly kill: () => Promise<void>;
  readonly restart: () => Promise<void>;
}

export interface Driving {
  readonly place: Place;
  /** Milliseconds that each phase took undisturbed, by `verb name`. */
  readonly spans: ReadonlyMap<string, number>;
  readonly engine: EngineOfOurs | undefined;
}

export interface Driven {
  /** Phase in which the victim was when it was killed, as the command had told by then; "over" when it had ended. */
  readonly reached: string;
  readonly delayMs: number;
  /** How the command ended, and what was done with the lab then. */
  readonly after: readonly string[];
}

const { signal } = new AbortController();
/** Folder of a run, below the place. */
export const results = "results";

export const wordsFor = (verb: Verb, runtime: RuntimeName): readonly string[] =>
  ({
    up: ["up", "star.yaml", "--runtime", runtime],
    run: ["run", "short.yaml", "--runtime", runtime, "--output", results],
    down: ["down", "--lab", lab],
  })[verb];

export async function drive(point: Point, driving: Driving): Promise<Driven> {
  const { place, engine } = driving;
  const { verb } = point.phase;
  if (verb === "down") await run(wordsFor("up", point.runtime), place);
  const agent = verb === "down" ? agentOfLab() : undefined;
  const command = new Command(wordsFor(verb, point.runtime), place);
  await begun(point.phase, command, agent);
  const delayMs = Math.round(point.fraction * (driving.spans.get(keyOf(point.phase)) ?? 0));
  await pause(delayMs, { signal });
  const reached = phaseReached(verb, command, agent);
  const after = (await strike(point, command, engine)) ? [] : ["nobody was there to be killed"];
  after.push(`${verb}: ${await command.ended()}`);
  if (point.victim === "dockerd") {
    await engine?.restart();
    after.push("engine started again");
  }
  after.push(...(await pickUp(point, place)));
  after.push(`clean: ${await run(["clean"], place)}`);
  rmSync(join(place.folder, results), { recursive: true, force: true });
  return { reached, delayMs, after };
}

const keyOf = (phase: Phase): string => `${phase.verb} ${phase.name}`;

/** Undisturbed, once: how long each phase takes here. */
export async function measureSpans(runtime: RuntimeName, place: Place): Promise<ReadonlyMap<string, number>> {
  const begins: { readonly key: string; readonly atMs: number }[] = [];
  const spans = new Map<string, number>();
  for (const verb of ["up", "down", "run"] as const) {
    const agent = verb === "down" ? agentOfLab() : undefined;
    const command = new Command(wordsFor(verb, runtime), place);
    const own = phases.filter((phase) => phase.verb === verb);
    await Promise.all(
      own.map(async (phase) => {
        await begun(phase, command, agent);
        begins.push({ key: keyOf(phase), atMs: performance.now() });
      }),
    );
    const end = await command.ended();
    if (!["exit 0", "exit 1"].includes(end))
      throw new OperatingError(`${verb}, undisturbed: ${end}; it said "${command.said}"`);
    const over = performance.now();
    const ordered = own.map((phase) => begins.find((each) => each.key === keyOf(phase)));
    for (const [index, each] of ordered.entries()) {
      if (each !== undefined) spans.set(each.key, (ordered[index + 1]?.atMs ?? over) - each.atMs);
    }
  }
  rmSync(join(place.folder, results), { recursive: true, force: true });
  return spans;
}

/** Resolves when the phase begins, or when it never will. */
async function begun(phase: Phase, command: Command, agent: number | undefined): Promise<void> {
  if (phase.line !== undefined) {
    await command.says(phase.line);
    return;
  }
  if (phase.name === "started") return;
  const look = (): Look<true> =>
    command.over || downPhase(agent) === phase.name ? there(true) : waiting("the agent is there");
  await until(look, { timeoutMs: 60_000, everyMs: 0, signal, what: `down: ${phase.name}` });
}

/** With the agent the kernel ends everything of the lab: what is left to `down` is to see it, and the folder. */
const downPhase = (agent: number | undefined): string =>
  agent !== undefined && agentAlive(agent) ? "started" : "agent ended";

function phaseReached(verb: Verb, command: Command, agent: number | undefined): string {
  if (command.over) return "over";
  if (verb === "down") return downPhase(agent);
  const said = phases.filter((phase) => phase.verb === verb && (phase.line?.test(command.said) ?? true));
  return said.at(-1)?.name ?? "";
}

/** That of a lab that is up. */
function agentOfLab(): number {
  const pid = agentPid();
  if (pid === undefined) throw new OperatingError(`The lab is up, and its agent is not found among the processes`);
  return pid;
}

/** False when the victim had ended, or had not begun: the command goes on undisturbed. */
async function strike(point: Point, command: Command, engine: EngineOfOurs | undefined): Promise<boolean> {
  if (point.victim === "cli") {
    command.kill();
    return true;
  }
  if (point.victim === "dockerd") {
    await engine?.kill();
    return true;
  }
  const nodes = nodePids();
  const pid = point.victim === "agent" ? agentPid() : nodes[Math.floor(point.fraction * nodes.length)];
  if (pid === undefined) return false;
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
    return false;
  }
  return true;
}

/** Another shell: a lab that lives on is looked at, its run finished, and ended; a dead one is left to `clean`. */
async function pickUp(point: Point, place: Place): Promise<readonly string[]> {
  // One that was coming up comes up by itself; one whose agent died is dead.
  const status = new Command(["status", "--lab", lab], place);
  let end = await status.ended();
  const endAt = performance.now() + 60_000;
  while (end !== "exit 0" && performance.now() < endAt && agentPid() !== undefined) {
    await pause(50, { signal });
    end = await run(["status", "--lab", lab], place, [0, 2, 4]);
  }
  if (end !== "exit 0") return [`status: ${end}`];
  const steps = ["status: exit 0"];
  if (point.phase.verb === "run") {
    const resumed = new Command(["run", "--resume", lab], place);
    const how = await resumed.ended();
    const none = resumed.said.includes("carries no repetition");
    if (how !== "exit 0" && how !== "exit 1" && !none && point.victim === "cli") {
      throw new OperatingError(
        `run --resume: ${how}, expected the repetition to be finished; it said "${resumed.said}"`,
      );
    }
    steps.push(none ? "resume: nothing ran yet" : `resume: ${how}`);
    if (!none) return steps;
  }
  steps.push(`down: ${await run(["down", "--lab", lab], place)}`);
  return steps;
}
