// What /proc says of processes as the agent sees them: their state, who is below whom, what they are called inside a container.
import { readFile } from "node:fs/promises";
import type { Instant } from "../../base/index.js";
import { hasCode, now, there, until, waiting, type Look } from "../../system/index.js";

/** One letter, as in proc(5); empty when there is no such process. `Z` has ended and waits to be reaped. */
export async function stateOf(pid: number): Promise<string> {
  const stat = await textOf(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3);
}

export const hasEnded = (state: string): boolean => state === "" || state === "Z" || state === "X";

/** Resolves when all have ended, with the instant at which that was seen. */
export async function untilEnded(pids: readonly number[], options: EndWait): Promise<Instant> {
  const look = async (): Promise<Look<Instant>> => {
    const left: number[] = [];
    for (const pid of pids) if (!hasEnded(await stateOf(pid))) left.push(pid);
    return left.length === 0 ? there(now()) : waiting(`still there: ${left.join(", ")}`);
  };
  return until(look, { ...options, everyMs: 1, signal: new AbortController().signal });
}

export interface EndWait {
  readonly timeoutMs: number;
  readonly what: string;
}

/** The process and all below it, as far as they are there. */
export async function treeOf(pid: number): Promise<readonly number[]> {
  const children = (await textOf(`/proc/${pid}/task/${pid}/children`)).trim();
  if (children === "") return [pid];
  const below = await Promise.all(children.split(" ").map((child) => treeOf(Number(child))));
  return [pid, ...below.flat()];
}

/** Pid in the innermost pid namespace that the process lives in; 0 when it has ended. */
export async function innerPidOf(pid: number): Promise<number> {
  const status = await textOf(`/proc/${pid}/status`);
  return Number(/^NSpid:.*\b(\d+)$/m.exec(status)?.[1] ?? 0);
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH")) return ""; // it has ended
    throw error;
  }
}
