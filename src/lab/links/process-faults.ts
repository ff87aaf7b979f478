// Faults of a node's service process: killed until healed (then started again in the same namespaces), or stopped in its
// tracks. FRR beside it goes on: that is another fault. Read back from /proc and from the process's own end.
import { readFile } from "node:fs/promises";
import { now, OperatingError, there, until, waiting, type Look } from "../../system/index.js";
import type { Confirmed, Cut } from "./downs.js";

/** What a process fault needs of a node: a port, because nodes live elsewhere too. */
export interface ServiceProcess {
  /** 0 when there is none. */
  readonly pid: number;
  ended(): Promise<void>;
  /** Starts the service again and resolves when it answers. */
  restart(): Promise<void>;
}

const stateMsMax = 2_000;

export async function killService(node: string, service: ServiceProcess): Promise<Cut> {
  const pid = runningPid(node, service);
  process.kill(pid, "SIGKILL");
  await service.ended();
  const undo = async (): Promise<Confirmed> => {
    await service.restart();
    return { at: now(), detail: `service of ${node} answers, process ${service.pid}` };
  };
  return { at: now(), detail: `process ${pid} of ${node} has ended`, undo };
}

export async function pauseService(node: string, service: ServiceProcess): Promise<Cut> {
  const pid = runningPid(node, service);
  process.kill(pid, "SIGSTOP");
  await inState(pid, (state) => state === "T");
  const undo = async (): Promise<Confirmed> => {
    process.kill(pid, "SIGCONT");
    await inState(pid, (state) => state !== "T");
    return { at: now(), detail: `process ${pid} of ${node} runs` };
  };
  return { at: now(), detail: `process ${pid} of ${node} is stopped`, undo };
}

function runningPid(node: string, service: ServiceProcess): number {
  if (service.pid > 0) return service.pid;
  throw new OperatingError(`Find the service of ${node}: it has ended, expected it to run`);
}

async function inState(pid: number, wanted: (state: string) => boolean): Promise<void> {
  const look = async (): Promise<Look<true>> => {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    const state = stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3);
    return wanted(state) ? there(true) : waiting(`its state is ${state}`);
  };
  const signal = new AbortController().signal;
  await until(look, { timeoutMs: stateMsMax, everyMs: 1, signal, what: `process ${pid} to change its state` });
}
