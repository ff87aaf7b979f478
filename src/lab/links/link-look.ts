// Looks at a link in the kernel: both ends, their ports in the switchboard, and the queues there.
import type { Plan } from "../../plan/index.js";
import { tryCommand, UserError } from "../../system/index.js";
import type { EndTruth } from "../contract.js";
import { type EndSeen, endTruth, type KernelDevice, type KernelQueue } from "./link-truth.js";

interface Waits {
  readonly signal: AbortSignal;
}

/** Truth of each end that is a node's, of the link with these ends (as in LinkStatus). */
export async function lookAtLink(
  plan: Plan,
  ends: readonly [string, string],
  { signal }: Waits,
): Promise<readonly EndTruth[]> {
  const index = plan.topology.links.findIndex(({ endpoints }) =>
    endpoints.every((end, side) => (end.interface === "" ? end.node : `${end.node}:${end.interface}`) === ends[side]),
  );
  const link = plan.topology.links[index];
  if (link === undefined) throw new UserError(`There is no link ${ends.join(" - ")} in this lab`);
  const truths: EndTruth[] = [];
  for (const { node, interface: name } of link.endpoints) {
    const asked = plan.nodes.find((each) => each.name === node)?.interfaces.find((each) => each.name === name);
    if (asked === undefined) continue; // a switch: its ports are the other ends'
    truths.push(endTruth(plan, node, asked, index, await seenOf(node, asked, { signal })));
  }
  return truths;
}

async function seenOf(
  node: string,
  { name, port }: { readonly name: string; readonly port: string },
  { signal }: Waits,
): Promise<EndSeen> {
  const [own] = await listed<KernelDevice>("ip", ["-n", node, "-s", "-json", "address", "show", "dev", name], signal);
  const [there] = await listed<KernelDevice>("ip", ["-s", "-json", "address", "show", "dev", port], signal);
  const queues =
    there === undefined ? [] : await listed<KernelQueue>("tc", ["-s", "-json", "qdisc", "show", "dev", port], signal);
  return { own, port: there, queues };
}

/** Nothing where there is no such device: that is an answer, too. */
async function listed<T>(tool: "ip" | "tc", args: readonly string[], signal: AbortSignal): Promise<readonly T[]> {
  const { stdout, exitCode } = await tryCommand(tool, args, { signal });
  return exitCode === 0 && stdout.trim() !== "" ? (JSON.parse(stdout) as readonly T[]) : []; // iproute2's own format
}
