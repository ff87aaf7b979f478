// Limits of nodes that live in namespaces: a control group for each, of the kernel's version 1 or 2, named by a hash of the lab's folder
// so that a stranger finds what a killed lab has left. The kernel removes no group by itself: whoever sees the lab gone does.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { access, mkdir, readdir, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { sha256Hex } from "../../base/index.js";
import type { Plan, PlannedNode } from "../../plan/index.js";
import { EnvironmentLacks, hasCode, OperatingError, there, until, waiting, type Look } from "../../system/index.js";

type Controller = "cpu" | "memory";

const controllers: readonly Controller[] = ["cpu", "memory"];
const root = "/sys/fs/cgroup";
/** Shares are counted in periods of this many microseconds. */
const periodUs = 100_000;
/** Memory is counted in pages. */
const pageBytesMax = 65_536;
const goneMsMax = 5_000;

/** A file of a group, what is written to it, and the number that reads back. */
interface Setting {
  readonly file: string;
  readonly text: string;
  readonly number: number;
}

interface Hierarchy {
  /** Folder of the groups of a controller; the same for all in version 2. */
  readonly base: (controller: Controller) => string;
  readonly setting: (controller: Controller, limit: number) => Setting;
  /** Groups hand controllers down only when told. */
  readonly handDown: boolean;
}

const version1: Hierarchy = {
  base: (controller) => join(root, controller),
  setting: (controller, limit) =>
    controller === "cpu"
      ? { file: "cpu.cfs_quota_us", text: String(Math.round(limit * periodUs)), number: Math.round(limit * periodUs) }
      : { file: "memory.limit_in_bytes", text: String(limit), number: limit },
  handDown: false,
};

const version2: Hierarchy = {
  base: () => root,
  setting: (controller, limit) =>
    controller === "cpu"
      ? { file: "cpu.max", text: `${Math.round(limit * periodUs)} ${periodUs}`, number: Math.round(limit * periodUs) }
      : { file: "memory.max", text: String(limit), number: limit },
  handDown: true,
};

const limitOf = ({ limits }: PlannedNode, controller: Controller): number =>
  controller === "cpu" ? limits.cpuCount : limits.memoryBytes;

const groupOf = (labDirectory: string): string => `testbed-${sha256Hex(Buffer.from(labDirectory)).slice(0, 12)}`;

/** Rejects with EnvironmentLacks, naming nodes and limits, where groups cannot be made. */
export async function checkLimits(plan: Plan): Promise<void> {
  const missing: string[] = [];
  for (const controller of controllers) {
    const askers = plan.nodes.filter((node) => limitOf(node, controller) > 0).map(({ name }) => name);
    if (askers.length === 0) continue;
    const why = await lackOf(controller);
    const nodes = `${askers.length === 1 ? "node" : "nodes"} ${askers.join(", ")}`;
    if (why !== "") missing.push(`a control group for the limit of ${controller} of ${nodes}: ${why}`);
  }
  if (missing.length === 0) return;
  throw new EnvironmentLacks(missing, {
    suggestion: "run it as root, use --runtime docker, or take the limits out of the topology",
  });
}

/** Why this user cannot limit nodes here; empty when it can. */
export async function limitsLack(): Promise<string> {
  const lacks = await Promise.all(controllers.map((each) => lackOf(each)));
  return lacks.filter((why) => why !== "").join("; ");
}

/** Tried with a group that is gone afterwards. */
async function lackOf(controller: Controller): Promise<string> {
  const { base, setting, handDown } = await hierarchy();
  const group = join(base(controller), `testbed-probe-${controller}-${process.pid}`);
  try {
    await mkdir(group);
  } catch (error) {
    if (hasCode(error, "EACCES", "EPERM", "EROFS")) return `this user may not make one in ${base(controller)}`;
    if (hasCode(error, "ENOENT")) return `the kernel has none (${base(controller)} is not there)`;
    throw error;
  }
  try {
    if (handDown) passOn(root);
    await access(join(group, setting(controller, 1).file));
    return "";
  } catch (error) {
    return `${group} has no ${setting(controller, 1).file} (${error instanceof Error ? error.message : String(error)})`;
  } finally {
    await rmdir(group);
  }
}

async function hierarchy(): Promise<Hierarchy> {
  try {
    await access(join(root, "cgroup.controllers"));
    return version2;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return version1;
    throw error;
  }
}

function hierarchyNow(): Hierarchy {
  try {
    readFileSync(join(root, "cgroup.controllers"));
    return version2;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return version1;
    throw error;
  }
}

function passOn(group: string): void {
  writeFileSync(join(group, "cgroup.subtree_control"), controllers.map((each) => `+${each}`).join(" "));
}

/**
 * Makes the group of a lab in which those of its nodes will be; nothing without limits. Before the sandbox begins: in there
 * nobody may write to a folder that is not its owner's to write to, as the topmost one is not.
 */
export async function prepareLimits(plan: Plan, labDirectory: string): Promise<void> {
  const { base, handDown } = await hierarchy();
  for (const controller of controllers) {
    if (plan.nodes.every((node) => limitOf(node, controller) === 0)) continue;
    await mkdir(join(base(controller), groupOf(labDirectory)), { recursive: true });
    if (handDown) passOn(root);
  }
}

/** The shell joins the groups that it is given before `--`, then becomes what follows. The text is constant. */
const joinAndRun = 'while [ "$1" != -- ]; do echo 0 >"$1" || exit 75; shift; done; shift; exec "$@"';

/**
 * Words to put before a command of the node, so that it and all it starts are limited; none without limits. Makes the groups and
 * reads their settings back. `folder` is the node's.
 */
export function limitedWords(folder: string, node: PlannedNode): readonly string[] {
  if (controllers.every((each) => limitOf(node, each) === 0)) return [];
  const { base, setting, handDown } = hierarchyNow();
  const groups = new Set<string>();
  for (const controller of controllers) {
    const limit = limitOf(node, controller);
    if (limit === 0) continue;
    const parent = join(base(controller), groupOf(dirname(dirname(folder))));
    const group = join(parent, node.name);
    if (!existsSync(parent)) {
      throw new OperatingError(`Limit ${node.name}: its lab has no control group in ${base(controller)}`, {
        suggestion: "a lab gets one when it comes up with limits: testbed down, then testbed up",
      });
    }
    if (handDown) passOn(parent);
    mkdirSync(group, { recursive: true });
    apply(group, setting(controller, limit));
    groups.add(join(group, "cgroup.procs"));
  }
  return groups.size === 0 ? [] : ["sh", "-c", joinAndRun, "sh", ...groups, "--"];
}

function apply(group: string, { file, text, number }: Setting): void {
  const path = join(group, file);
  writeFileSync(path, text);
  const found = Number.parseInt(readFileSync(path, "utf8"), 10);
  if (found <= number && number - found < pageBytesMax) return;
  throw new OperatingError(`Write ${path}: read back ${found}, expected ${number}`);
}

/** Removes the groups of a lab that has gone: its processes leave them a moment after they have ended. */
export async function removeLimits(labDirectory: string): Promise<void> {
  const { base } = await hierarchy();
  for (const parent of new Set(controllers.map((each) => join(base(each), groupOf(labDirectory))))) {
    const look = async (): Promise<Look<true>> => {
      const groups = await foldersIn(parent);
      if (groups === undefined) return there(true);
      for (const path of [...groups.map((name) => join(parent, name)), parent]) {
        try {
          await rmdir(path);
        } catch (error) {
          if (hasCode(error, "ENOENT")) continue;
          if (hasCode(error, "EBUSY")) return waiting(`${path} is still used`);
          throw error;
        }
      }
      return there(true);
    };
    const signal = new AbortController().signal;
    await until(look, { timeoutMs: goneMsMax, everyMs: 10, signal, what: `control group ${parent} to be free` });
  }
}

async function foldersIn(path: string): Promise<readonly string[] | undefined> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}
