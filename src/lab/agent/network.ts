// Carries out the plan's steps: namespaces, settings, links, addresses, impairments, in this order, each stage finished
// before the next. Runs inside a fresh sandbox, so nothing has to be undone here: the sandbox is. The same for one node that
// begins again: what of the plan is about it is done once more.
import { readFile } from "node:fs/promises";
import { assert } from "../../base/index.js";
import type { Plan, PlannedNode, Step } from "../../plan/index.js";
import {
  hasCode,
  mapBounded,
  OperatingError,
  runCommand,
  there,
  tryCommand,
  until,
  waiting,
  type CommandResult,
  type Look,
} from "../../system/index.js";
import { byNamespace, runBatch, runSteps } from "../links/batch.js";

interface Waits {
  readonly signal: AbortSignal;
}

/** Processes at once: more than cores only wait for each other, and for the kernel's one lock over all namespaces. */
const batchesAtOnce = 4;

/** Number of a node's namespace, by which the kernel listener tells them apart: its place in the plan, from 1. */
export const nsidOf = (plan: Plan, node: string): number => plan.steps.namespaces.indexOf(node) + 1;

export async function makeNamespaces(plan: Plan, { signal }: Waits): Promise<void> {
  const lines = plan.steps.namespaces.flatMap((name) => [
    `netns add ${name}`,
    `netns set ${name} ${nsidOf(plan, name)}`,
  ]);
  await runBatch("ip", "", lines, { signal });
  // Before any interface exists: each copies the defaults of its namespace when it is created.
  await setKernel("", plan.steps.switchboardSysctls, { signal });
  const nodes = plan.nodes.filter((node) => plan.steps.namespaces.includes(node.name));
  await mapBounded(nodes, { limit: batchesAtOnce, signal }, async (node, own) => {
    await setKernel(node.name, node.sysctls, { signal: own });
  });
}

/** The namespace of one node again, after the one of before has gone. */
export async function makeNamespace(plan: Plan, node: PlannedNode, { signal }: Waits): Promise<void> {
  await runBatch("ip", "", [`netns add ${node.name}`], { signal });
  await numberNamespace(plan, node.name, { signal });
  await setKernel(node.name, node.sysctls, { signal });
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
  await runSteps(
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
  const groups = [...byNamespace(plan.steps.addressing).values()];
  await mapBounded(groups, { limit: batchesAtOnce, signal }, (steps, own) => runSteps(steps, { signal: own }));
}

/** Impairments, read back: a queue discipline that is not there after `tc` said nothing would be a lab that lies. */
export const impair = (plan: Plan, { signal }: Waits): Promise<void> => impairBy(plan.steps.impairments, { signal });

async function impairBy(steps: readonly Step[], { signal }: Waits): Promise<void> {
  if (steps.length === 0) return;
  await runSteps(steps, { signal });
  const present = await runCommand("tc", ["qdisc", "show"], { signal });
  for (const { line } of steps) {
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
async function setKernel(namespace: string, settings: readonly string[], { signal }: Waits): Promise<void> {
  const wanted = await possible(settings);
  if (wanted.length === 0) return;
  const enter = namespace === "" ? [] : [`--net=/run/netns/${namespace}`, "--", "sysctl"];
  const result = await tryCommand(namespace === "" ? "sysctl" : "nsenter", [...enter, "-w", ...wanted], { signal });
  refuseUnset(namespace, wanted, result);
}

/** Reads settings that the engine has written, and rejects when one is not as planned. */
export async function checkKernel(namespace: string, settings: readonly string[], { signal }: Waits): Promise<void> {
  const wanted = await possible(settings);
  if (wanted.length === 0) return;
  const names = wanted.map((setting) => setting.split("=")[0] ?? "");
  const enter = namespace === "" ? [] : [`--net=/run/netns/${namespace}`, "--", "sysctl"];
  const result = await tryCommand(namespace === "" ? "sysctl" : "nsenter", [...enter, ...names], { signal });
  refuseUnset(namespace, wanted, result);
}

/** A kernel without IPv6 has none of its settings. */
export const possible = async (settings: readonly string[]): Promise<readonly string[]> =>
  (await hasIpv6()) ? settings : settings.filter((setting) => !setting.startsWith("net.ipv6."));

function refuseUnset(namespace: string, wanted: readonly string[], result: CommandResult): void {
  const where = namespace === "" ? "the switchboard" : namespace;
  const printed = new Set(result.stdout.split("\n").map((line) => line.replace(/\s*=\s*/, "=")));
  const refused = wanted.filter((setting) => !printed.has(setting));
  if (result.exitCode === 0 && refused.length === 0) return;
  throw new OperatingError(
    `Set kernel settings in ${where}: ${refused.join(", ")} refused; sysctl said "${result.stderr.trim()}"`,
  );
}

async function hasIpv6(): Promise<boolean> {
  try {
    await readFile("/proc/sys/net/ipv6/conf/all/disable_ipv6");
    return true;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return false;
    throw error;
  }
}
