// Who leads a view (reference section 5.1). Rotation inside a view is not done yet: it would take the decisions in the
// view and the checkpoint's blacklist as further arguments, here and in both callers (controller, view changer).
import { present, type NodeId, type View } from "../base/index.js";

/** `nodes` sorted ascending and not empty. */
export const leaderOf = (nodes: readonly NodeId[], view: View): NodeId =>
  present(nodes[view % nodes.length], "a leader in a node list that is not empty");
