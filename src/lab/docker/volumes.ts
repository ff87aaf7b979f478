// A lab's folder on the engine's machine: a volume, labelled as everything of ours, so that it can be where no file of the user's is.
// Its label names the process that makes the lab: until the agent runs, that process is all that says that somebody is at it.
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type Docker from "dockerode";
import { OperatingError } from "../../system/index.js";
import { isAlive, processHere } from "../netns/host-process.js";
import type { LabName } from "./containers.js";
import { dockerFormat, engineError, label, statusOf } from "./engine.js";

export interface LabVolume {
  readonly name: string;
  /** Where it is on the engine's machine. */
  readonly directory: string;
}

/** Never one that is there: two `up` of one name must not share theirs. Random bits: names of containers are what excludes. */
export async function createVolume(engine: Docker, { lab, owner }: LabName): Promise<LabVolume> {
  const { pid, startTicks } = await processHere();
  const name = `testbed-${randomBytes(6).toString("hex")}`;
  const labels = {
    [label.format]: dockerFormat,
    [label.lab]: lab,
    [label.directory]: owner,
    [label.maker]: `${hostname()}/${pid}/${startTicks}`,
  };
  try {
    await engine.createVolume({ Name: name, Driver: "local", Labels: labels });
    const { Mountpoint } = await engine.getVolume(name).inspect();
    if (Mountpoint !== "") return { name, directory: Mountpoint };
  } catch (error) {
    throw engineError(`Make volume ${name} for lab "${lab}"`, error);
  }
  throw new OperatingError(`Make volume ${name} for lab "${lab}": the engine does not say where it is`);
}

export async function removeVolume(engine: Docker, name: string): Promise<void> {
  try {
    await engine.getVolume(name).remove();
  } catch (error) {
    if (statusOf(error) !== 404) throw engineError(`Remove volume ${name}`, error);
  }
}

export interface FoundVolume extends LabName {
  readonly name: string;
  readonly directory: string;
  /** The process that made it is there: on another machine nobody here can tell, and then it is not. */
  readonly isMade: boolean;
}

/** Volumes of labs, of one or of all. */
export async function volumesOf(engine: Docker, name: Partial<LabName> = {}): Promise<readonly FoundVolume[]> {
  const wanted = [
    `${label.format}=${dockerFormat}`,
    ...(name.lab === undefined ? [] : [`${label.lab}=${name.lab}`]),
    ...(name.owner === undefined ? [] : [`${label.directory}=${name.owner}`]),
  ];
  const { Volumes } = await engine.listVolumes({ filters: { label: wanted } }).catch((error: unknown) => {
    throw engineError("Look for volumes of labs", error);
  });
  // An engine without volumes says null.
  const found = (Volumes as typeof Volumes | null) ?? [];
  return Promise.all(
    found.map(async ({ Name, Mountpoint, Labels }) => ({
      name: Name,
      directory: Mountpoint,
      lab: Labels[label.lab] ?? "",
      owner: Labels[label.directory] ?? "",
      isMade: await isAtIt(Labels[label.maker] ?? ""),
    })),
  );
}

async function isAtIt(maker: string): Promise<boolean> {
  const [host, pid, startTicks] = maker.split("/");
  return host === hostname() && (await isAlive({ pid: Number(pid), startTicks: Number(startTicks) }));
}
