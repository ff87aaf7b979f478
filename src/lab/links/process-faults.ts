// Faults of a node's processes: its service killed until healed (then started again in the same namespaces, from what its disk
// holds), its service stopped in its tracks, its FRR killed until healed. The one goes on beside the other's fault. Read back
// from /proc.
import { now, OperatingError, there, until, waiting, type Look } from "../../system/index.js";
import type { Confirmed, Cut } from "./downs.js";
import { stateOf, untilEnded } from "./process-state.js";

/** What a process fault needs of a node: a port, because nodes live elsewhere too. */
export interface ServiceProcess {
  /** 0 when there is none. */
  readonly pid: number;
  /** It has been asked for and has no pid yet. */
  readonly starting: boolean;
  ended(): Promise<void>;
  /** Starts the service again and resolves when it answers. */
  restart(): Promise<void>;
}

/** The same of a node's routing daemons. */
export interface FrrProcesses {
  /** Pids of those that run, by their names. */
  daemons(): Promise<ReadonlyMap<string, number>>;
  /** Starts all of them and resolves when they have their configuration. */
  restart(): Promise<void>;
}

const stateMsMax = 2_000;
const endMsMax = 10_000;

export async function killService(node: string, service: ServiceProcess): Promise<Cut> {
  const pid = runningPid(node, service);
  process.kill(pid, "SIGKILL");
  const at = await untilEnded([pid], { timeoutMs: endMsMax, what: `process ${pid} of ${node} to end` });
  await service.ended();
  const undo = async (): Promise<Confirmed> => {
    await service.restart();
    return { at: now(), detail: `service of ${node} answers, process ${service.pid}` };
  };
  return { at, detail: `process ${pid} of ${node} has ended`, undo };
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

/** The kernel keeps the routes that FRR gave it; neighbours notice by their own timers. */
export async function killFrr(node: string, frr: FrrProcesses): Promise<Cut> {
  const before = await frr.daemons();
  const pids = [...before.values()];
  if (pids.length === 0) throw new OperatingError(`Find FRR in ${node}: no daemon runs, expected zebra and others`);
  for (const pid of pids) process.kill(pid, "SIGKILL");
  const at = await untilEnded(pids, { timeoutMs: endMsMax, what: `FRR's daemons in ${node} to end` });
  const undo = async (): Promise<Confirmed> => {
    await frr.restart();
    return { at: now(), detail: `FRR in ${node} has its configuration: ${namesOf(await frr.daemons())}` };
  };
  return { at, detail: `ended in ${node}: ${namesOf(before)}`, undo };
}

const namesOf = (daemons: ReadonlyMap<string, number>): string =>
  [...daemons].map(([name, pid]) => `${name} (${pid})`).join(", ");

/** A service that is only being started has no process to hit: its container's first one is not it. */
function runningPid(node: string, service: ServiceProcess): number {
  if (service.starting)
    throw new OperatingError(`Find the service of ${node}: it is being started, expected it to run`);
  if (service.pid > 0) return service.pid;
  throw new OperatingError(`Find the service of ${node}: it has ended, expected it to run`);
}

async function inState(pid: number, wanted: (state: string) => boolean): Promise<void> {
  const look = async (): Promise<Look<true>> => {
    const state = await stateOf(pid);
    if (state === "") throw new OperatingError(`Look at process ${pid}: it has ended`);
    return wanted(state) ? there(true) : waiting(`its state is ${state}`);
  };
  const signal = new AbortController().signal;
  await until(look, { timeoutMs: stateMsMax, everyMs: 1, signal, what: `process ${pid} to change its state` });
}
