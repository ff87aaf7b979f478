// What cannot run in virtual time, by name and before anything starts: what is not modelled must not look as if it were.
import type { Plan } from "../../plan/index.js";

/** One sentence for each thing; empty when the experiment can be simulated. */
export function refusalsFor(plan: Plan): readonly string[] {
  const hosts = plan.nodes.filter((node) => node.kind === "host");
  const found = hosts.map(
    ({ name, command }) =>
      `node "${name}" is a host that runs ${JSON.stringify(command.join(" "))}: the simulator runs orderers, peers and clients of its own only`,
  );
  if (plan.routing.protocol === "static" && plan.routing.neighbours === "learned") {
    found.push(
      'routing "static" with neighbours "learned": ARP is not modelled, so a neighbour that is gone would never be told; write neighbours: fixed, or protocol: ospf',
    );
  }
  return found;
}
