// The containers of a lab as the engine is asked for them: the switchboard with the agent, and one for each node. Labels name lab,
// node and format; by them alone containers are found and removed.
import { join } from "node:path";
import type Docker from "dockerode";
import type { PlannedNode } from "../../plan/index.js";
import { mapBounded, OperatingError } from "../../system/index.js";
import { nodeEnvironment } from "../agent/namespace-process.js";
import type { NodePlaces } from "../agent/node-files.js";
import { inImage, programs } from "../programs.js";
import { dockerFormat, engineError, label, statusOf } from "./engine.js";

export const switchboardRole = "switchboard";
const nodeRole = "node";
/** Where the switchboard has its engine's socket. */
export const engineSocketInside = "/testbed-engine.sock";

/** More at once only wait for each other (two cores are busy with four). */
export const containersAtOnce = 4;

export interface LabPlace {
  readonly lab: string;
  /** The lab's folder: the same path on the engine's machine and in its containers. */
  readonly directory: string;
  readonly image: string;
}

export const containerName = (lab: string, member: string): string => `testbed.${lab}.${member}`;

const labelsOf = ({ lab, directory }: LabPlace, role: string, node: string): Record<string, string> => ({
  [label.format]: dockerFormat,
  [label.lab]: lab,
  [label.directory]: directory,
  [label.role]: role,
  [label.node]: node,
});

const sysctlsOf = (settings: readonly string[]): Record<string, string> =>
  Object.fromEntries(settings.map((setting) => setting.split("=", 2) as [string, string])); // each is NAME=VALUE (plan)

/** Ours write little there; what foreign programs write must not fill a disk. */
const logConfig = { Type: "json-file", Config: { "max-size": "8m", "max-file": "1" } };

/** As good as root on the engine's machine by the socket it holds (docs/threat-model.md). Nodes never get that socket. */
export function switchboardContainer(
  place: LabPlace,
  options: { readonly engineSocket: string; readonly sysctls: readonly string[] },
): Docker.ContainerCreateOptions {
  const agent = ["node", inImage(programs.agent), place.directory];
  return {
    name: containerName(place.lab, switchboardRole),
    Image: place.image,
    // The text is constant: what it runs comes as arguments.
    Cmd: [
      "sh",
      "-c",
      'umask 077; exec >>"$1" 2>&1; shift; exec "$@"',
      "sh",
      join(place.directory, "agent.log"),
      ...agent,
    ],
    Env: [`DOCKER_HOST=unix://${engineSocketInside}`, "LC_ALL=C.UTF-8", `HOME=${place.directory}`],
    WorkingDir: "/",
    Labels: labelsOf(place, switchboardRole, ""),
    // With network mode none this skips a hook of the engine that takes half of a start.
    NetworkDisabled: true,
    HostConfig: {
      NetworkMode: "none",
      // Containers are entered and signalled by the pids that the engine tells.
      PidMode: "host",
      // NET_ADMIN: links. NET_BROADCAST: to hear the kernel in every namespace (netlink(7), NETLINK_LISTEN_ALL_NSID). SYS_ADMIN: to enter namespaces and name them. SYS_PTRACE: those of containers with other rights.
      // SYS_NICE: a fault that is due must not wait for a processor.
      CapAdd: ["NET_ADMIN", "NET_BROADCAST", "NET_RAW", "SYS_ADMIN", "SYS_PTRACE", "SYS_NICE"],
      // The engine's AppArmor profile forbids every mount, and a namespace gets its name by one.
      SecurityOpt: ["apparmor=unconfined"],
      Binds: [`${place.directory}:${place.directory}`, `${options.engineSocket}:${engineSocketInside}`],
      Sysctls: sysctlsOf(options.sysctls),
      LogConfig: logConfig,
    },
  };
}

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
      // Fresh at each start: sockets of daemons that are gone would look like daemons that listen.
      Tmpfs: { "/run": "mode=755" },
      Sysctls: sysctlsOf(options.sysctls),
      LogConfig: logConfig,
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

/** Creates and starts a container; answers its id and the pid of its first process. */
export async function startContainer(
  engine: Docker,
  wanted: Docker.ContainerCreateOptions,
): Promise<{ readonly id: string; readonly pid: number }> {
  const name = wanted.name ?? "";
  try {
    const container = await engine.createContainer(wanted);
    await container.start();
    const { State } = await container.inspect();
    if (State.Pid > 0) return { id: container.id, pid: State.Pid };
    throw new OperatingError(`it ended at once with exit code ${State.ExitCode}`);
  } catch (error) {
    throw engineError(`Start container ${name}`, error);
  }
}

/** Containers with these labels (`name` or `name=value`), running or not. */
export async function containersWith(
  engine: Docker,
  labels: readonly string[],
): Promise<readonly Docker.ContainerInfo[]> {
  try {
    return await engine.listContainers({ all: true, filters: { label: [...labels] } });
  } catch (error) {
    throw engineError("List containers", error);
  }
}

/** Removes every container of a lab, the switchboard first so that it makes no others; answers their names. */
export async function removeLabContainers(
  engine: Docker,
  { lab, directory }: Pick<LabPlace, "lab" | "directory">,
): Promise<readonly string[]> {
  const ours = [`${label.lab}=${lab}`, `${label.directory}=${directory}`];
  const removed: string[] = [];
  const remove = async (containers: readonly Docker.ContainerInfo[]): Promise<void> => {
    const signal = new AbortController().signal;
    await mapBounded(containers, { limit: containersAtOnce, signal }, async ({ Id, Names }) => {
      await removeContainer(engine, Id);
      removed.push(`container ${(Names[0] ?? Id).replace(/^\//, "")}`);
    });
  };
  await remove(await containersWith(engine, [...ours, `${label.role}=${switchboardRole}`]));
  // What the agent had asked for when it was ended may appear after the first look.
  for (let left = await containersWith(engine, ours); left.length > 0; left = await containersWith(engine, ours)) {
    await remove(left);
  }
  return removed;
}

export async function removeContainer(engine: Docker, id: string): Promise<void> {
  try {
    await engine.getContainer(id).remove({ force: true, v: true });
  } catch (error) {
    // 404: gone already. 409: another command is removing it.
    if (![404, 409].includes(statusOf(error))) throw engineError(`Remove container ${id}`, error);
  }
}

/** Program of a node's service inside its container. */
export const serviceInside: readonly string[] = ["node", inImage(programs.service)];
