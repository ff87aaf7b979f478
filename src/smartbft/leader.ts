// Who leads (reference section 5.1): the view's index, moved on by one after every `decisionsPerLeader` decisions when
// rotation is on, and past the members on the blacklist. The controller asks with the decisions made in its view; the
// view changer with none, so that the next leader can be the one that has just failed (section 15, item 4).
import { present, type NodeId, type View } from "../base/index.js";
import type { Options } from "./options.js";

export type RotationOptions = Pick<Options, "nodes" | "decisionsPerLeader">;

export interface Tenure {
  readonly view: View;
  /** Made in the view so far. */
  readonly decisions: number;
}

/** `nodes` sorted ascending and not empty. Go panics when all are on the list, which is never longer than F. */
export function leaderOf(
  { nodes, decisionsPerLeader }: RotationOptions,
  { view, decisions }: Tenure,
  blacklist: readonly NodeId[],
): NodeId {
  if (decisionsPerLeader === 0) return memberAt(nodes, view);
  const first = view + Math.floor(decisions / decisionsPerLeader);
  for (let skipped = 0; skipped < nodes.length; skipped++) {
    const candidate = memberAt(nodes, first + skipped);
    if (!blacklist.includes(candidate)) return candidate;
  }
  return memberAt(nodes, first);
}

const memberAt = (nodes: readonly NodeId[], index: number): NodeId =>
  present(nodes[index % nodes.length], "a leader in a node list that is not empty");
