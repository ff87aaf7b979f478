// Carries out the plan's steps: namespaces, settings, links, addresses, impairments, in this order, each stage finished
// before the next, but that bridges are laid while namespaces are made. Runs inside a fresh sandbox, so nothing has to be undone
// here: the sandbox is. The same for one node that begins again: what of the plan is about it is done once more.
import { setImmediate } from "node:timers/promises";
import { assert, present } from "../../base/index.js";
import type { Plan, PlannedNode, Step } from "../../plan/index.js";
import { OperatingError, runCommand, there, tryCommand, until, waiting, type Look } from "../../system/index.js";
import { byNamespace, OpenBatch, runInside, runSteps } from "../links/batch.js";
import { possible, setKernelHere } from "../links/kernel-settings.js";
import { giveNumber, newNamespace } from "../links/new-namespace.js";
import type { MakingNamespaces } from "./homes.js";

interface Waits {
  readonly signal: AbortSignal;
}

/** Above what the kernel gives by itself to a namespace that nobody has numbered: those begin at 0. */
const firstNumber = 4096;
const numbers = new Map<string, number>();

/**
 * Number of a node's namespace in this lab, by which the kernel listener tells them apart: the next one when it is asked for first, and
 * then always that, whatever else comes and goes. For each thing that the kernel tells it looks through the numbers in their order:
 * scattered ones took a third of its time for addresses (decision 9).
 */
export function nsidOf(node: string): number {
  const number = numbers.get(node) ?? firstNumber + numbers.size;
  numbers.set(node, number);
  return number;
}

/** Before anything is laid in it. */
export async function settleSwitchboard({ steps }: Plan): Promise<void> {
  setKernelHere("", await possible(steps.switchboardSysctls));
}

/**
 * Makes the namespaces of a plan, one after the other, with their settings and numbers. Settings come before any interface exists: each
 * copies the defaults of its namespace when it is created.
 */
export async function makeNamespaces(plan: Plan, { signal, hears }: MakingNamespaces): Promise<void> {
  await hears();
  const nodes = new Map(plan.nodes.map((node) => [node.name, node]));
  for (const name of plan.steps.namespaces) {
    signal.throwIfAborted();
    await makeNamespace(present(nodes.get(name), `the node of namespace ${name}`), { signal });
    await setImmediate(); // as in `wire`
  }
}

/** The namespace of one node, for the first time or after the one of before has gone. */
export async function makeNamespace(node: PlannedNode, { signal }: Waits): Promise<void> {
  const settings = await possible(node.sysctls);
  newNamespace(node.name, () => setKernelHere(node.name, settings));
  await numberNamespace(node.name, { signal });
}

/** The kernel frees a number when the last that held the old namespace has let go, a moment after its name went. */
const numberMsMax = 10_000;

/** Gives a namespace its number (`nsidOf`), which an earlier one of this node may have had. */
export async function numberNamespace(node: string, { signal }: Waits): Promise<void> {
  const number = nsidOf(node);
  const look = (): Look<true> => {
    const refused = giveNumber(node, number);
    return refused === "" ? there(true) : waiting(`something still holds the old one: the kernel said "${refused}"`);
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

/** Lays what needs no namespace, the bridges, while those are being made; `wire` goes on with it. */
export function beginWires({ steps }: Plan, { signal }: Waits): OpenBatch {
  const batch = new OpenBatch({ signal });
  batch.give(steps.wiring.slice(0, firstEnd(steps)));
  return batch;
}

/** Place of the first line that puts an end into a namespace. */
function firstEnd({ wiring }: Plan["steps"]): number {
  const at = wiring.findIndex(({ line }) => / netns \S+$/.test(line));
  return at < 0 ? wiring.length : at;
}

export async function wire(plan: Plan, begun: OpenBatch, { signal }: Waits): Promise<void> {
  begun.give(plan.steps.wiring.slice(firstEnd(plan.steps)));
  await begun.end();
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
