// Topology → Plan: draws every number, then writes down what each node is and what the lab does. Pure and deterministic:
// the same topology gives the same bytes. What a topology cannot have is answered as problems, all at once.
import type { Parsed, Position, Problem } from "../base/index.js";
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

/** Where a topology was written, for problems: a canonical one no longer knows its lines. */
export interface Written {
  readonly file: string;
  /** Where the key at a path stands, like ["nodes", "r1"]; without it problems stand at the file's beginning. */
  readonly place?: (path: readonly (string | number)[]) => Position;
}

/** The plan, or why there is none. `topology` has passed the rules of `spec`. */
export function planFor(topology: Topology, written: Written = { file: topology.name }): Parsed<Plan> {
  const network = networkFor(topology);
  const reach = reachFor(topology, network.segments);
  const { file, place = () => ({ file, line: 1, column: 1 }) } = written;
  const problems = problemsOf(network, reach).map(
    ({ at, ...found }): Problem => ({ position: place(at), path: at.join("."), ...found }),
  );
  return problems.length > 0 ? { kind: "bad", problems } : { kind: "good", value: planFrom(topology, network, reach) };
}

function planFrom(topology: Topology, network: Network, reach: Reach): Plan {
  const links = network.segments.filter((segment) => segment.kind === "link");
  const linkIndexes = new Map(links.map((segment, index) => [segment, index]));
  return {
    format: planFormat,
    lab: topology.name,
    profile: topology.profile,
    channel: topology.channel,
    transport: topology.transport,
    routing: topology.routing,
    nodes: topology.nodes.map((node) => nodeFor(node, { topology, network, reach, linkIndexes })),
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
  /** Of segments that are links: their places in `Plan.links`. */
  readonly linkIndexes: ReadonlyMap<Segment, number>;
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

function interfacesFor(node: string, { network, linkIndexes }: Context): readonly PlannedInterface[] {
  return (network.placed.get(node) ?? [])
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
        link: linkIndexes.get(segment) ?? -1,
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

type Found = Omit<Problem, "position" | "path"> & { readonly at: readonly string[] };

function problemsOf(network: Network, reach: Reach): readonly Found[] {
  const exhausted = network.exhausted.map(
    ({ what, name, size, taken }): Found => ({
      at: ["nodes", nodeIn(name)],
      message: `No ${what} is left for "${name}": there are ${size}, and ${taken} are taken`,
      suggestion: "use fewer of them, divide the topology, or give the node an id, which draws again",
    }),
  );
  return [...exhausted, ...cutOffProblems(reach)];
}

/** The first node in the name of what was drawn: `r1`, `port r1:eth1`, `bridge r1:eth1 r2:eth1`. */
const nodeIn = (name: string): string => name.replace(/^(interface|port|bridge) /, "").split(/[: ]/)[0] ?? "";

/** One problem for the first node that is cut off: what cures it most often cures the rest. */
function cutOffProblems(reach: Reach): readonly Found[] {
  const [first] = reach.cutOff;
  if (first === undefined) return [];
  const [name, missing] = first;
  const shown =
    missing.length > 5 ? `${missing.slice(0, 5).join(", ")} and ${missing.length - 5} more` : missing.join(", ");
  return [
    {
      at: ["nodes", name],
      message: `"${name}" cannot reach ${shown}: only routers forward, and no path of routers leads there`,
      suggestion: "put a router between",
    },
  ];
}
