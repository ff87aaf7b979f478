// The processes of the tortured lab, found through /proc from the world it lives in: whom to kill.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { engineFolder } from "./inventory.js";
import { lab } from "./strangers.js";

/** The lab's folder: of netns in the state folder, of docker a volume of the engine's. */
const folders = [`/tmp/state/labs/${lab}`, `${engineFolder}/data/volumes/testbed-`];
const inFolder = (path: string): boolean => folders.some((folder) => path.startsWith(folder));

/**
 * Its agent; undefined when there is none. In a container its words name the lab's folder, in a sandbox they do not: it descends from
 * the process whose life is the lab's.
 */
export function agentPid(): number | undefined {
  const owner = ownerPid();
  return pidsOf(([, program = "", directory = ""], pid) => {
    if (!/(^|\/)agent\.mjs$/.test(program)) return false;
    return directory === "" ? owner !== undefined && descendsFrom(pid, owner) : inFolder(directory);
  })[0];
}

/** By the lab's own record, in namespaces. */
function ownerPid(): number | undefined {
  try {
    const record = JSON.parse(readFileSync(`/tmp/state/labs/${lab}/lab.json`, "utf8")) as {
      readonly owner: { readonly pid: number };
    }; // the testbed's own (state-folder.ts)
    return record.owner.pid;
  } catch {
    return undefined; // no lab, or one that just goes
  }
}

function descendsFrom(pid: number, ancestor: number): boolean {
  for (let each = pid; each > 0; each = parentOf(each)) if (each === ancestor) return true;
  return false;
}

/** Field 4 of proc_pid_stat(5); 0 when it has ended. */
function parentOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]); // a name may hold anything
  } catch {
    return 0;
  }
}

/** Processes of nodes: services, start scripts, inits of containers, or FRR's daemons; in an order that does not depend on the moment. */
export function nodePids(): readonly number[] {
  const services = pidsOf((words) => words.some((word) => inFolder(word) && word.includes("/nodes/")));
  return services.length > 0 ? services : pidsOf((words) => (words[0] ?? "").startsWith("/usr/lib/frr/"));
}

export const agentAlive = (pid: number): boolean => existsSync(`/proc/${pid}`);

function pidsOf(fits: (words: readonly string[], pid: number) => boolean): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && fits(wordsOf(name), Number(name)))
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
