// A target as written → the endpoints or the node it means now.
import { assertNever } from "../base/index.js";
import type { FaultSpec, Target } from "../spec/index.js";
import type { Plan } from "../plan/index.js";
import type { ResolvedFault } from "./contract.js";
import type { Roles } from "./roles.js";

/** The fault with its targets; `targets` is empty when the role is unknown or the target does not exist. */
export function resolveFault(fault: FaultSpec, plan: Plan, roles: Roles): ResolvedFault {
  const base = { what: fault.what, how: fault.how, asked: fault.asked };
  const place = placeOf(fault.target, roles);
  if (place === undefined) return { ...base, targets: [] };
  const node = plan.nodes.find((candidate) => candidate.name === place.node);
  if (node === undefined) return { ...base, targets: [] };
  if (fault.what !== "interface-down") return { ...base, targets: [node.name] };
  const interfaces = node.interfaces.filter((each) => place.interface === "" || each.name === place.interface);
  return { ...base, targets: interfaces.map((each) => `${node.name}:${each.name}`) };
}

function placeOf(target: Target, roles: Roles): { readonly node: string; readonly interface: string } | undefined {
  switch (target.kind) {
    case "endpoint":
      return { node: target.node, interface: target.interface };
    case "node":
      return { node: target.node, interface: "" };
    case "role": {
      const node = target.role === "leader" ? roles.leader() : roles.followers()[target.ordinal - 1];
      return node === undefined ? undefined : { node, interface: target.interface };
    }
    default:
      return assertNever(target);
  }
}
