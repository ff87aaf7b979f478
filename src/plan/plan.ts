// Plan: the topology with every value decided. Pure, deterministic, printable. What a lab does is written here as data:
// the lab carries it out, `testbed plan` prints it, tests hold it as golden files. Keys are not planned: made at `up`.
import type { ClientConfig, OrdererConfig, PeerConfig, TransportSettings } from "../boundary/index.js";
import type { HostSettings, Impairment, NodeKind, NodeLimits, Routing, Topology } from "../spec/index.js";

export const planFormat = 1;

export interface PlannedInterface {
  /** Name inside the node's namespace, like `eth1`. */
  readonly name: string;
  /** Kernel interface index in the node's namespace: unique in the whole lab (design 6.3). */
  readonly index: number;
  readonly mac: string;
  /** IPv4 address with prefix length, like `10.130.7.1/30`, or /20 at a switch. */
  readonly address: string;
  readonly mtu: number;
  /** Its end in the switchboard. */
  readonly port: string;
  readonly portIndex: number;
  /** Index into Plan.links, or -1 where it is a port of a switch. */
  readonly link: number;
  /** `node:interface` at the far end; empty for a switch. */
  readonly far: string;
}

/** Text of a file, by its path relative to the node's run directory or to /etc/frr. */
export interface PlannedFrr {
  /**
   * Daemons in start order: zebra, then staticd or ospfd, bfdd. The next one starts when zebra's socket (`zserv.api`) is
   * there: a daemon that comes before it tries again only after 10 s.
   */
  readonly daemons: readonly string[];
  /** frr.conf, complete. */
  readonly configuration: string;
}

type Unplanned = "privateKeyFile" | "dataDirectory" | "controlSocket" | "consenters" | "clients" | "seed" | "tickPhase";

/** A service's configuration without what is made at `up`: keys, paths, the seed of the run. */
export type PlannedService =
  | Omit<OrdererConfig, Unplanned>
  | Omit<PeerConfig, Unplanned>
  | Omit<ClientConfig, Unplanned>;

export interface PlannedNode {
  readonly name: string;
  readonly kind: NodeKind;
  /** /32 without length, like `10.0.1.7`; empty for a switch. */
  readonly loopback: string;
  readonly interfaces: readonly PlannedInterface[];
  /**
   * `net.ipv4.ip_forward=1` and the like, in order; written before `wiring`, as an interface copies the defaults of its
   * namespace when it is created. Those of `net.ipv6` may be missing in a kernel, the rest may not.
   */
  readonly sysctls: readonly string[];
  readonly frr: PlannedFrr | undefined;
  readonly service: PlannedService | undefined;
  /** Command of a `host`; empty where its image has one. */
  readonly command: readonly string[];
  /** Image, files and environment that a `host` brings along. */
  readonly host: HostSettings;
  readonly limits: NodeLimits;
  /**
   * Prefixes with length that must be in the node's table before `up` ends: with OSPF the loopback (/32) of every other
   * node that a path of routers leads to, with static routing those that the topology writes.
   */
  readonly routesExpected: readonly string[];
}

export interface PlannedEnd {
  readonly node: string;
  readonly interface: string;
  readonly port: string;
}

/** Two ports joined by a bridge in the switchboard. */
export interface PlannedLink {
  /** Bridge in the switchboard. */
  readonly bridge: string;
  readonly bridgeIndex: number;
  readonly ends: readonly [PlannedEnd, PlannedEnd];
  readonly subnet: string;
  readonly carrier: "propagate" | "isolate";
  readonly impairment: Impairment;
}

/** A switch node: one bridge in the switchboard with all its ports. */
export interface PlannedSwitch {
  readonly node: string;
  readonly bridge: string;
  readonly bridgeIndex: number;
  readonly subnet: string;
  readonly ports: readonly PlannedEnd[];
}

/** One line for a batch of `ip`, `tc` or `nft`, without the command itself. */
export interface Step {
  readonly tool: "ip" | "tc" | "nft";
  /** Namespace the line runs in: "" is the switchboard, else a node's name. */
  readonly namespace: string;
  readonly line: string;
}

/** The ordered lines of `up`, in stages that may not overlap; lines of one stage and namespace go into one batch. */
export interface PlannedSteps {
  /** Namespaces to create, in order, each with the sysctls of its node: every node but switches. */
  readonly namespaces: readonly string[];
  /** Settings of the switchboard's own namespace, written like a node's: after `namespaces`, before `wiring`. */
  readonly switchboardSysctls: readonly string[];
  /** Links, bridges: in the switchboard. */
  readonly wiring: readonly Step[];
  /** Addresses and link up, in each node. */
  readonly addressing: readonly Step[];
  /** Impairments, in the switchboard; empty when no link asks for any. */
  readonly impairments: readonly Step[];
}

export interface Plan {
  readonly format: typeof planFormat;
  readonly lab: string;
  readonly profile: string;
  readonly channel: string;
  readonly transport: TransportSettings;
  readonly routing: Routing;
  readonly nodes: readonly PlannedNode[];
  readonly links: readonly PlannedLink[];
  readonly switches: readonly PlannedSwitch[];
  /** Names whose hash collided and were rehashed, for the user to settle by `id:`. */
  readonly collisions: readonly string[];
  /** What the kernel must have: `sch_netem`, `sch_tbf`. */
  readonly requirements: readonly string[];
  readonly steps: PlannedSteps;
  /** The canonical topology this was made from. */
  readonly topology: Topology;
}
