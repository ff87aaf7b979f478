// Turns the running lab into that of another plan (plan, changes.ts): takes away what goes, changes what stays where it is, adds
// what comes with the same hands that built the lab. Each stage is heard or read back before the next begins. A step that fails
// leaves the lab between two plans; the error says so.
import { join } from "node:path";
import type { FrrChange, Plan, PlanChanges } from "../../plan/index.js";
import { mapBounded, OperatingError, there, until, waiting, writeWhole, type Look } from "../../system/index.js";
import { runBatch, runSteps } from "../links/batch.js";
import type { CarrierKeeper } from "../links/carrier.js";
import { lookAtLink } from "../links/link-look.js";
import type { KernelListener } from "../links/kernel-listener.js";
import type { Wiring } from "../links/wiring.js";
import type { Homes } from "./homes.js";
import { beginWires, impair, wire } from "./network.js";
import { writeFrr } from "./node-files.js";
import type { NodeLives } from "./node-lives.js";
import type { Nodes } from "./nodes.js";
import { frrConfigured, routesConverged, sendFromLoopback } from "./readiness.js";

interface Waits {
  readonly signal: AbortSignal;
}

/** What a lab is made of, as far as it changes. */
export interface LabParts {
  readonly directory: string;
  readonly homes: Homes;
  readonly nodes: Nodes;
  readonly wiring: Wiring;
  readonly carrier: CarrierKeeper;
  readonly listener: KernelListener;
  readonly lives: NodeLives;
  readonly progress: (phase: string) => void;
  /** Writes the files of nodes that join. */
  readonly prepare: (nodes: Plan["nodes"]) => Promise<void>;
  /** From here on events of these namespaces are those of the new plan's nodes. */
  readonly listenTo: (plan: Plan) => void;
}

const heardMsMax = 10_000;
const frrAtOnce = 4;

export async function carryOut(
  { before, after, changes }: { readonly before: Plan; readonly after: Plan; readonly changes: PlanChanges },
  parts: LabParts,
  { signal }: Waits,
): Promise<void> {
  try {
    await takeAway(before, after, changes, parts, { signal });
    await add(after, changes, parts, { signal });
    await writeWhole(join(parts.directory, "plan.json"), JSON.stringify(after));
  } catch (cause) {
    throw new OperatingError(
      `Change lab "${after.lab}": one step failed, and the lab is between what it was and what it should be`,
      {
        cause,
        suggestion: `testbed down --lab ${after.lab}   ends it; testbed up starts it anew`,
      },
    );
  }
}

async function takeAway(
  before: Plan,
  after: Plan,
  { steps, frr }: PlanChanges,
  { nodes, wiring, carrier, listener, lives, progress }: LabParts,
  { signal }: Waits,
): Promise<void> {
  const gone = endsThatGo(
    before,
    steps.removing.map(({ line }) => line),
  );
  if (gone.length === 0 && steps.namespacesRemoved.length === 0 && frr.every(({ removing }) => removing.length === 0)) {
    return;
  }
  wiring.forget(gone.map(({ node, name }) => `${node}:${name}`));
  carrier.forget(gone.map(({ port }) => port));
  lives.forget(steps.namespacesRemoved);
  await nodes.remove(steps.namespacesRemoved, { signal });
  const removing = steps.removing.filter(
    ({ namespace }) => namespace === "" || after.steps.namespaces.includes(namespace),
  );
  await runSteps(removing, { signal });
  const staying = gone.filter(({ node }) => !steps.namespacesRemoved.includes(node));
  const look = (): Look<true> => {
    const present = staying.filter(({ node, name }) => listener.link(node, name)?.deleted !== true);
    return present.length === 0
      ? there(true)
      : waiting(`nothing heard of the end of ${present.map(({ node, name }) => `${node}:${name}`).join(", ")}`);
  };
  const what = "the kernel listener to have heard that interfaces are gone";
  await until(look, { timeoutMs: heardMsMax, everyMs: 5, signal, what });
  await tellFrr(
    frr.map((each) => ({ ...each, lines: each.removing })),
    nodes,
    { signal },
  );
  const namespaces = steps.namespacesRemoved.map((name) => `netns delete ${name}`);
  if (namespaces.length > 0) await runBatch("ip", "", namespaces, { signal });
  for (const name of steps.namespacesRemoved) listener.forgetRoutes(name);
  progress("what goes is gone");
}

interface End {
  readonly node: string;
  readonly name: string;
  readonly port: string;
}

/** Interfaces whose ports these lines delete. */
function endsThatGo(plan: Plan, lines: readonly string[]): readonly End[] {
  const deleted = new Set(lines);
  return plan.nodes.flatMap((node) =>
    node.interfaces
      .filter(({ port }) => deleted.has(`link delete dev ${port}`))
      .map(({ name, port }) => ({ node: node.name, name, port })),
  );
}

async function add(
  after: Plan,
  { steps, frr, linksChanged: changed }: PlanChanges,
  { homes, nodes, wiring, carrier, listener, prepare, listenTo, progress }: LabParts,
  { signal }: Waits,
): Promise<void> {
  const joining = after.nodes.filter(({ name }) => steps.namespacesAdded.includes(name));
  const part: Plan = {
    ...after,
    nodes: joining,
    steps: { ...after.steps, ...steps, namespaces: steps.namespacesAdded },
  };
  listenTo(after);
  await prepare(joining);
  nodes.adopt(after);
  await using wires = beginWires(part, { signal });
  if (joining.length > 0) {
    await homes.makeNamespaces(part, { signal, hears: () => Promise.resolve() });
    progress(`${joining.length} ${homes.noun} more`);
  }
  await wire(part, wires, { signal });
  await impair(part, { signal });
  wiring.adopt(after);
  await carrier.adopt(listener, { signal });
  await confirmLinks(after, changed, { signal });
  progress("links are as asked");
  await tellFrr(
    frr.map((each) => ({ ...each, lines: each.adding })),
    nodes,
    { signal },
  );
  for (const { node, configuration } of frr) {
    const { places, node: planned } = nodes.processOf(node);
    await writeFrr(places, { daemons: planned.frr?.daemons ?? [], configuration }); // for the next start
  }
  await nodes.start(steps.namespacesAdded, (process, waits) => frrConfigured(process, listener, waits), { signal });
  await routesConverged(after, [...nodes.processes.values()], listener, { signal });
  await sendFromLoopback(after, { signal });
  progress("every node has every route");
  await nodes.servicesReady(steps.namespacesAdded, { signal });
}

/** What was changed counts when the kernel says so: queue and mtu of both ends of each link, read back. */
async function confirmLinks(plan: Plan, changed: PlanChanges["linksChanged"], { signal }: Waits): Promise<void> {
  const names = new Set(changed.map(({ link }) => link));
  for (const name of names) {
    const [left = "", right = ""] = name.split(" - ");
    for (const { endpoint, rows } of await lookAtLink(plan, [left, right], { signal })) {
      const wrong = rows.filter(({ what, differs }) => differs && ["mtu", "port mtu", "port queue"].includes(what));
      const [first] = wrong;
      if (first === undefined) continue;
      const { what, asked, kernel } = first;
      throw new OperatingError(
        `Change link ${name}: read back, ${what} at ${endpoint} is "${kernel}", expected "${asked}"`,
      );
    }
  }
}

/** Gives FRR of each node its lines, as somebody who types them at `configure terminal`. */
async function tellFrr(
  changes: readonly (Pick<FrrChange, "node"> & { readonly lines: readonly string[] })[],
  nodes: Nodes,
  { signal }: Waits,
): Promise<void> {
  const told = changes.filter(({ lines }) => lines.length > 0);
  await mapBounded(told, { limit: frrAtOnce, signal }, async ({ node, lines }, own) => {
    const words = ["configure terminal", ...lines].flatMap((line) => ["-c", line]);
    const result = await nodes.processOf(node).run(["vtysh", "--config_dir", "/etc/frr", ...words], { signal: own });
    if (result.exitCode === 0) return;
    const said = `${result.stdout}\n${result.stderr}`.trim(); // vtysh complains on either
    throw new OperatingError(`Tell FRR of ${node} "${lines.join("; ")}": vtysh refused and said "${said}"`);
  });
}
