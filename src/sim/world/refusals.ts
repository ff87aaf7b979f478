// What cannot run in virtual time, by name and before anything starts: what is not modelled must not look as if it were.
import type { Plan } from "../../plan/index.js";
import type { Experiment } from "../../spec/index.js";

const modelled: ReadonlySet<string> = new Set(["interface-down", "process-kill", "process-pause"]);

/** One sentence for each thing; empty when the experiment can be simulated. */
export function refusalsFor(plan: Plan, { timeline }: Pick<Experiment, "timeline">): readonly string[] {
  const hosts = plan.nodes.filter((node) => node.kind === "host");
  const found = hosts.map(
    ({ name, command }) =>
      `node "${name}" is a host${command.length === 0 ? "" : ` that runs ${JSON.stringify(command.join(" "))}`}: the simulator runs orderers, peers and clients of its own only`,
  );
  if (plan.routing.protocol === "static" && plan.routing.neighbours === "learned") {
    found.push(
      'routing "static" with neighbours "learned": ARP is not modelled, so a neighbour that is gone would never be told; write neighbours: fixed, or protocol: ospf',
    );
  }
  for (const what of new Set(timeline.map(({ fault }) => fault.what))) {
    if (!modelled.has(what)) found.push(`fault ${what} is not modelled, only ${[...modelled].join(", ")}`);
  }
  if (plan.transport.ingress !== "shared") {
    found.push(`transport.ingress ${plan.transport.ingress} is not modelled: every orderer's ingress is shared`);
  }
  return found;
}
