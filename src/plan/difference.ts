// Which nodes and links two topologies have in common: nodes by name, links by their two ends. Reads on in changes.ts.
import type { TopologyLink } from "../spec/index.js";
import type { Plan } from "./plan.js";

export interface Difference {
  readonly nodesAdded: readonly string[];
  readonly nodesRemoved: readonly string[];
  readonly linksAdded: readonly TopologyLink[];
  readonly linksRemoved: readonly TopologyLink[];
  readonly linksKept: readonly { readonly from: TopologyLink; readonly to: TopologyLink }[];
}

export function differenceOf(before: Plan, after: Plan): Difference {
  const [oldNames, newNames] = [before, after].map((plan) => new Set(plan.nodes.map((node) => node.name)));
  const oldLinks = new Map(before.topology.links.map((link) => [linkKey(link), link]));
  const newLinks = new Map(after.topology.links.map((link) => [linkKey(link), link]));
  return {
    nodesAdded: [...(newNames ?? [])].filter((name) => oldNames?.has(name) !== true),
    nodesRemoved: [...(oldNames ?? [])].filter((name) => newNames?.has(name) !== true),
    linksAdded: [...newLinks].filter(([key]) => !oldLinks.has(key)).map(([, link]) => link),
    linksRemoved: [...oldLinks].filter(([key]) => !newLinks.has(key)).map(([, link]) => link),
    linksKept: [...newLinks].flatMap(([key, to]) => {
      const from = oldLinks.get(key);
      return from === undefined ? [] : [{ from, to }];
    }),
  };
}

/** The same whichever end is written first. */
const linkKey = (link: TopologyLink): string => link.endpoints.map(endName).toSorted().join(" ");

export const linkName = (link: TopologyLink): string => link.endpoints.map(endName).join(" - ");

/** `r1:eth1`; a switch's ports have no names. */
export const endName = (end: TopologyLink["endpoints"][number]): string =>
  end.interface === "" ? end.node : `${end.node}:${end.interface}`;
