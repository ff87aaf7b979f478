// The log of a torture: a line with what was asked, then a line for each point. Read again to go on, and to print the table.
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { UserError } from "../../src/system/index.js";
import type { RuntimeName, Verb, Victim } from "./points.js";

export interface Head {
  readonly format: 1;
  readonly seed: string;
  readonly points: number;
  readonly runtimes: readonly RuntimeName[];
  readonly machine: string;
  readonly startedAt: string;
}

export interface Line {
  readonly number: number;
  readonly runtime: RuntimeName;
  readonly verb: Verb;
  readonly phase: string;
  readonly victim: Victim;
  readonly reached: string;
  readonly delayMs: number;
  readonly seconds: number;
  readonly after: readonly string[];
  readonly left: readonly string[];
  readonly hurt: readonly string[];
  /** What did not end as it must; empty when all did. */
  readonly problem: string;
}

export interface Log {
  readonly head: Head;
  readonly lines: readonly Line[];
}

/** For who needs the exit code only. */
const nowhere = "/dev/null";

export function beginLog(path: string, head: Head): void {
  if (path === nowhere) return;
  if (existsSync(path)) {
    throw new UserError(`${path} is there already`, { suggestion: `go on with it: scripts/torture --resume ${path}` });
  }
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(head)}\n`);
}

export const addLine = (path: string, line: Line): void => appendFileSync(path, `${JSON.stringify(line)}\n`);

export function readLog(path: string): Log {
  if (!existsSync(path)) throw new UserError(`Cannot read "${path}": it is not there`);
  const text = readFileSync(path, "utf8");
  // A torn last line is a point that is done again.
  const whole = text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .filter((line) => line !== "");
  const [head, ...lines] = whole.map((line) => JSON.parse(line) as unknown);
  const isOurs = typeof head === "object" && head !== null && "format" in head && head.format === 1;
  if (!isOurs) throw new UserError(`Cannot read "${path}": expected the log of a torture, format 1`);
  return { head: head as Head, lines: lines as Line[] }; // written by beginLog and addLine
}

export const isGood = (line: Line): boolean => line.left.length === 0 && line.hurt.length === 0 && line.problem === "";
