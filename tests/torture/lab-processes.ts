// The processes of the tortured lab, found through /proc from the world it lives in: whom to kill.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { engineFolder } from "./inventory.js";
import { lab } from "./strangers.js";

/** The lab's folder: of netns in the state folder, of docker a volume of the engine's. */
const folders = [`/tmp/state/labs/${lab}`, `${engineFolder}/data/volumes/testbed-`];
const inFolder = (path: string): boolean => folders.some((folder) => path.startsWith(folder));

/** Its agent; undefined when there is none. In a container it is a child of a shell of the same words. */
export const agentPid = (): number | undefined =>
  pidsOf((words) => /(^|\/)agent\.mjs$/.test(words[1] ?? "") && inFolder(words[2] ?? ""))[0];

/** Processes of nodes: services, start scripts, inits of containers, or FRR's daemons; in an order that does not depend on the moment. */
export function nodePids(): readonly number[] {
  const services = pidsOf((words) => words.some((word) => inFolder(word) && word.includes("/nodes/")));
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
