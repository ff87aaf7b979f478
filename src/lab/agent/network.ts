// Carries out the plan's steps: namespaces, settings, links, addresses, impairments, in this order, each stage finished
// before the next. Runs inside a fresh sandbox, so nothing has to be undone here: the sandbox is.
import { readFile } from "node:fs/promises";
import { assert } from "../../base/index.js";
import type { Plan } from "../../plan/index.js";
import { hasCode, mapBounded, OperatingError, runCommand, tryCommand, type CommandResult } from "../../system/index.js";
import { byNamespace, runBatch, runSteps } from "../links/batch.js";

interface Waits {
  readonly signal: AbortSignal;
}

/** Processes at once: more than cores only wait for each other, and for the kernel's one lock over all namespaces. */
const batchesAtOnce = 4;

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

export async function wire(plan: Plan, { signal }: Waits): Promise<void> {
  await runSteps(plan.steps.wiring, { signal });
  const groups = [...byNamespace(plan.steps.addressing).values()];
  await mapBounded(groups, { limit: batchesAtOnce, signal }, (steps, own) => runSteps(steps, { signal: own }));
}

/** Impairments, made or changed, read back: a queue discipline that is not there after `tc` said nothing would be a lab that lies. */
export async function impair(plan: Plan, { signal }: Waits): Promise<void> {
  if (plan.steps.impairments.length === 0) return;
  await runSteps(plan.steps.impairments, { signal });
  const present = await runCommand("tc", ["qdisc", "show"], { signal });
  for (const { line } of plan.steps.impairments) {
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
