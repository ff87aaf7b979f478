// Carries out the plan's steps: namespaces, settings, links, addresses, impairments, in this order, each stage finished
// before the next. Runs inside a fresh sandbox, so nothing has to be undone here: the sandbox is. The same for one node that
// begins again: what of the plan is about it is done once more.
import { closeSync, openSync, readFileSync, readSync, writeSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { assert } from "../../base/index.js";
import type { Plan, PlannedNode, Step } from "../../plan/index.js";
import {
  hasCode,
  OperatingError,
  runCommand,
  there,
  tryCommand,
  until,
  waiting,
  type Look,
} from "../../system/index.js";
import { byNamespace, runBatch, runInside, runSteps } from "../links/batch.js";
import { insideNamespace } from "../links/inside-namespace.js";
import type { MakingNamespaces } from "./homes.js";

interface Waits {
  readonly signal: AbortSignal;
}

/**
 * Number of a node's namespace, by which the kernel listener tells them apart: the lower 24 bits of its loopback address, which
 * is its own, never 0, and stays whatever else comes and goes. Any number up to 2^31 will do for the kernel.
 */
export function nsidOf(plan: Plan, node: string): number {
  const loopback = plan.nodes.find((each) => each.name === node)?.loopback ?? "";
  const [, second = 0, third = 0, fourth = 0] = loopback.split(".").map(Number);
  assert(fourth > 0, `a loopback address of ${node}`);
  return second * 65_536 + third * 256 + fourth;
}

/** `ip` makes one part of the namespaces while the settings of the part before are written: two processors have something to do. */
const namespacesAtOnce = 50;

export async function makeNamespaces(plan: Plan, { signal, hears }: MakingNamespaces): Promise<void> {
  await hears();
  const nodes = new Map(plan.nodes.map((node) => [node.name, node]));
  // Before any interface exists: each copies the defaults of its namespace when it is created.
  setKernel("", await possible(plan.steps.switchboardSysctls));
  let made: readonly string[] = [];
  for (const names of [...partsOf(plan.steps.namespaces, namespacesAtOnce), []]) {
    const lines = names.flatMap((name) => [`netns add ${name}`, `netns set ${name} ${nsidOf(plan, name)}`]);
    const making = lines.length === 0 ? Promise.resolve() : runBatch("ip", "", lines, { signal });
    await bothDone(making, async () => {
      for (const name of made) {
        setKernel(name, await possible(nodes.get(name)?.sysctls ?? []));
        await setImmediate(); // `ip` may have ended
      }
    });
    made = names;
  }
}

function partsOf<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  const count = Math.ceil(items.length / size);
  return Array.from({ length: count }, (_, index) => items.slice(index * size, (index + 1) * size));
}

/** Waits for both; when both fail it is the first that is told. */
async function bothDone(first: Promise<void>, act: () => Promise<void>): Promise<void> {
  const [one, other] = await Promise.allSettled([first, act()]);
  if (one.status === "rejected") throw one.reason;
  if (other.status === "rejected") throw other.reason;
}

/** The namespace of one node again, after the one of before has gone. */
export async function makeNamespace(plan: Plan, node: PlannedNode, { signal }: Waits): Promise<void> {
  await runBatch("ip", "", [`netns add ${node.name}`], { signal });
  await numberNamespace(plan, node.name, { signal });
  setKernel(node.name, await possible(node.sysctls));
}

/** The kernel frees a number when the last that held the old namespace has let go, a moment after its name went. */
const numberMsMax = 10_000;

/** Gives a namespace its number (`nsidOf`), which an earlier one of this node may have had. */
export async function numberNamespace(plan: Plan, node: string, { signal }: Waits): Promise<void> {
  const number = nsidOf(plan, node);
  const look = async (): Promise<Look<true>> => {
    const { exitCode, stderr } = await tryCommand("ip", ["netns", "set", node, String(number)], { signal });
    return exitCode === 0 ? there(true) : waiting(`something still holds the old one: ip said "${stderr.trim()}"`);
  };
  await until(look, {
    timeoutMs: numberMsMax,
    everyMs: 5,
    signal,
    what: `the number ${number} of ${node}'s namespace`,
  });
}

/** Lays the wires of one node again: its ports, its ends, their addresses and impairments. */
export async function wireNode(plan: Plan, node: PlannedNode, { signal }: Waits): Promise<void> {
  const ports = new Set(node.interfaces.map((each) => each.port));
  const isOfPort = ({ line }: Step): boolean => {
    const name = /^link (?:add name|set dev) (\S+) /.exec(line)?.[1];
    return name !== undefined && ports.has(name);
  };
  await runSteps(plan.steps.wiring.filter(isOfPort), { signal });
  await runInside(
    plan.steps.addressing.filter((step) => step.namespace === node.name),
    { signal },
  );
  const impairments = plan.steps.impairments.filter(({ line }) => ports.has(/\bdev (\S+) /.exec(line)?.[1] ?? ""));
  await impairBy(impairments, { signal });
}

/** Takes a node's ports away, and with them its ends; those that are gone already are none. */
export async function unwireNode(node: PlannedNode, { signal }: Waits): Promise<void> {
  for (const { port } of node.interfaces) {
    const { exitCode, stderr } = await tryCommand("ip", ["link", "delete", "dev", port], { signal });
    if (exitCode === 0 || /Cannot find device/.test(stderr)) continue;
    throw new OperatingError(`Take port ${port} of ${node.name} away: ip said "${stderr.trim()}"`);
  }
}

/** Forgets the name of an ended node's namespace; the kernel takes it when nothing lives there. */
export async function dropNamespace(node: string, { signal }: Waits): Promise<void> {
  const { exitCode, stderr } = await tryCommand("ip", ["netns", "delete", node], { signal });
  if (exitCode === 0 || /No such file/.test(stderr)) return;
  throw new OperatingError(`Let the namespace of ${node} go: ip said "${stderr.trim()}"`);
}

export async function wire(plan: Plan, { signal }: Waits): Promise<void> {
  await runSteps(plan.steps.wiring, { signal });
  for (const steps of byNamespace(plan.steps.addressing).values()) {
    await runInside(steps, { signal });
    await setImmediate(); // what the listener has heard meanwhile must not pile up in the kernel
  }
}

/** Impairments, made or changed, read back: a queue discipline that is not there after `tc` said nothing would be a lab that lies. */
export const impair = (plan: Plan, { signal }: Waits): Promise<void> => impairBy(plan.steps.impairments, { signal });

async function impairBy(steps: readonly Step[], { signal }: Waits): Promise<void> {
  if (steps.length === 0) return;
  await runSteps(steps, { signal });
  const present = await runCommand("tc", ["qdisc", "show"], { signal });
  for (const { line } of steps) {
    if (line.startsWith("qdisc delete ")) continue;
    const match = /\bdev (\S+) (root|parent \S+) (?:handle (\S+) )?(\S+)/.exec(line);
    assert(match !== null, `an impairment that names device and place: "${line}"`);
    const [, device = "", , handle = "", kind = ""] = match;
    const found = present
      .split("\n")
      .some((text) => text.startsWith(`qdisc ${kind} ${handle}`) && text.includes(` dev ${device} `));
    if (!found)
      throw new OperatingError(`Run tc ${line}: done, and read back it is not there, expected "${kind}" on ${device}`);
  }
}

/** Writes settings in a namespace ("" is the switchboard) and reads each back. */
function setKernel(namespace: string, settings: readonly string[]): void {
  const found = insideNamespace(namespace, () =>
    settings.map((setting) => {
      const [name = "", value = ""] = setting.split("=", 2);
      return settled(name, value);
    }),
  );
  refuseUnset("Set", namespace, settings, found);
}

/** Reads settings that the engine has written, and rejects when one is not as planned. */
export async function checkKernel(namespace: string, settings: readonly string[]): Promise<void> {
  const wanted = await possible(settings);
  const found = insideNamespace(namespace, () => wanted.map((setting) => readSetting(setting.split("=")[0] ?? "")));
  refuseUnset("Check", namespace, wanted, found);
}

/** What the kernel has after it was told, where it had something else; or why that is not known. */
function settled(name: string, value: string): string {
  try {
    const file = openSync(kernelFile(name), "r+");
    try {
      if (textOf(file) !== value) writeSync(file, value, 0);
      return textOf(file);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    return messageOf(error);
  }
}

const settingText = Buffer.alloc(256);
const textOf = (file: number): string => settingText.toString("utf8", 0, readSync(file, settingText, 0, 256, 0)).trim();
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const kernelFile = (name: string): string => `/proc/sys/${name.replaceAll(".", "/")}`;

/** What the kernel has, or why that is not known. */
function readSetting(name: string): string {
  try {
    return readFileSync(kernelFile(name), "utf8").trim();
  } catch (error) {
    return messageOf(error);
  }
}

/** A kernel without IPv6 has none of its settings. */
export const possible = async (settings: readonly string[]): Promise<readonly string[]> =>
  (await hasIpv6()) ? settings : settings.filter((setting) => !setting.startsWith("net.ipv6."));

function refuseUnset(verb: string, namespace: string, wanted: readonly string[], found: readonly string[]): void {
  const refused = wanted.flatMap((setting, index) => {
    const value = found[index] ?? "";
    return setting.endsWith(`=${value}`) ? [] : [`${setting} refused: "${value}"`];
  });
  if (refused.length === 0) return;
  const where = namespace === "" ? "the switchboard" : namespace;
  throw new OperatingError(`${verb} kernel settings in ${where}: ${refused.join(", ")}`);
}

let ipv6: boolean | undefined;

/** Asked once: a kernel keeps it. */
async function hasIpv6(): Promise<boolean> {
  try {
    if (ipv6 === undefined) await readFile("/proc/sys/net/ipv6/conf/all/disable_ipv6");
    ipv6 ??= true;
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
    ipv6 = false;
  }
  return ipv6;
}
