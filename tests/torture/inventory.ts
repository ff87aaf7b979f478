// Everything that this world holds, as lines: namespaces, links and bridges, nftables tables, mounts, processes, files in /run
// and /tmp, cgroups, containers. Two inventories are equal when nothing was left and nothing was hurt.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import type Docker from "dockerode";

export type Inventory = ReadonlySet<string>;

export interface Difference {
  /** There now, and not before. */
  readonly left: readonly string[];
  /** There before, and not now. */
  readonly hurt: readonly string[];
}

export async function inventory(engine: Docker | undefined, stranger: string): Promise<Inventory> {
  const known = engine === undefined ? [] : await engine.listContainers({ all: true });
  const others = pidsBut(known.map(({ Id }) => Id));
  return new Set([
    ...processes(others),
    ...namespaces(others),
    ...linksIn([]),
    ...linksIn(["-n", stranger]),
    ...tablesIn([]),
    ...tablesIn(["ip", "netns", "exec", stranger]),
    ...mounts(),
    ...files("/run", 3),
    ...files("/tmp", 4),
    ...files("/var/tmp", 1),
    ...files("/dev/shm", 1),
    ...cgroups(),
    ...known.map(({ Id, Names, State }) => `container ${Names.join(" ")} ${Id.slice(0, 12)} ${State}`),
    ...(engine === undefined ? [] : await volumesAndNetworks(engine)),
  ]);
}

export function difference(before: Inventory, after: Inventory): Difference {
  return {
    left: [...after].filter((line) => !before.has(line)),
    hurt: [...before].filter((line) => !after.has(line)),
  };
}

/**
 * All pids but those of the engine itself and of what runs in containers that it knows: those containers are lines of their own, and an
 * engine that was killed begins again with other processes.
 */
function pidsBut(containers: readonly string[]): readonly string[] {
  return readdirSync("/proc").filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    if (textOf(`/proc/${name}/cmdline`).includes(engineFolder)) return isOfLab(name);
    const groups = textOf(`/proc/${name}/cgroup`);
    return !containers.some((id) => groups.includes(id));
  });
}

/** The engine's own processes name its folder as well: those of a lab name a volume in it. */
const isOfLab = (pid: string): boolean =>
  textOf(`/proc/${pid}/cmdline`).includes(`${engineFolder}/data/volumes/testbed-`);

function processes(pids: readonly string[]): readonly string[] {
  return pids.flatMap((pid) => {
    const stat = textOf(`/proc/${pid}/stat`);
    if (stat === "") return [];
    const startTicks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    const command = textOf(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim();
    return [`process ${pid} since ${startTicks}: ${command === "" ? stat.split(" ")[1] : command}`];
  });
}

/** Those with a process in them, and those that have a name. */
function namespaces(pids: readonly string[]): readonly string[] {
  const kinds = ["net", "mnt", "pid", "user", "ipc", "uts", "cgroup"];
  const inhabited = pids.flatMap((pid) => kinds.map((kind) => linkOf(`/proc/${pid}/ns/${kind}`)));
  const named = readdirSync("/run/netns").map((name) => `network ${name}`);
  return [...new Set([...inhabited.filter((link) => link !== ""), ...named])].map((each) => `namespace ${each}`);
}

/** Without details: a bridge's timers run. Bridges are listed once more, by their kind. */
const linksIn = (where: readonly string[]): readonly string[] => [
  ...linesOf("ip", [...where, "-o", "link", "show"]).map((line) => `link ${where.join(" ")} ${line}`),
  ...linesOf("ip", [...where, "-br", "link", "show", "type", "bridge"]).map(
    (line) => `bridge ${where.join(" ")} ${line}`,
  ),
];

const tablesIn = (enter: readonly string[]): readonly string[] => {
  const words = [...enter, "nft", "list", "ruleset"];
  return linesOf(words[0] ?? "nft", words.slice(1)).map((line, index) => `nft ${enter.join(" ")} ${index}: ${line}`);
};

/** As far as they can be reached: what the machine has below our private /tmp is none of this world's. An engine's are its own. */
const mounts = (): readonly string[] =>
  textOf("/proc/self/mountinfo")
    .split("\n")
    .map((line) => line.split(" ").slice(3, 5))
    .filter(([, place = ""]) => place !== "" && !place.startsWith(engineFolder) && existsSync(place))
    .map(([from, place]) => `mount ${from} at ${place}`);

/** Not below the repository, which may be in /tmp, nor below what an engine keeps for itself. */
function files(folder: string, depth: number): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (root.startsWith(path) || path.startsWith(engineFolder)) return [];
    return [`file ${path}`, ...(entry.isDirectory() && depth > 1 ? files(path, depth - 1) : [])];
  });
}

const root = join(import.meta.dirname, "..", "..");
export const engineFolder = "/var/tmp/testbed-torture-engine";

/** Those of containers, by their engine's names, and the stranger's; other users of the machine make others. */
function cgroups(): readonly string[] {
  const base = "/sys/fs/cgroup";
  const roots = existsSync(base)
    ? readdirSync(base, { withFileTypes: true }).filter((entry) => entry.isDirectory())
    : [];
  const places = ["", ...roots.map((entry) => entry.name)].map((name) => join(base, name));
  return places.flatMap((place) =>
    namesIn(place)
      .filter((name) => /testbed|torture/.test(name))
      .map((name) => `cgroup ${join(place, name)}`),
  );
}

async function volumesAndNetworks(engine: Docker): Promise<readonly string[]> {
  const volumes = await engine.listVolumes();
  const networks = await engine.listNetworks();
  return [
    ...volumes.Volumes.map(({ Name }) => `volume ${Name}`),
    ...networks.map(({ Name, Id }) => `network ${Name} ${Id.slice(0, 12)}`),
  ];
}

const linesOf = (command: string, args: readonly string[]): readonly string[] =>
  execFileSync(command, args, { encoding: "utf8" })
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");

/** Empty where it has gone in between, or there is no such thing. */
const namesIn = (path: string): readonly string[] => seen(() => readdirSync(path), []);
const textOf = (path: string): string => seen(() => readFileSync(path, "utf8"), "");
const linkOf = (path: string): string => seen(() => readlinkSync(path), "");

function seen<T>(look: () => T, absent: T): T {
  try {
    return look();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (["ENOENT", "ENOTDIR", "ESRCH", "EACCES", "EPERM"].includes(code)) return absent;
    throw error;
  }
}
