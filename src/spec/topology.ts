// Topology: what a user writes, in canonical form. Every default of the file itself is filled in here (profile, kinds,
// units turned into numbers); what needs the whole graph (addresses, indexes, routes) is decided by `plan`.
import type { Duration } from "../base/index.js";
import type { Implementation, TransportSettings } from "../boundary/index.js";
import type { ProtocolOptions } from "../smartbft/index.js";

export type NodeKind = "orderer" | "peer" | "client" | "router" | "switch" | "host";
export type ProfileName = "fabric" | "library" | "fast";

/** Everything a profile names: protocol timers, transport, and the peer's own timers. */
export interface Profile {
  readonly name: ProfileName;
  readonly protocol: ProtocolOptions;
  readonly transport: TransportSettings;
  readonly peer: PeerTimers;
}

export interface PeerTimers {
  readonly censorshipTimeout: Duration;
  readonly reconnectBackoffBase: Duration;
  readonly reconnectBackoffMax: Duration;
}

/** Settings that a file itself writes, on top of a profile or of another file. Absent keys are not overridden. */
export interface Overrides {
  readonly protocol: Partial<ProtocolOptions>;
  readonly transport: Partial<TransportSettings>;
  readonly peer: Partial<PeerTimers>;
}

/** Impairment of one direction of a link; zero means none. Becomes netem (delay, jitter, loss) and tbf (rate). */
export interface Impairment {
  readonly delay: Duration;
  readonly jitter: Duration;
  readonly lossPercent: number;
  /** 0: as fast as the kernel goes. */
  readonly rateKbit: number;
}

export interface EndpointName {
  readonly node: string;
  /** Empty for a switch, whose ports have no names. */
  readonly interface: string;
}

export interface TopologyNode {
  readonly name: string;
  readonly kind: NodeKind;
  /** Overrides the hash of the name from which addresses are drawn (design 6.15); undefined: by name. */
  readonly id: string | undefined;
  /** Consenter id of an orderer: written, or by order of natural name among orderers. 0 for other kinds. */
  readonly ordererId: number;
  /** Orderers: which replica runs; `testbed` for other kinds. */
  readonly implementation: Implementation;
  /** Orderers: the protocol after profile, topology and node overrides. Same object for other kinds. */
  readonly protocol: ProtocolOptions;
  /** What the node itself writes under `protocol`: kept so that another profile can be laid beneath it. */
  readonly written: Partial<ProtocolOptions>;
  /** Peers: preferred block sources as written: orderer names, "leader" or "follower". */
  readonly blockSources: readonly string[];
  /** Command of a host, empty for others, and for a host that leaves it to its image. */
  readonly command: readonly string[];
  readonly host: HostSettings;
  readonly limits: NodeLimits;
  /** Static routes, only with `routing.protocol: static`. */
  readonly routes: readonly StaticRoute[];
}

/** What a host brings along; empty for other kinds. */
export interface HostSettings {
  /** Image of its own, as the engine names it; empty: the lab's. */
  readonly image: string;
  /** Texts of files by their absolute paths in the node. */
  readonly files: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string>>;
}

/** What a node may use of the machine; 0 means as much as there is. */
export interface NodeLimits {
  /** Processors' time in a second: 0.5 is half of one. */
  readonly cpuCount: number;
  readonly memoryBytes: number;
}

export interface StaticRoute {
  /** A node's name (its loopback) or an IPv4 prefix. */
  readonly to: string;
  /** The neighbour whose link leads there. */
  readonly via: string;
}

export interface TopologyLink {
  readonly endpoints: readonly [EndpointName, EndpointName];
  readonly mtu: number;
  readonly impairment: Impairment;
  readonly carrier: "propagate" | "isolate";
}

export interface OspfTimers {
  readonly helloInterval: Duration;
  readonly deadInterval: Duration;
  readonly spfDelay: Duration;
  readonly spfInitialHold: Duration;
  readonly spfMaximumHold: Duration;
  readonly lsaMinArrival: Duration;
  readonly lsaThrottle: Duration;
  readonly retransmitInterval: Duration;
}

export interface BfdTimers {
  readonly transmitInterval: Duration;
  readonly receiveInterval: Duration;
  readonly detectMultiplier: number;
}

/**
 * How a node finds the hardware address of a neighbour. `learned`: by ARP (RFC 826), so an address that is gone answers "no
 * route to host" after three seconds. `fixed`: known from the start, so what is sent to it vanishes without a word.
 */
export type Neighbours = "learned" | "fixed";

export type Routing = { readonly neighbours: Neighbours } & RoutingProtocol;

type RoutingProtocol =
  | { readonly protocol: "ospf"; readonly ospf: OspfTimers; readonly bfd: BfdTimers | undefined }
  | { readonly protocol: "static" }
  /** Links and addresses, nothing that routes: a node reaches its neighbours alone. */
  | { readonly protocol: "none" };

export interface Topology {
  readonly format: 1;
  readonly name: string;
  readonly profile: ProfileName;
  readonly channel: string;
  readonly protocol: ProtocolOptions;
  readonly transport: TransportSettings;
  readonly peer: PeerTimers;
  /** What the file itself writes: kept so that another profile or an experiment can be laid beneath or on top. */
  readonly written: Overrides;
  readonly routing: Routing;
  readonly nodes: readonly TopologyNode[];
  readonly links: readonly TopologyLink[];
}
