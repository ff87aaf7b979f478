// The containers of a lab as the engine is asked for them: the switchboard with the agent, and one for each node. Labels name lab,
// node and format; by them alone containers are found and removed.
import { join } from "node:path";
import type Docker from "dockerode";
import type { PlannedNode } from "../../plan/index.js";
import { mapBounded, OperatingError, there, until, waiting, type Look } from "../../system/index.js";
import { nodeEnvironment } from "../agent/namespace-process.js";
import type { NodePlaces } from "../agent/node-files.js";
import { inImage, programs } from "../programs.js";
import { putFiles, type ArchiveFile } from "./archive.js";
import { dockerFormat, engineError, label, messageOf, statusOf } from "./engine.js";
import { endForgotten } from "./forgotten.js";
import { beingMade } from "./in-flight.js";

export const switchboardRole = "switchboard";
export const nodeRole = "node";
export const ownImageRole = "own-image";
const sweeperRole = "sweeper";
/** Where the switchboard has its engine's socket. */
export const engineSocketInside = "/testbed-engine.sock";

/** More at once only wait for each other (two cores are busy with four). */
export const containersAtOnce = 4;

/** A lab as its labels name it. */
export interface LabName {
  readonly lab: string;
  /** Whose it is (label.directory). */
  readonly owner: string;
}

export interface LabPlace extends LabName {
  /** The lab's folder, a volume: the same path on the engine's machine and in its containers. */
  readonly directory: string;
  readonly image: string;
  /** What the engine runs containers by, like `crun`; empty: its own choice. */
  readonly containerRuntime: string;
}

/** An engine under load takes seconds to make what it had been asked for. */
const removalMsMax = 60_000;

export const containerName = (lab: string, member: string): string => `testbed.${lab}.${member}`;

export const labelsOf = ({ lab, owner }: LabName, role: string, node: string): Record<string, string> => ({
  [label.format]: dockerFormat,
  [label.lab]: lab,
  [label.directory]: owner,
  [label.role]: role,
  [label.node]: node,
});

const sysctlsOf = (settings: readonly string[]): Record<string, string> =>
  Object.fromEntries(settings.map((setting) => setting.split("=", 2) as [string, string])); // each is NAME=VALUE (plan)

/** Ours write little there; what foreign programs write must not fill a disk. */
export const logConfig = { Type: "json-file", Config: { "max-size": "8m", "max-file": "1" } };

/** The weight of priority -15, as a namespace's agent has it (agent/main.ts), against a container's 1024: sched(7), nice values. */
const agentShares = 29_154;

/** As good as root on the engine's machine by the socket it holds (docs/threat-model.md). Nodes never get that socket. */
export function switchboardContainer(
  place: LabPlace,
  options: {
    readonly volume: string;
    readonly engineSocket: string;
    readonly sysctls: readonly string[];
    /** Of the containers that the agent will make (`containerName`): who ends it must know what may be on its way. */
    readonly members: readonly string[];
  },
): Docker.ContainerCreateOptions {
  const agent = ["node", inImage(programs.agent), place.directory];
  return {
    name: containerName(place.lab, switchboardRole),
    Image: place.image,
    // The text is constant: what it runs comes as arguments. Descriptors 3 and 4 are the way to who makes the lab (agent/main.ts).
    Cmd: [
      "sh",
      "-c",
      'umask 077; exec 3<&0 4>&1 </dev/null >>"$1" 2>&1; shift; exec "$@"',
      "sh",
      join(place.directory, "agent.log"),
      ...agent,
    ],
    Env: [`DOCKER_HOST=unix://${engineSocketInside}`, "LC_ALL=C.UTF-8", `HOME=${place.directory}`],
    WorkingDir: "/",
    // Nobody else after that.
    OpenStdin: true,
    StdinOnce: true,
    Labels: { ...labelsOf(place, switchboardRole, ""), [label.members]: options.members.join(",") },
    // With network mode none this skips a hook of the engine that takes half of a start.
    NetworkDisabled: true,
    HostConfig: {
      NetworkMode: "none",
      // Containers are entered and signalled by the pids that the engine tells.
      PidMode: "host",
      // NET_ADMIN: links. NET_BROADCAST: to hear the kernel in every namespace (netlink(7), NETLINK_LISTEN_ALL_NSID). SYS_ADMIN: to enter namespaces and name them. SYS_PTRACE: those of containers with other rights.
      // SYS_NICE: a fault that is due must not wait for a processor (agent/main.ts) behind what else is in this container.
      CapAdd: ["NET_ADMIN", "NET_BROADCAST", "NET_RAW", "SYS_ADMIN", "SYS_PTRACE", "SYS_NICE"],
      // Nor behind what is outside: between containers it is their shares that count, not the priorities within.
      CpuShares: agentShares,
      // The engine's AppArmor profile forbids every mount, and a namespace gets its name by one.
      SecurityOpt: ["apparmor=unconfined"],
      Binds: [`${options.engineSocket}:${engineSocketInside}`],
      // By its name, so that the engine knows it as in use.
      Mounts: [{ Type: "volume", Source: options.volume, Target: place.directory, VolumeOptions: emptyVolume }],
      ...runtimeOf(place),
      Sysctls: sysctlsOf(options.sysctls),
      LogConfig: { Type: "none", Config: {} }, // what it says for people is in agent.log
    },
  };
}

/** Nothing of the image is copied into it. */
const emptyVolume = { NoCopy: true, Labels: {}, DriverConfig: { Name: "local", Options: {} } };

export const runtimeOf = ({ containerRuntime }: Pick<LabPlace, "containerRuntime">): { readonly Runtime?: string } =>
  containerRuntime === "" ? {} : { Runtime: containerRuntime };

/** Zero is the engine's word for as much as there is. No swap on top: a node that swaps is another experiment. */
export const limitsOf = ({ limits }: PlannedNode): Docker.HostConfig => ({
  NanoCpus: Math.round(limits.cpuCount * 1e9),
  Memory: limits.memoryBytes,
  MemorySwap: limits.memoryBytes,
});

/** `sysctls` are the node's as far as this kernel has them. */
export function nodeContainer(
  place: LabPlace,
  node: PlannedNode,
  options: { readonly places: NodePlaces; readonly sysctls: readonly string[] },
): Docker.ContainerCreateOptions {
  const { folder } = options.places;
  const frr = [`${folder}/frr/etc:/etc/frr`, `${folder}/frr/tmp:/var/tmp/frr`, `${folder}/frr/log:/var/log/frr`];
  return {
    name: containerName(place.lab, node.name),
    Image: place.image,
    Cmd: [inImage(programs.hold), folder, inImage(programs.start)],
    Env: environmentInside(node, options.places),
    Hostname: node.name,
    WorkingDir: folder,
    Labels: labelsOf(place, nodeRole, node.name),
    NetworkDisabled: true,
    HostConfig: {
      NetworkMode: "none",
      // An init that reaps: daemons whose parent has ended are nobody's else.
      Init: true,
      // NET_ADMIN and NET_RAW: routes and OSPF's own protocol. SYS_ADMIN: zebra does not start without.
      CapAdd: ["NET_ADMIN", "NET_RAW", "SYS_ADMIN"],
      CapDrop: ["MKNOD", "AUDIT_WRITE", "SYS_CHROOT", "SETFCAP"],
      Binds: [`${folder}:${folder}`, ...(node.frr === undefined ? [] : frr)],
      Sysctls: sysctlsOf(options.sysctls),
      LogConfig: logConfig,
      ...runtimeOf(place),
      // Where a host has an image of its own, its container is what is limited (own-image.ts).
      ...(node.host.image === "" ? limitsOf(node) : {}),
    },
  };
}

/** The image's own, whatever the user's is. */
const imagePath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Environment of everything in a node's container: that of a namespace, with the image's own users. */
export function environmentInside(node: PlannedNode, places: NodePlaces): string[] {
  const inside = { ...nodeEnvironment(node, places), PATH: imagePath, FRR_USER: "frr", FRR_GROUP: "frr" };
  return Object.entries(inside).map(([name, value]) => `${name}=${value}`);
}

/** What it takes an engine under load to make what it was asked for. */
const madeMsMax = 60_000;

/** Creates a container, or takes over the one that was made ahead (ahead.ts), which has its name and its labels. */
async function createdContainer(engine: Docker, wanted: Docker.ContainerCreateOptions): Promise<Docker.Container> {
  try {
    return await engine.createContainer(wanted);
  } catch (error) {
    if (statusOf(error) !== 409) throw error;
    const container = engine.getContainer(wanted.name ?? "");
    const look = async (): Promise<Look<Docker.ContainerInspectInfo>> => {
      // A name is taken before there is anything to look at.
      const found = await container.inspect().catch((cause: unknown) => {
        if (statusOf(cause) !== 404) throw cause;
      });
      return found === undefined ? waiting("the engine still makes it") : there(found);
    };
    const waits = { timeoutMs: madeMsMax, everyMs: 5, signal: new AbortController().signal, what: wanted.name ?? "" };
    const { Id, State, Config } = await until(look, waits);
    const isOurs = Object.entries(wanted.Labels ?? {}).every(([name, value]) => Config.Labels[name] === value);
    if (isOurs && State.Status === "created") return engine.getContainer(Id);
    throw error;
  }
}

/** Creates and starts a container, with files in it before anything runs; answers its id and the pid of its first process. */
export async function startContainer(
  engine: Docker,
  wanted: Docker.ContainerCreateOptions,
  files: readonly ArchiveFile[] = [],
): Promise<{ readonly id: string; readonly pid: number }> {
  const name = wanted.name ?? "";
  try {
    const container = await createdContainer(engine, wanted);
    await putFiles(container, files);
    await container.start();
    const { State } = await container.inspect();
    if (State.Pid > 0) return { id: container.id, pid: State.Pid };
    throw new OperatingError(`it ended at once with exit code ${State.ExitCode}`);
  } catch (error) {
    throw startError(name, wanted.Image ?? "", error);
  }
}

/** An image that was there when the lab began may have been removed since. */
export function startError(name: string, image: string, cause: unknown): Error {
  if (statusOf(cause) !== 404 || !/no such image/i.test(messageOf(cause))) {
    return engineError(`Start container ${name}`, cause);
  }
  return new OperatingError(
    `Start container ${name}: image ${image} has vanished; the engine said "${messageOf(cause)}"`,
    {
      suggestion:
        "run it again: an image of ours is made anew when it is missing (testbed images build), others are fetched",
    },
  );
}

/** Files that a host brings along, readable by whoever its command runs as. */
export const filesOf = ({ host }: PlannedNode): readonly ArchiveFile[] =>
  Object.entries(host.files).map(([path, text]) => ({ path, text, mode: 0o644 }));

/** Containers with these labels (`name` or `name=value`), running or not. */
export async function containersWith(
  engine: Docker,
  labels: readonly string[],
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<readonly Docker.ContainerInfo[]> {
  try {
    const which = { all: true, filters: { label: [...labels] } };
    return await engine.listContainers(signal === undefined ? which : { ...which, abortSignal: signal });
  } catch (error) {
    throw engineError("Look for containers of labs", error);
  }
}

/** Labels of all of a lab, as a filter. */
const labelsIn = ({ lab, owner }: LabName): readonly string[] => [`${label.lab}=${lab}`, `${label.directory}=${owner}`];

/** Removes every container of a lab; answers their names, and those of the volumes that they had. */
export async function removeLabContainers(
  engine: Docker,
  name: LabName,
): Promise<{ readonly removed: readonly string[]; readonly volumes: ReadonlySet<string> }> {
  const ours = labelsIn(name);
  const removed: string[] = [];
  const { signal } = new AbortController();
  const remove = async ({ Id, Names }: Docker.ContainerInfo): Promise<void> => {
    await removeContainer(engine, Id);
    removed.push(`container ${(Names[0] ?? Id).replace(/^\//, "")}`);
  };
  const all = async (steps: readonly (() => Promise<void>)[]): Promise<void> => {
    await mapBounded(steps, { limit: containersAtOnce, signal }, (step) => step());
  };
  const found = await containersWith(engine, ours);
  const isSwitchboard = ({ Labels }: Docker.ContainerInfo): boolean => Labels[label.role] === switchboardRole;
  const switchboards = found.filter(isSwitchboard);
  const nodes = found.filter((each) => !isSwitchboard(each));
  // The agent ends first: it makes no others. Its container goes last: it says which of them may be on their way.
  for (const { Id } of switchboards) await endAgent(engine, Id);
  const ids = found.filter(({ State }) => State === "created").map(({ Id }) => Id);
  const image = found.find(({ Labels }) => Labels[label.role] !== ownImageRole)?.ImageID;
  if (ids.length > 0 && image !== undefined) {
    await endForgotten(engine, { ids, image, labels: labelsOf(name, sweeperRole, "") });
  }
  await all([...nodes, ...switchboards].map((each) => () => remove(each)));
  const look = async (): Promise<Look<true>> => {
    for (let left = await containersWith(engine, ours); left.length > 0; left = await containersWith(engine, ours)) {
      await all(left.map((each) => () => remove(each)));
    }
    const gone = new Set(removed);
    const making = await mapBounded(switchboards, { limit: 1, signal }, ({ Labels, ImageID }) => {
      const members = (Labels[label.members] ?? "").split(",").filter((member) => member !== "");
      const names = members.map((member) => containerName(name.lab, member));
      const missing = names.filter((each) => !gone.has(`container ${each}`));
      return beingMade(engine, { image: ImageID, names: missing, labels: labelsOf(name, nodeRole, "") });
    });
    if (making.flat().length > 0) return waiting(`the engine still makes ${making.flat().join(", ")}`);
    return (await containersWith(engine, ours)).length === 0 ? there(true) : waiting("more have appeared");
  };
  await until(look, { timeoutMs: removalMsMax, everyMs: 20, signal, what: `lab ${name.lab} to have no container` });
  return { removed, volumes: new Set(found.flatMap(({ Mounts }) => Mounts.flatMap(({ Name }) => Name ?? []))) };
}

/** It ends within a tenth of a second, unless it hangs. */
const agentEndMsMax = 5_000;

/**
 * Has an agent end, and the nodes with it: it signals their first processes itself, where an engine starts a program for each. One that
 * hangs is killed. Resolves when it has ended.
 */
async function endAgent(engine: Docker, id: string): Promise<void> {
  const container = engine.getContainer(id);
  const late = AbortSignal.timeout(agentEndMsMax);
  try {
    await container.kill({ signal: "SIGTERM" });
    await container.wait({ abortSignal: late }).catch((error: unknown) => {
      if (!late.aborted) throw error;
    });
    if (late.aborted) await container.kill();
  } catch (error) {
    // 404: gone already. 409: it does not run.
    if (![404, 409].includes(statusOf(error))) throw engineError(`End container ${id}: ${messageOf(error)}`, error);
  }
}

export async function removeContainer(engine: Docker, id: string): Promise<void> {
  try {
    await engine.getContainer(id).remove({ force: true, v: true });
  } catch (error) {
    // 404: gone already. 409: another command is removing it.
    if (![404, 409].includes(statusOf(error))) throw engineError(`Remove container ${id}: ${messageOf(error)}`, error);
  }
}

/** Program of a node's service inside its container. */
export const serviceInside: readonly string[] = ["node", inImage(programs.service)];
