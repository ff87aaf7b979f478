// Which part is killed in which phase of which command: every combination once before any twice, in an order that the seed
// draws, and how far into the phase. Pure: the same seed gives the same points.
import { randomFrom } from "../../src/base/index.js";

export type Verb = "up" | "run" | "down";
export type Victim = "cli" | "agent" | "node" | "dockerd";
export type RuntimeName = "netns" | "docker";

/** A stretch of a command, from the moment that shows it until the next one begins. */
export interface Phase {
  readonly verb: Verb;
  readonly name: string;
  /** Line of the command's talk by which it begins; undefined: seen in another way (drive.ts). */
  readonly line: RegExp | undefined;
  /** Whom there is to kill in it. */
  readonly victims: readonly Victim[];
}

export interface Point {
  /** From 1. */
  readonly number: number;
  readonly runtime: RuntimeName;
  readonly phase: Phase;
  readonly victim: Victim;
  /** How far into the phase, in [0, 1) of the time that it took undisturbed. */
  readonly fraction: number;
}

const early = ["cli", "agent"] as const;
const all = ["cli", "agent", "node"] as const;

/** The order is that of time. `started` is from the start of the process on. */
export const phases: readonly Phase[] = [
  { verb: "up", name: "started", line: undefined, victims: ["cli"] },
  { verb: "up", name: "sandbox", line: /^ {2}(sandbox|switchboard) /m, victims: early },
  { verb: "up", name: "namespaces", line: /^ {2}\d+ (namespaces|containers) /m, victims: early },
  { verb: "up", name: "links", line: /^ {2}\d+ links, /m, victims: all },
  { verb: "up", name: "nodes started", line: /^ {2}nodes started /m, victims: all },
  { verb: "up", name: "routes", line: /^ {2}every node has every route /m, victims: all },
  { verb: "up", name: "services", line: /^ {2}every service answers /m, victims: all },
  { verb: "run", name: "started", line: undefined, victims: ["cli"] },
  { verb: "run", name: "coming up", line: /^ {2}(sandbox|switchboard) /m, victims: early },
  { verb: "run", name: "running", line: /^ {2}running /m, victims: all },
  { verb: "run", name: "workload", line: /^ {2}workload-started /m, victims: all },
  { verb: "run", name: "timeline", line: /^ {2}timeline-started /m, victims: all },
  { verb: "run", name: "broken", line: /: effective /m, victims: all },
  { verb: "run", name: "healed", line: /: healed /m, victims: all },
  { verb: "run", name: "workload over", line: /^ {2}workload-stopped /m, victims: all },
  { verb: "run", name: "stopped", line: /^ {2}stopped /m, victims: all },
  { verb: "down", name: "started", line: undefined, victims: all },
  { verb: "down", name: "agent ended", line: undefined, victims: ["cli"] },
];

export interface Choice {
  readonly seed: string;
  readonly count: number;
  readonly runtimes: readonly RuntimeName[];
}

/** With several runtimes they take turns, each with the points that it has alone: few points reach all of them. */
export function pointsFor({ seed, count, runtimes }: Choice): readonly Point[] {
  const each = Math.ceil(count / runtimes.length);
  const drawn = inTurns(runtimes.map((runtime) => pointsOn(runtime, { seed, count: each })));
  return drawn.slice(0, count).map((point, index) => ({ number: index + 1, ...point }));
}

type Draw = Omit<Point, "number">;

function pointsOn(runtime: RuntimeName, { seed, count }: Omit<Choice, "runtimes">): readonly Draw[] {
  const pairs = phases.flatMap((phase) => victimsOf(phase, runtime).map((victim) => ({ runtime, phase, victim })));
  const points: Draw[] = [];
  for (let round = 1; points.length < count; round++) {
    const random = randomFrom(seed, `round/${round}`);
    for (const pair of spread(shuffled(pairs, random))) {
      if (points.length === count) break;
      points.push({ ...pair, fraction: random.fraction() });
    }
  }
  return points;
}

const victimsOf = (phase: Phase, runtime: RuntimeName): readonly Victim[] =>
  runtime === "docker" ? [...phase.victims, "dockerd"] : phase.victims;

function shuffled<T>(items: readonly T[], random: { integer(low: number, high: number): number }): readonly T[] {
  const left = [...items];
  return items.map(() => left.splice(random.integer(0, left.length - 1), 1)).flat();
}

/** Phases that were not hit yet come first, so that few points reach many phases. */
function spread<T extends { readonly phase: Phase }>(pairs: readonly T[]): readonly T[] {
  const rows = new Map<string, T[]>();
  for (const pair of pairs) {
    const key = `${pair.phase.verb} ${pair.phase.name}`;
    rows.set(key, [...(rows.get(key) ?? []), pair]);
  }
  return inTurns([...rows.values()]);
}

/** The first of each row, then the second of each that has one, and so on. */
function inTurns<T>(rows: readonly (readonly T[])[]): readonly T[] {
  const columns = Math.max(...rows.map((row) => row.length));
  return Array.from({ length: columns }, (_, index) => rows.flatMap((row) => row.slice(index, index + 1))).flat();
}
