// Room in the limits of the kernel and of the user for a lab of this size, looked at before anything is created: with too
// few processes, files or neighbour entries a lab comes up half, or drops frames that no fault dropped. Shares are those of
// running labs (tests/netns/room.test.ts compares them), rounded up.
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Plan, PlannedNode } from "../../plan/index.js";
import { EnvironmentLacks, hasCode, readTextIfThere } from "../../system/index.js";

/** What a lab needs at once, beside what is in use already. */
export interface Demand {
  /** Processes and their threads: the kernel counts both. */
  readonly tasks: number;
  /** Descriptors of the agent, the one process that has some of every node. */
  readonly agentFiles: number;
  /** Learned entries of the machine's one ARP table, over all namespaces. */
  readonly arpEntries: number;
  readonly inotifyInstances: number;
}

/** The agent with its listener and its resident nft. */
const agentTasks = 25;
const agentFilesOwn = 80;
/** Node runs a handful of threads beside its own, and grpc-js and signatures have their pools. */
const serviceTasks = 16;
/** Start script, and a shell that waits for each daemon. */
const startTasks = 2;
const daemonTasks = 5;
/** Report pipe, mount namespace, control socket, and netlink while faults are due. */
const nodeFiles = 5;
/** Each node's container has two processes of the engine beside it: the shim, with its threads, and an init. */
const shimTasks = 14;

export interface Engine {
  /** Version of cgroups that the engine uses: with 2 it watches each container's memory by inotify. */
  readonly cgroups: 1 | 2;
}

/** `engine` for the docker runtime. */
export function demandOf(plan: Plan, engine?: Engine): Demand {
  const nodes = plan.nodes.filter((node) => node.kind !== "switch");
  const containers = engine === undefined ? 0 : nodes.length + 1;
  const tasks = nodes.map(tasksOf).reduce((sum, each) => sum + each, 0);
  return {
    tasks: agentTasks + tasks + containers * shimTasks,
    agentFiles: agentFilesOwn + nodes.length * nodeFiles,
    arpEntries: arpEntriesOf(plan),
    inotifyInstances: engine?.cgroups === 2 ? containers : 0,
  };
}

function tasksOf({ frr, service, command }: PlannedNode): number {
  const own = service === undefined ? Math.max(1, command.length > 0 ? 2 : 1) : serviceTasks;
  return startTasks + own + (frr?.daemons.length ?? 0) * daemonTasks;
}

/**
 * Every node learns everybody on its wires that it exchanges packets with; with fixed neighbours they are permanent, and the
 * kernel does not count those. With OSPF that is everybody: zebra asks the kernel for each next hop, traffic or not. Hosts alone may
 * be silent.
 */
function arpEntriesOf(plan: Plan): number {
  if (plan.routing.neighbours === "fixed") return 0;
  const talks = new Set(
    plan.nodes
      .filter((node) => plan.routing.protocol === "ospf" || node.service !== undefined)
      .map((node) => node.name),
  );
  const pairs = (ends: readonly { readonly node: string }[]): number => {
    const count = ends.filter((end) => talks.has(end.node)).length;
    return count * (count - 1);
  };
  return [...plan.links.map(({ ends }) => ends), ...plan.switches.map(({ ports }) => ports)]
    .map(pairs)
    .reduce((sum, each) => sum + each, 0);
}

interface Lack {
  readonly missing: string;
  readonly cure: string;
}

/** Rejects with EnvironmentLacks that names each limit that is too small and what raises it. */
export async function checkRoom(plan: Plan, engine?: Engine): Promise<void> {
  const demand = demandOf(plan, engine);
  const checks = [
    kernelTasks(demand),
    cgroupTasks(demand),
    arpTable(demand),
    ...(engine === undefined ? [userTasks(demand), openFiles(demand)] : [inotify(demand)]),
  ];
  const lacks = (await Promise.all(checks)).flat();
  if (lacks.length === 0) return;
  throw new EnvironmentLacks(
    lacks.map(({ missing }) => missing),
    { suggestion: `${lacks.map(({ cure }) => cure).join("; ")}; or use a smaller topology` },
  );
}

const roomForTasks = (demand: Demand): string => `room for ${demand.tasks} processes and threads`;

/** kernel.pid_max and kernel.threads-max count every task of the machine. */
async function kernelTasks(demand: Demand): Promise<readonly Lack[]> {
  const used = Number(/\/(\d+)/.exec((await readTextIfThere("/proc/loadavg")) ?? "")?.[1] ?? 0);
  const lacks: Lack[] = [];
  for (const name of ["pid_max", "threads-max"]) {
    const max = await numberIn(`/proc/sys/kernel/${name}`);
    if (max === undefined || used + demand.tasks <= max) continue;
    lacks.push({
      missing: `${roomForTasks(demand)}: kernel.${name} is ${max}, and ${used} are there`,
      cure: `sudo sysctl -w kernel.${name}=${roundUp(used + demand.tasks)}`,
    });
  }
  return lacks;
}

/** Our own control group and those above it (cgroups(7), pids). */
async function cgroupTasks(demand: Demand): Promise<readonly Lack[]> {
  const place = await pidsGroup();
  if (place === undefined) return [];
  for (let group = place.group; group.startsWith(place.root); group = dirname(group)) {
    const max = await numberIn(join(group, "pids.max")); // the root has none, and "max" is no number
    const used = (await numberIn(join(group, "pids.current"))) ?? 0;
    if (max === undefined || used + demand.tasks <= max) continue;
    const path = join(group, "pids.max");
    return [
      {
        missing: `${roomForTasks(demand)}: ${path} is ${max}, and ${used} are there`,
        cure: `write ${roundUp(used + demand.tasks)} into that file (with systemd: TasksMax=)`,
      },
    ];
  }
  return [];
}

/** Folder of our group in the hierarchy that counts pids, and that hierarchy's root; undefined where there is none. */
async function pidsGroup(): Promise<{ readonly root: string; readonly group: string } | undefined> {
  const groups = ((await readTextIfThere("/proc/self/cgroup")) ?? "").split("\n").map((line) => line.split(":"));
  const own = groups.find((parts) => parts[1]?.split(",").includes("pids")) ?? groups.find((parts) => parts[0] === "0");
  if (own === undefined) return undefined;
  const kind = own[0] === "0" ? "cgroup2" : "cgroup";
  const mounts = ((await readTextIfThere("/proc/self/mountinfo")) ?? "").split("\n");
  for (const line of mounts) {
    const [before = "", after = ""] = line.split(" - ");
    const [, , , mounted = "", root = ""] = before.split(" ");
    const options = after.split(" ")[2]?.split(",") ?? [];
    if (!after.startsWith(`${kind} `) || (kind === "cgroup" && !options.includes("pids"))) continue;
    const path = own.slice(2).join(":");
    // A mount may show a part of the hierarchy only: that of a container.
    return { root, group: join(root, path.startsWith(mounted) ? path.slice(mounted.length) : path) };
  }
  return undefined;
}

/** RLIMIT_NPROC counts the tasks of a user; root is exempt (getrlimit(2)). */
async function userTasks(demand: Demand): Promise<readonly Lack[]> {
  const uid = process.getuid?.() ?? 0;
  const max = (await limits()).get("Max processes")?.soft;
  if (uid === 0 || max === undefined) return [];
  const used = await tasksOfUser(uid);
  if (used + demand.tasks <= max) return [];
  return [
    {
      missing: `${roomForTasks(demand)}: your limit (ulimit -u) is ${max}, and ${used} are there`,
      cure: `raise it: ulimit -u ${roundUp(used + demand.tasks)}, for good in /etc/security/limits.conf`,
    },
  ];
}

async function tasksOfUser(uid: number): Promise<number> {
  let count = 0;
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const text = await statusOf(pid);
    if (new RegExp(`^Uid:\\s+${uid}\\s`, "m").test(text)) count += Number(/^Threads:\s+(\d+)/m.exec(text)?.[1] ?? 0);
  }
  return count;
}

async function statusOf(pid: string): Promise<string> {
  try {
    return await readFile(`/proc/${pid}/status`, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH", "EACCES")) return ""; // it has ended, or it is hidden from us
    throw error;
  }
}

/** Node raises its soft limit to the hard one, so that one counts. */
async function openFiles(demand: Demand): Promise<readonly Lack[]> {
  const max = (await limits()).get("Max open files")?.hard;
  if (max === undefined || demand.agentFiles <= max) return [];
  return [
    {
      missing: `room for ${demand.agentFiles} open files in one process: your hard limit (ulimit -Hn) is ${max}`,
      cure: `raise it: ulimit -Hn ${roundUp(demand.agentFiles)} as root, for good in /etc/security/limits.conf`,
    },
  ];
}

/** One table for all namespaces of the machine; above gc_thresh3 the kernel drops packets whose neighbour is new. */
async function arpTable(demand: Demand): Promise<readonly Lack[]> {
  const max = await numberIn("/proc/sys/net/ipv4/neigh/default/gc_thresh3"); // absent in a container's own network
  const used = Number.parseInt(((await readTextIfThere("/proc/net/stat/arp_cache")) ?? "").split("\n")[1] ?? "0", 16);
  if (max === undefined || used + demand.arpEntries <= max) return [];
  return [
    {
      missing: `room for ${demand.arpEntries} neighbours in the machine's ARP table: net.ipv4.neigh.default.gc_thresh3 is ${max}, and ${used} are there`,
      cure: `sudo sysctl -w net.ipv4.neigh.default.gc_thresh3=${roundUp(used + demand.arpEntries)}, or write   routing: { neighbours: fixed }`,
    },
  ];
}

/** A lab's own processes use none; an engine on cgroups version 2 has an instance for each container. */
async function inotify(demand: Demand): Promise<readonly Lack[]> {
  if (demand.inotifyInstances === 0) return [];
  const lacks: Lack[] = [];
  for (const name of ["max_user_instances", "max_user_watches"]) {
    const max = await numberIn(`/proc/sys/fs/inotify/${name}`);
    if (max === undefined || demand.inotifyInstances <= max) continue;
    lacks.push({
      missing: `room for ${demand.inotifyInstances} containers that the engine watches: fs.inotify.${name} is ${max}`,
      cure: `sudo sysctl -w fs.inotify.${name}=${roundUp(demand.inotifyInstances * 2)}`,
    });
  }
  return lacks;
}

type Limit = { readonly soft: number; readonly hard: number };

/** From /proc/self/limits, whose columns are fixed in width; "unlimited" is infinite. */
async function limits(): Promise<ReadonlyMap<string, Limit>> {
  const lines = (await readFile("/proc/self/limits", "utf8")).split("\n").slice(1);
  const value = (text: string): number => (text.trim() === "unlimited" ? Number.POSITIVE_INFINITY : Number(text));
  return new Map(
    lines.map((line) => [
      line.slice(0, 25).trim(),
      { soft: value(line.slice(26, 46)), hard: value(line.slice(47, 67)) },
    ]),
  );
}

/** Undefined when there is no such file, or no number in it. */
async function numberIn(path: string): Promise<number | undefined> {
  const text = (await readTextIfThere(path))?.trim() ?? "";
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

/** A number that a person would choose: the next power of two. */
const roundUp = (count: number): number => 2 ** Math.ceil(Math.log2(count));
