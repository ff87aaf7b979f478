// The processes of the tortured lab, found through /proc from the world it lives in: whom to kill.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { lab } from "./strangers.js";

export const labFolder = `/tmp/state/labs/${lab}`;

/** Its agent; undefined when there is none. In a container it is a child of a shell of the same words. */
export const agentPid = (): number | undefined =>
  pidsOf((words) => /(^|\/)agent\.mjs$/.test(words[1] ?? "") && words[2] === labFolder)[0];

/** Processes of nodes: services, FRR daemons, start scripts; in an order that does not depend on the moment. */
export function nodePids(): readonly number[] {
  const services = pidsOf((words) => words.some((word) => word.startsWith(`${labFolder}/nodes/`)));
  return services.length > 0 ? services : pidsOf((words) => (words[0] ?? "").startsWith("/usr/lib/frr/"));
}

export const agentAlive = (pid: number): boolean => existsSync(`/proc/${pid}`);

function pidsOf(fits: (words: readonly string[]) => boolean): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && fits(wordsOf(name)))
    .map(Number)
    .toSorted((left, right) => left - right);
}

function wordsOf(pid: string): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return []; // it ended in between
  }
}
