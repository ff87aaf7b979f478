// The folder of a lab, outside its sandbox: ${TESTBED_STATE:-/tmp/testbed-UID}/labs/NAME, mode 0700. Everything that is
// known about a lab from outside is in it, so that a stranger finds it after a SIGKILL: who runs it (lab.json), what it is
// (plan.json), what happened (events.ndjson, agent.log), and a folder for each node with its logs.
import { lstat, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { hasCode, makeFolders, placing, readTextIfThere, UserError, writeWhole } from "../../system/index.js";
import { isAlive, processHere, type HostProcess } from "./host-process.js";

export const labFormat = 1;

/**
 * lab.json: the process whose life is the lab's, first the CLI that makes it, then the sandbox's first process, or in the
 * docker runtime the agent in its container, as this machine sees it.
 */
export interface LabRecord {
  readonly format: typeof labFormat;
  readonly name: string;
  readonly runtime: "netns" | "docker";
  readonly owner: HostProcess;
  readonly stage: "creating" | "running";
  /** The sandbox has a user namespace of its own, to be entered with the others. */
  readonly userNamespace: boolean;
  /** Wall time, ISO 8601, for people. */
  readonly createdAt: string;
}

/** An empty variable is none: a lab must not depend on the folder that a command is typed in. */
export const stateRoot = (): string =>
  resolve(process.env["TESTBED_STATE"] || `/tmp/testbed-${process.getuid?.() ?? 0}`);

const labsFolder = (): string => join(stateRoot(), "labs");
export const labFolder = (name: string): string => join(labsFolder(), name);
export const controlSocketOf = (directory: string): string => join(directory, "control.sock");
export const nodeFolder = (directory: string, node: string): string => join(directory, "nodes", node);

/** sun_path holds 108 bytes with its closing zero (unix(7)). */
export const socketPathBytesMax = 107;

/** Makes the folder with its record in one step; refuses a name in use. Answers what a dead lab had left there, if any. */
export async function createLabFolder(
  name: string,
  nodes: readonly string[],
  record: Omit<LabRecord, "owner" | "stage" | "format">,
): Promise<{ readonly directory: string; readonly replaced: boolean }> {
  checkPlaces(name, nodes);
  return placing(labsFolder(), { suggestion: placeAdvice }, async () => {
    await secureFolder(stateRoot());
    await secureFolder(labsFolder());
    return makeFolder(name, record);
  });
}

export const placeAdvice = "set TESTBED_STATE to a folder of yours on a file system that has room";

async function makeFolder(
  name: string,
  record: Omit<LabRecord, "owner" | "stage" | "format">,
): Promise<{ readonly directory: string; readonly replaced: boolean }> {
  const owner = await processHere();
  const fresh = await mkdtemp(await asidePath("new"));
  try {
    const whole: LabRecord = { format: labFormat, owner, stage: "creating", ...record };
    await writeWhole(join(fresh, "lab.json"), JSON.stringify(whole, undefined, 2));
    const replaced = await takeName(fresh, name);
    return { directory: labFolder(name), replaced };
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    throw error;
  }
}

/** Renaming onto a folder that is not empty fails, so of two labs with one name exactly one succeeds. */
async function takeName(fresh: string, name: string): Promise<boolean> {
  for (let replaced = false; ; replaced = true) {
    try {
      await rename(fresh, labFolder(name));
      return replaced;
    } catch (error) {
      if (!hasCode(error, "ENOTEMPTY", "EEXIST")) throw error;
    }
    const record = await readLab(name);
    if (record !== undefined && (await isAlive(record.owner))) {
      throw new UserError(
        `Lab "${name}" is ${record.stage} already (process ${record.owner.pid}, ${labFolder(name)})`,
        {
          suggestion: `end it with   testbed down --lab ${name}   or give this one another name with --name`,
        },
      );
    }
    await removeDead(name);
  }
}

/**
 * Removes the folder of a lab that is dead. Set aside first and looked at again: another `up` may have taken the name since, or
 * an agent whose maker was killed may just have begun. Answers whether it was removed.
 */
export async function removeDead(name: string): Promise<boolean> {
  const aside = `${await asidePath("old")}${name}`;
  try {
    await rename(labFolder(name), aside);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return false;
    throw error;
  }
  const record = await recordIn(aside);
  if (record !== undefined && (await isAlive(record.owner))) {
    await rename(aside, labFolder(name));
    return false;
  }
  await rm(aside, { recursive: true, force: true });
  return true;
}

/** Half-made and half-removed folders name the process that is at it, so that `clean` knows when it was killed. */
async function asidePath(what: "new" | "old"): Promise<string> {
  const { pid, startTicks } = await processHere();
  return join(labsFolder(), `.${what}-${pid}-${startTicks}-`);
}

/** The record of a lab; undefined when there is no such lab. */
export const readLab = (name: string): Promise<LabRecord | undefined> => recordIn(labFolder(name));

async function recordIn(directory: string): Promise<LabRecord | undefined> {
  const path = join(directory, "lab.json");
  const text = await readTextIfThere(path);
  if (text === undefined) return undefined;
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null || !("format" in value) || value.format !== labFormat) {
    throw new UserError(`${path}: another version of testbed made this lab; expected format ${labFormat}`);
  }
  return value as LabRecord; // written by writeWhole from a LabRecord of this format, in a folder only its owner may enter
}

/** Names of the labs that have a folder, dead ones included. */
export async function labNames(): Promise<readonly string[]> {
  return (await entriesOfLabs()).filter((entry) => !entry.startsWith(".")).toSorted();
}

async function entriesOfLabs(): Promise<readonly string[]> {
  try {
    return await readdir(labsFolder());
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    if (!hasCode(error, "ENOTDIR", "EACCES", "ELOOP")) throw error;
    const why = hasCode(error, "EACCES") ? "you may not read there" : "it is no folder";
    throw new UserError(`Cannot look for labs in "${labsFolder()}": ${why}`, {
      suggestion: "set TESTBED_STATE to a folder of yours, or to nothing",
    });
  }
}

/** Half-made and half-removed folders of commands that were killed, by their full paths. */
export async function abandonedFolders(): Promise<readonly string[]> {
  const entries = await entriesOfLabs();
  const abandoned: string[] = [];
  for (const entry of entries) {
    const [, pid, startTicks] = /^\.(?:new|old)-(\d+)-(\d+)-/.exec(entry) ?? [];
    if (pid === undefined || (await isAlive({ pid: Number(pid), startTicks: Number(startTicks) }))) continue;
    const directory = join(labsFolder(), entry);
    const record = await recordIn(directory);
    if (record === undefined || !(await isAlive(record.owner))) abandoned.push(directory);
  }
  return abandoned;
}

/** A folder of ours that no other user can have prepared: /tmp is everybody's. */
async function secureFolder(path: string): Promise<void> {
  await makeFolders(path, 0o700);
  const facts = await lstat(path);
  const mine = facts.isDirectory() && facts.uid === process.getuid?.() && (facts.mode & 0o077) === 0;
  if (mine) return;
  throw new UserError(
    `${path}: owned by user ${facts.uid} with mode ${(facts.mode & 0o7777).toString(8)}; expected a folder of yours with mode 700`,
    { suggestion: "remove it, or set TESTBED_STATE to a folder of your own with mode 700" },
  );
}

function checkPlaces(name: string, nodes: readonly string[]): void {
  const root = stateRoot();
  if (!root.startsWith("/")) throw new UserError(`TESTBED_STATE is "${root}": expected an absolute path`);
  if (/^(\/var)?\/run(\/|$)/.test(root)) {
    throw new UserError(`State folder ${root}: /run is private inside a lab and hides it`, {
      suggestion: "set TESTBED_STATE to a folder elsewhere, like /tmp/NAME",
    });
  }
  refuseLongPaths(labFolder(name), nodes);
}

/** Refuses names whose sockets would have too long a path in a lab's folder. */
export function refuseLongPaths(directory: string, nodes: readonly string[]): void {
  const sockets = ["", ...nodes].map((node) => controlSocketOf(node === "" ? directory : nodeFolder(directory, node)));
  const longest = sockets.toSorted((left, right) => Buffer.byteLength(right) - Buffer.byteLength(left))[0] ?? "";
  if (Buffer.byteLength(longest) <= socketPathBytesMax) return;
  throw new UserError(
    `${longest}: ${Buffer.byteLength(longest)} bytes; the path of a unix socket holds at most ${socketPathBytesMax}`,
    { suggestion: "set TESTBED_STATE to a shorter path, or use shorter names" },
  );
}
