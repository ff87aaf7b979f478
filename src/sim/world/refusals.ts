// What cannot run in virtual time, by name and before anything starts: what is not modelled must not look as if it were.
import type { Plan } from "../../plan/index.js";

/** Where it stands in the topology's text, and one sentence. */
export interface Refusal {
  readonly at: readonly string[];
  readonly message: string;
}

/** Empty when experiments on this plan can be simulated. */
export function refusalsFor(plan: Plan): readonly Refusal[] {
  const found: Refusal[] = [];
  for (const { name, kind, command, service, limits } of plan.nodes) {
    const at = ["nodes", name];
    const running = command.length === 0 ? "" : ` that runs ${JSON.stringify(command.join(" "))}`;
    if (kind === "host")
      found.push({
        at,
        message: `"${name}" is a host${running}: the simulator runs orderers, peers and clients of its own only`,
      });
    if (service?.kind === "orderer" && service.implementation !== "testbed")
      found.push({
        at: [...at, "implementation"],
        message: `"${name}" is ${service.implementation}, a process of its own: the simulator hosts the testbed's replica only`,
      });
    if (limits.cpuCount > 0)
      found.push({
        at: [...at, "cpu"],
        message: `"${name}" has a limit of its own on processors, which is not modelled`,
      });
  }
  if (plan.routing.protocol === "static" && plan.routing.neighbours === "learned")
    found.push({
      at: ["routing", "neighbours"],
      message:
        'static routing with neighbours "learned": ARP is not modelled, so a neighbour that is gone would never be told; write neighbours: fixed, or protocol: ospf',
    });
  return found;
}
