// Targets of faults as written: `leader`, `leader:eth1`, `follower`, `follower[2]`, `follower[1]:eth1`, `orderer1`,
// `orderer1:eth1`. The grammar alone; whether a node or interface exists is judged against a topology.
import { nearest } from "../base/index.js";
import type { Target } from "./experiment.js";
import { interfaceNameFault, nodeNameFault } from "./names.js";

export type ParsedTarget =
  | { readonly kind: "good"; readonly value: Target }
  | { readonly kind: "bad"; readonly message: string; readonly suggestion: string };

const advice = "write leader, follower, follower[2], orderer1 or orderer1:eth1";
/** More orderers than any lab has. */
const ordinalMax = 1_000;

export function parseTarget(text: string): ParsedTarget {
  const colon = text.indexOf(":");
  const subject = colon < 0 ? text : text.slice(0, colon);
  const interfaceName = colon < 0 ? "" : text.slice(colon + 1);
  const bad = (why: string, suggestion: string): ParsedTarget => ({
    kind: "bad",
    message: `Cannot use ${JSON.stringify(text)} as a target: ${why}`,
    suggestion,
  });
  if (colon >= 0) {
    const fault = interfaceNameFault(interfaceName);
    if (fault !== undefined) return bad(`after the colon stands no interface's name, ${fault}`, advice);
  }
  if (subject === "leader")
    return { kind: "good", value: { kind: "role", role: "leader", ordinal: 1, interface: interfaceName } };
  const follower = /^follower(?:\[([^\]]*)\])?$/.exec(subject);
  if (follower !== null) {
    const ordinal = follower[1] === undefined ? 1 : Number(/^[1-9]\d*$/.test(follower[1]) ? follower[1] : 0);
    if (ordinal === 0 || ordinal > ordinalMax)
      return bad("followers are numbered from 1", "write follower[1], follower[2], …");
    return { kind: "good", value: { kind: "role", role: "follower", ordinal, interface: interfaceName } };
  }
  const fault = nodeNameFault(subject);
  if (fault !== undefined) {
    const near = nearest(subject, ["leader", "follower"]);
    return bad(
      "it is neither a role nor a node's name",
      near === undefined || subject === near ? advice : `did you mean "${near}"?`,
    );
  }
  return colon < 0
    ? { kind: "good", value: { kind: "node", node: subject } }
    : { kind: "good", value: { kind: "endpoint", node: subject, interface: interfaceName } };
}
