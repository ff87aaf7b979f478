// Who can reach whom when only routers forward: the routes that a node must have before a lab counts as up, and the
// pairs that a topology joins on paper but not in fact.
import type { NodeKind, Topology } from "../spec/index.js";
import type { Attachment, Segment } from "./network.js";

export interface Reach {
  /** By node: the others whose loopback it reaches, in the topology's order. */
  readonly reached: ReadonlyMap<string, readonly string[]>;
  /** By node: others in the same connected part that no path of routers leads to; nodes with none are absent. */
  readonly cutOff: ReadonlyMap<string, readonly string[]>;
}

export function reachFor(topology: Topology, segments: readonly Segment[]): Reach {
  if (topology.routing.protocol === "none") return { reached: new Map(), cutOff: new Map() };
  const kinds = new Map(topology.nodes.map((node) => [node.name, node.kind]));
  const neighbours = neighboursOf(segments);
  const names = topology.nodes.filter((node) => node.kind !== "switch").map((node) => node.name);
  const reached = new Map<string, readonly string[]>();
  const cutOff = new Map<string, readonly string[]>();
  for (const name of names) {
    const near = spread(name, neighbours, (through) => kinds.get(through) === ("router" satisfies NodeKind));
    const joined = spread(name, neighbours, () => true);
    reached.set(
      name,
      names.filter((other) => near.has(other) && other !== name),
    );
    const missing = names.filter((other) => joined.has(other) && !near.has(other));
    if (missing.length > 0) cutOff.set(name, missing);
  }
  return { reached, cutOff };
}

/** Attachments of other nodes on the segments where `node` is, with its own: the ways from `node` to a neighbour. */
export function waysBetween(segments: readonly Segment[], node: string, neighbour: string): readonly Attachment[] {
  return segments
    .filter((segment) => segment.attachments.some((each) => each.node === node))
    .flatMap((segment) => segment.attachments.filter((each) => each.node === neighbour));
}

function neighboursOf(segments: readonly Segment[]): ReadonlyMap<string, ReadonlySet<string>> {
  const neighbours = new Map<string, Set<string>>();
  for (const segment of segments) {
    for (const { node } of segment.attachments) {
      const near = neighbours.get(node) ?? new Set<string>();
      for (const other of segment.attachments) if (other.node !== node) near.add(other.node);
      neighbours.set(node, near);
    }
  }
  return neighbours;
}

/** All that `start` gets to, itself included, when it passes only through nodes that satisfy `forwards`. */
function spread(
  start: string,
  neighbours: ReadonlyMap<string, ReadonlySet<string>>,
  forwards: (node: string) => boolean,
): ReadonlySet<string> {
  const seen = new Set([start]);
  const waiting = [start];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (name !== start && !forwards(name)) continue;
    for (const next of neighbours.get(name) ?? []) {
      if (seen.has(next)) continue;
      seen.add(next);
      waiting.push(next);
    }
  }
  return seen;
}
