// What /proc says of the processes of a lab that runs in namespaces.
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { labFolder } from "./shared.mjs";

const linkOf = (path) => {
  try {
    return readlinkSync(path);
  } catch {
    return ""; // it has ended
  }
};
const textOf = (path) => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // it has ended
  }
};

/** Every process of a lab: those of its sandbox's pid namespace and of those below it. */
export function processesOf(lab) {
  const { owner } = JSON.parse(readFileSync(join(labFolder(lab), "lab.json"), "utf8"));
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number);
  const parents = new Map(pids.map((pid) => [pid, Number(/^PPid:\s+(\d+)/m.exec(textOf(`/proc/${pid}/status`))?.[1] ?? 0)]));
  const isBelow = (pid) => pid === owner.pid || (pid > 1 && isBelow(parents.get(pid) ?? 0));
  return pids.filter(isBelow).map((pid) => ({
    pid,
    network: linkOf(`/proc/${pid}/ns/net`),
    folder: linkOf(`/proc/${pid}/cwd`),
    command: textOf(`/proc/${pid}/cmdline`).split("\0").filter((word) => word !== ""),
  }));
}

export const isAgent = ({ command }) => command.some((word) => word.endsWith("agent.mjs")) && command[0]?.endsWith("node");

/** Resident memory in MiB; what processes share (programs, libraries) is counted once for each of them. */
export const residentMib = (pid) => Number(/^VmRSS:\s+(\d+) kB/m.exec(textOf(`/proc/${pid}/status`))?.[1] ?? 0) / 1024;

/** Proportional share in MiB: what several processes share is divided among them. */
export const shareMib = (pid) => Number(/^Pss:\s+(\d+) kB/m.exec(textOf(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) / 1024;

/** Processor seconds of a process and of its children that have ended; a tick is as getconf says. */
export function processorSeconds(pid) {
  const stat = textOf(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ").map(Number);
  const ticks = fields.slice(11, 15).reduce((sum, each) => sum + each, 0);
  return ticks / Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));
}
