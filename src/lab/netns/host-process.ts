// A process of this machine, named so that it cannot be confused with a later one: its pid and when it started, in clock
// ticks since boot (proc(5), stat, field 22). Pids are reused; the pair is not.
import { readFile, readdir, readlink } from "node:fs/promises";
import { hasCode, OperatingError } from "../../system/index.js";

export interface HostProcess {
  readonly pid: number;
  readonly startTicks: number;
}

/** The process behind a pid now; undefined when there is none, or when it has ended and waits to be reaped. */
export async function hostProcess(pid: number): Promise<HostProcess | undefined> {
  let stat: string;
  try {
    stat = await readFile(`/proc/${pid}/stat`, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH")) return undefined;
    throw error;
  }
  // The command's name stands in parentheses and may hold anything; what follows the last one is regular.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" || fields[0] === "X" ? undefined : { pid, startTicks: Number(fields[19]) };
}

/** This process. */
export async function processHere(): Promise<HostProcess> {
  const here = await hostProcess(process.pid);
  if (here !== undefined) return here;
  throw new OperatingError(`Read /proc/${process.pid}/stat: nothing there, expected this process`);
}

export async function isAlive(process: HostProcess): Promise<boolean> {
  return (await hostProcess(process.pid))?.startTicks === process.startTicks;
}

const namespaceKinds = ["net", "mnt", "pid"] as const;

/** Identities of the namespaces a process lives in, like `net:[4026532180]`; empty when it is gone. */
export async function namespacesOf(pid: number): Promise<ReadonlySet<string>> {
  const links = await Promise.all(namespaceKinds.map((kind) => linkIfThere(`/proc/${pid}/ns/${kind}`)));
  return new Set(links.filter((link) => link !== ""));
}

/** Pids of this machine's processes, as far as we may look, that live in one of the namespaces. */
export async function processesIn(namespaces: ReadonlySet<string>): Promise<readonly number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const found: number[] = [];
  for (const pid of pids) {
    for (const namespace of await namespacesOf(pid)) {
      if (namespaces.has(namespace)) {
        found.push(pid);
        break;
      }
    }
  }
  return found;
}

async function linkIfThere(path: string): Promise<string> {
  try {
    return await readlink(path);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH", "EACCES", "EPERM")) return ""; // gone, or another user's
    throw error;
  }
}
