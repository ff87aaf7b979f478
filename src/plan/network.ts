// The topology as a graph with every number drawn: who is joined to whom, under which addresses, names and indexes.
// 10.0.0.0/8 is split in two: loopbacks live in the lower half, 10.0.0.0/9; links in the upper, 10.128.0.0/9, whose own
// lower half holds the /30 of links between two nodes and upper half a /20 for each switch. Reads on in plan-for.ts.
import type { EndpointName, Topology, TopologyLink, TopologyNode } from "../spec/index.js";
import { type Collision, type Draw, drawnFrom, type Pool } from "./draw.js";

/** One interface of a node, with all that was drawn for it. */
export interface Attachment {
  readonly node: string;
  readonly interface: string;
  /** Index into `Topology.links`. */
  readonly link: number;
  readonly mtu: number;
  /** IPv4 address without length. */
  readonly ip: string;
  readonly prefixLength: number;
  readonly mac: string;
  readonly index: number;
  readonly port: string;
  readonly portIndex: number;
  /** The segment it is on: see `Segment.name`. */
  readonly segment: string;
}

/** One broadcast domain: a link between two nodes, or a switch with all its links. */
export interface Segment {
  readonly kind: "link" | "switch";
  /** The link's two endpoints, sorted, or the switch's name. */
  readonly name: string;
  readonly bridge: string;
  readonly bridgeIndex: number;
  readonly subnet: string;
  /** In order of the topology's links. */
  readonly attachments: readonly Attachment[];
}

export interface Placed {
  readonly each: Attachment;
  readonly segment: Segment;
}

export interface Network {
  readonly loopbacks: ReadonlyMap<string, string>;
  /** In order of the topology's links; a switch stands where its first link does, and last when it has none. */
  readonly segments: readonly Segment[];
  /** The same by node, in order of the segments: each interface with what it is on. */
  readonly placed: ReadonlyMap<string, readonly Placed[]>;
  readonly collisions: readonly Collision[];
  /** What a pool had no slot for. */
  readonly exhausted: readonly Exhausted[];
}

export interface Exhausted {
  readonly what: string;
  readonly name: string;
  /** Slots of the pool, and how many of them are taken. */
  readonly size: number;
  readonly taken: number;
}

const loopbackPool: Pool = { what: "loopback address", size: 128 * 256 * 254 };
const linkPool: Pool = { what: "link network", size: 2 ** 20 };
const switchPool: Pool = { what: "switch network", size: 2 ** 10 };
const switchPrefixLength = 20;
const macPool: Pool = { what: "MAC address", size: 2 ** 40 };
/** Below 1000 are the kernel's own choices (loopbacks, tunnels); 2^30 leaves room below the sign bit for all tools. */
const indexMin = 1_000;
const indexPool: Pool = { what: "interface index", size: 2 ** 30 - indexMin };
const namePool: Pool = { what: "interface name", size: 2 ** 32 };
/** IFNAMSIZ without its terminator (linux/if.h). */
const nameBytesMax = 15;

interface End extends EndpointName {
  readonly link: number;
  readonly mtu: number;
  readonly name: string;
  readonly seed: string;
}

interface Group {
  readonly kind: "link" | "switch";
  readonly name: string;
  readonly seed: string;
  readonly ends: readonly End[];
}

export function networkFor(topology: Topology): Network {
  const groups = groupsOf(topology);
  const ends = groups.flatMap((group) => group.ends);
  const draws = new Draws();
  const members = topology.nodes.filter((node) => node.kind !== "switch");
  const loopbacks = draws.from(
    loopbackPool,
    members.map((node) => ({ name: node.name, seed: seedOf(node) })),
  );
  const subnets = subnetsFor(groups, draws);
  const macs = draws.from(macPool, ends);
  const indexes = draws.from(indexPool, [
    ...ends.flatMap((end) => [prefixed("interface ", end), prefixed("port ", end)]),
    ...groups.map((group) => prefixed("bridge ", group)),
  ]);
  const names = namesFor(groups, draws);
  const index = (name: string): number => indexMin + (indexes.get(name) ?? 0);
  const segments = groups.map((group): Segment => {
    const subnet = subnets.get(group.name) ?? { base: 0, prefixLength: 32, hosts: new Map() };
    return {
      kind: group.kind,
      name: group.name,
      bridge: names.get(`bridge ${group.name}`) ?? "",
      bridgeIndex: index(`bridge ${group.name}`),
      subnet: `${ipText(subnet.base)}/${subnet.prefixLength}`,
      attachments: group.ends.map((end) => ({
        node: end.node,
        interface: end.interface,
        link: end.link,
        mtu: end.mtu,
        ip: ipText(subnet.base + (subnet.hosts.get(end.name) ?? 0)),
        prefixLength: subnet.prefixLength,
        mac: macText(macs.get(end.name) ?? 0),
        index: index(`interface ${end.name}`),
        port: names.get(`port ${end.name}`) ?? "",
        portIndex: index(`port ${end.name}`),
        segment: group.name,
      })),
    };
  });
  return {
    loopbacks: new Map([...loopbacks].map(([name, slot]) => [name, loopbackText(slot)])),
    segments,
    placed: placedIn(segments),
    collisions: draws.collisions,
    exhausted: draws.exhausted,
  };
}

function placedIn(segments: readonly Segment[]): ReadonlyMap<string, readonly Placed[]> {
  const placed = new Map<string, Placed[]>();
  for (const segment of segments) {
    for (const each of segment.attachments) {
      const known = placed.get(each.node);
      if (known === undefined) placed.set(each.node, [{ each, segment }]);
      else known.push({ each, segment });
    }
  }
  return placed;
}

/** Several draws whose collisions and failures are gathered in one place. */
class Draws {
  readonly collisions: Collision[] = [];
  readonly exhausted: Exhausted[] = [];

  from(pool: Pool, draws: readonly Draw[]): ReadonlyMap<string, number> {
    const { slots, collisions, exhausted } = drawnFrom(pool, draws);
    this.collisions.push(...collisions);
    const { what, size } = pool;
    this.exhausted.push(...exhausted.map((name) => ({ what, name, size, taken: slots.size })));
    return slots;
  }
}

const seedOf = (node: TopologyNode): string => node.id ?? node.name;
const prefixed = (prefix: string, draw: Draw): Draw => ({ name: prefix + draw.name, seed: prefix + draw.seed });

function groupsOf(topology: Topology): readonly Group[] {
  const nodes = new Map(topology.nodes.map((node) => [node.name, node]));
  const groups = new Map<string, { kind: Group["kind"]; name: string; seed: string; ends: End[] }>();
  for (const [index, link] of topology.links.entries()) {
    const switchNode = link.endpoints.map((end) => nodes.get(end.node)).find((node) => node?.kind === "switch");
    const ends = endsOf(link, index, nodes).filter((end) => end.node !== switchNode?.name);
    const name = switchNode?.name ?? sorted(ends.map((end) => end.name)).join(" ");
    const seed = switchNode === undefined ? sorted(ends.map((end) => end.seed)).join(" ") : seedOf(switchNode);
    const group = groups.get(name) ?? { kind: switchNode === undefined ? "link" : "switch", name, seed, ends: [] };
    group.ends.push(...ends);
    groups.set(name, group);
  }
  for (const node of topology.nodes) {
    if (node.kind === "switch" && !groups.has(node.name)) {
      groups.set(node.name, { kind: "switch", name: node.name, seed: seedOf(node), ends: [] });
    }
  }
  return [...groups.values()];
}

function endsOf(link: TopologyLink, index: number, nodes: ReadonlyMap<string, TopologyNode>): readonly End[] {
  return link.endpoints.map((endpoint) => {
    const node = nodes.get(endpoint.node);
    return {
      ...endpoint,
      link: index,
      mtu: link.mtu,
      name: `${endpoint.node}:${endpoint.interface}`,
      seed: `${node === undefined ? endpoint.node : seedOf(node)}:${endpoint.interface}`,
    };
  });
}

interface Subnet {
  readonly base: number;
  readonly prefixLength: number;
  /** Host part by endpoint name. */
  readonly hosts: ReadonlyMap<string, number>;
}

function subnetsFor(groups: readonly Group[], draws: Draws): ReadonlyMap<string, Subnet> {
  const links = draws.from(
    linkPool,
    groups.filter((group) => group.kind === "link"),
  );
  const switches = draws.from(
    switchPool,
    groups.filter((group) => group.kind === "switch"),
  );
  const subnets = new Map<string, Subnet>();
  for (const [name, slot] of links) {
    const [first = "", second = ""] = name.split(" ");
    const hosts = new Map([
      [first, 1],
      [second, 2],
    ]);
    subnets.set(name, { base: ipNumber(10, 128) + slot * 4, prefixLength: 30, hosts });
  }
  for (const [name, slot] of switches) {
    // Hosts of a switch are hashed too, in a net large enough that 75 nodes have even odds of no collision.
    const pool = { what: `address on switch ${name}`, size: 2 ** (32 - switchPrefixLength) - 2 };
    const slots = draws.from(pool, groups.find((group) => group.name === name)?.ends ?? []);
    const hosts = new Map([...slots].map(([end, host]) => [end, host + 1]));
    const base = ipNumber(10, 192) + slot * 2 ** (32 - switchPrefixLength);
    subnets.set(name, { base, prefixLength: switchPrefixLength, hosts });
  }
  return subnets;
}

/**
 * Names in the switchboard: readable where they fit, else a hash. All hold a dot or a tilde, which no node's name may, so
 * that neither two of them are alike nor one is a word of `ip` (`dev`, `up`, `master`).
 */
function namesFor(groups: readonly Group[], draws: Draws): ReadonlyMap<string, string> {
  const readable = new Map<string, string>();
  const hashed: (Draw & { readonly prefix: string })[] = [];
  for (const group of groups) {
    const bridge = prefixed("bridge ", group);
    if (group.kind === "link") hashed.push({ ...bridge, prefix: "link~" });
    else if (`sw~${group.name}`.length <= nameBytesMax) readable.set(bridge.name, `sw~${group.name}`);
    else hashed.push({ ...bridge, prefix: "switch~" });
    for (const end of group.ends) {
      const port = prefixed("port ", end);
      const name = `${end.node}.${end.interface}`;
      if (name.length <= nameBytesMax) readable.set(port.name, name);
      else hashed.push({ ...port, prefix: `${end.node.slice(0, 6)}~` });
    }
  }
  const slots = draws.from(namePool, hashed);
  const prefixes = new Map(hashed.map(({ name, prefix }) => [name, prefix]));
  for (const [name, slot] of slots) {
    readable.set(name, `${prefixes.get(name) ?? ""}${slot.toString(16).padStart(8, "0")}`);
  }
  return readable;
}

const sorted = (texts: readonly string[]): readonly string[] =>
  texts.toSorted((a, b) => (a < b ? -1 : a === b ? 0 : 1));
const ipNumber = (first: number, second: number): number => (first * 256 + second) * 65_536;

/** No shifts: addresses are above 2^31 in general, where they turn negative. */
function ipText(address: number): string {
  return [16_777_216, 65_536, 256, 1].map((unit) => Math.floor(address / unit) % 256).join(".");
}

/** The last byte is never 0 or 255, which people take for a network or a broadcast. */
function loopbackText(slot: number): string {
  return ipText(ipNumber(10, 0) + Math.floor(slot / 254) * 256 + (slot % 254) + 1);
}

/** Locally administered, unicast: the first byte is 02. */
function macText(slot: number): string {
  const digits = slot.toString(16).padStart(10, "0");
  return ["02", ...(digits.match(/../g) ?? [])].join(":");
}
