// Topology → Plan: draws every number, then writes down what each node is and what the lab does. Pure and deterministic:
// the same topology gives the same bytes. What a topology cannot have is answered as problems, all at once.
import type { Parsed, Problem } from "../base/index.js";
import type { Topology, TopologyNode } from "../spec/index.js";
import type { Collision } from "./draw.js";
import { frrFor } from "./frr.js";
import { requirementsFor } from "./impairment.js";
import { type Attachment, type Network, networkFor, type Segment } from "./network.js";
import {
  type Plan,
  planFormat,
  type PlannedEnd,
  type PlannedInterface,
  type PlannedLink,
  type PlannedNode,
  type PlannedSwitch,
} from "./plan.js";
import { type Reach, reachFor, waysBetween } from "./reach.js";
import { serviceFor } from "./service.js";
import { stepsFor } from "./steps.js";
import { sysctlsFor } from "./sysctls.js";

/**
 * The plan, or why there is none. `topology` has passed the rules of `spec`. Problems name `file` and the path of the
 * key; a canonical topology no longer knows its lines, so they stand at its beginning.
 */
export function planFor(topology: Topology, file: string = topology.name): Parsed<Plan> {
  const network = networkFor(topology);
  const reach = reachFor(topology, network.segments);
  const problems = problemsOf(network, reach).map(
    (found): Problem => ({ position: { file, line: 1, column: 1 }, ...found }),
  );
  return problems.length > 0 ? { kind: "bad", problems } : { kind: "good", value: planFrom(topology, network, reach) };
}

function planFrom(topology: Topology, network: Network, reach: Reach): Plan {
  const links = network.segments.filter((segment) => segment.kind === "link");
  return {
    format: planFormat,
    lab: topology.name,
    profile: topology.profile,
    channel: topology.channel,
    transport: topology.transport,
    routing: topology.routing,
    nodes: topology.nodes.map((node) => nodeFor(node, { topology, network, reach, links })),
    links: links.flatMap((segment) => linkFor(segment, topology)),
    switches: network.segments.filter((segment) => segment.kind === "switch").map(switchFor),
    collisions: network.collisions.map(collisionText),
    requirements: requirementsFor(topology.links.map((link) => link.impairment)),
    steps: stepsFor(topology, network),
    topology,
  };
}

interface Context {
  readonly topology: Topology;
  readonly network: Network;
  readonly reach: Reach;
  /** Segments that are links, in the order of `Plan.links`. */
  readonly links: readonly Segment[];
}

function nodeFor(node: TopologyNode, context: Context): PlannedNode {
  const { topology, network } = context;
  const { name, kind, command, host, limits } = node;
  const base = { name, kind, command, host, limits };
  if (node.kind === "switch") {
    return {
      ...base,
      loopback: "",
      interfaces: [],
      sysctls: [],
      frr: undefined,
      service: undefined,
      routesExpected: [],
    };
  }
  const loopback = network.loopbacks.get(node.name) ?? "";
  const interfaces = interfacesFor(node.name, context);
  const routes = node.routes.flatMap(({ to, via }) => {
    const prefix = prefixOf(to, network);
    return waysBetween(network.segments, node.name, via).map((way) => ({ prefix, via: way.ip }));
  });
  const frrInterfaces = interfaces.map((each) => ({
    name: each.name,
    description: each.far === "" ? "switch" : each.far,
    kind: each.link < 0 ? ("switch" as const) : ("link" as const),
  }));
  const hasLinks = interfaces.length > 0;
  const { routing } = topology;
  return {
    ...base,
    loopback,
    interfaces,
    sysctls: sysctlsFor(node.kind, topology.transport),
    // A node without links has no way to route to: FRR would only be one more thing to die.
    frr:
      hasLinks && routing.protocol !== "none"
        ? frrFor({ name: node.name, kind: node.kind, loopback, interfaces: frrInterfaces, routes }, routing)
        : undefined,
    service: serviceFor(topology, node, hasLinks ? loopback : ""),
    // Without OSPF those that are written down: none, where nothing routes.
    routesExpected:
      routing.protocol !== "ospf"
        ? [...new Set(routes.map((route) => route.prefix))]
        : (context.reach.reached.get(node.name) ?? []).map((other) => prefixOf(other, network)),
  };
}

/** A node's name is its loopback; anything else is a prefix already. */
function prefixOf(to: string, network: Network): string {
  const loopback = network.loopbacks.get(to);
  return loopback === undefined ? to : `${loopback}/32`;
}

function interfacesFor(node: string, { network, links }: Context): readonly PlannedInterface[] {
  const placed = network.segments.flatMap((segment) =>
    segment.attachments.filter((each) => each.node === node).map((each) => ({ each, segment })),
  );
  return placed
    .toSorted((left, right) => left.each.link - right.each.link)
    .map(({ each, segment }) => {
      const far = segment.kind === "link" ? segment.attachments.find((other) => other !== each) : undefined;
      return {
        name: each.interface,
        index: each.index,
        mac: each.mac,
        address: `${each.ip}/${each.prefixLength}`,
        mtu: each.mtu,
        port: each.port,
        portIndex: each.portIndex,
        link: links.indexOf(segment),
        far: far === undefined ? "" : `${far.node}:${far.interface}`,
      };
    });
}

const endOf = (each: Attachment): PlannedEnd => ({ node: each.node, interface: each.interface, port: each.port });

function linkFor(segment: Segment, topology: Topology): readonly PlannedLink[] {
  const [left, right] = segment.attachments;
  const link = topology.links[left?.link ?? -1];
  if (left === undefined || right === undefined || link === undefined) return [];
  return [
    {
      bridge: segment.bridge,
      bridgeIndex: segment.bridgeIndex,
      ends: [endOf(left), endOf(right)],
      subnet: segment.subnet,
      carrier: link.carrier,
      impairment: link.impairment,
    },
  ];
}

function switchFor(segment: Segment): PlannedSwitch {
  return {
    node: segment.name,
    bridge: segment.bridge,
    bridgeIndex: segment.bridgeIndex,
    subnet: segment.subnet,
    ports: segment.attachments.map(endOf),
  };
}

const collisionText = ({ what, name, holder }: Collision): string =>
  `The ${what} of "${name}" fell on that of "${holder}" and was drawn again: an id on one of their nodes settles it`;

type Found = Omit<Problem, "position">;

function problemsOf(network: Network, reach: Reach): readonly Found[] {
  const exhausted = network.exhausted.map(
    ({ what, name }): Found => ({
      path: "nodes",
      message: `No ${what} is left for "${name}"`,
      suggestion: "give its node another id, or divide the topology",
    }),
  );
  return [...exhausted, ...cutOffProblems(reach)];
}

/** One problem for the first node that is cut off: what cures it most often cures the rest. */
function cutOffProblems(reach: Reach): readonly Found[] {
  const [first] = reach.cutOff;
  if (first === undefined) return [];
  const [name, missing] = first;
  const shown =
    missing.length > 5 ? `${missing.slice(0, 5).join(", ")} and ${missing.length - 5} more` : missing.join(", ");
  return [
    {
      path: "links",
      message: `"${name}" cannot reach ${shown}: only routers forward, and no path of routers leads there`,
      suggestion: "put a router between",
    },
  ];
}
