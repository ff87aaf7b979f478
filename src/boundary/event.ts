// Events: one fact, one instant, one clock. A line of NDJSON each; results come from these alone.
//
// `at` is integer microseconds of CLOCK_MONOTONIC when the fact was true for who states it (for kernel events: when the
// line was received). `node` is the member of the lab it is about, or "" for the lab itself. The file's first line is
// `environment`, and carries the format.
import type { Duration, Instant } from "../base/index.js";
import type { Component, Fact, MessageType, Misbehaviour, Step } from "../smartbft/index.js";

export const eventFormat = 1;

interface Stamp {
  readonly at: Instant;
  readonly node: string;
}

/** First event of a run. Versions are as the tools print them; "absent" where a tool is not there. */
export interface EnvironmentEvent extends Stamp {
  readonly kind: "environment";
  readonly format: typeof eventFormat;
  readonly clock: "monotonic" | "virtual";
  readonly runtime: "netns" | "docker" | "sim";
  readonly lab: string;
  readonly versions: Readonly<Record<string, string>>;
  /** Wall time of `at`, ISO 8601: only to find a run again; nothing is computed from it. */
  readonly wallTime: string;
}

/** Phases of a run's life, stamped by the agent: ready, workload-started, warm, timeline-started, timeline-ended, stopped. */
export interface PhaseEvent extends Stamp {
  readonly kind: "phase";
  readonly phase:
    | "ready"
    | "workload-started"
    | "warm"
    | "timeline-started"
    | "timeline-ended"
    | "workload-stopped"
    | "stopped";
}

/**
 * What a fault does. `process-…`: to the node's service alone; `frr-kill`: to its routing daemons alone; `node-…`: to everything
 * in it, its network included (a container, or the processes and the namespace that a node is elsewhere). `byzantine`: an
 * orderer misbehaves, and says so.
 */
export const faultKinds = [
  "interface-down",
  "process-kill",
  "process-pause",
  "frr-kill",
  "node-stop",
  "node-kill",
  "node-pause",
  "node-restart",
  "byzantine",
] as const;
export type FaultKind = (typeof faultKinds)[number];
export type NodeFaultKind = Extract<FaultKind, `node-${string}`>;
export type HowDown = "admin" | "carrier" | "blackhole" | "one-way";
/** Of interface-down and of byzantine; other faults are done in one way only, "". */
export type FaultHow = HowDown | Misbehaviour | "";

/** The life of one fault: requested → effective (read back) → healed (read back); or failed. */
export interface FaultEvent extends Stamp {
  readonly kind: "fault";
  readonly state: "requested" | "effective" | "heal-requested" | "healed" | "failed";
  /** Number of the fault within the lab, from 1. */
  readonly fault: number;
  readonly what: FaultKind;
  readonly how: FaultHow;
  /** Endpoint `node:eth1`, or a node's name for all but interface faults: what the target resolved to. */
  readonly target: string;
  /** As written: `leader`, `follower`, `orderer1:eth1`. */
  readonly asked: string;
  /** When it was due; absent for faults typed by hand. */
  readonly dueAt?: Instant;
  /**
   * effective - due; a fault later than 5 ms marks its run. A fault of a whole node takes time by its nature (many
   * processes end, an engine is asked): it is late by when it was ordered, and `at` says when it was done.
   */
  readonly lateness?: Duration;
  /** What was read back, or why it failed. */
  readonly detail: string;
}

/** A change that nobody requested through the testbed: of a link's state, or of a whole node. */
export interface ObservedEvent extends Stamp {
  readonly kind: "observed";
  /** Absent: an interface. A node that has ended is `node-stop`, whatever ended it. */
  readonly what?: "node-stop" | "node-pause";
  /** A node's name where a whole node changed. */
  readonly endpoint: string;
  readonly how: HowDown | "";
  readonly state: "down" | "up";
}

/** Kernel: RTM_NEWLINK / RTM_DELLINK as seen in the node's namespace; ports of the switchboard have node "". */
export interface LinkEvent extends Stamp {
  readonly kind: "link";
  readonly interface: string;
  readonly admin: "up" | "down";
  readonly carrier: boolean;
  readonly deleted: boolean;
}

/** Kernel: RTM_NEWROUTE / RTM_DELROUTE in the node's namespace. */
export interface RouteEvent extends Stamp {
  readonly kind: "route";
  readonly action: "added" | "deleted";
  readonly destination: string;
  readonly via: string;
  readonly interface: string;
  readonly protocol: string;
}

/** Transport: what happened to a connection or stream, as its owner saw it. */
export interface StreamEvent extends Stamp {
  readonly kind: "stream";
  readonly peer: string;
  readonly service: "cluster" | "broadcast" | "deliver";
  readonly state:
    | "connecting"
    | "ready"
    | "idle"
    | "transient-failure"
    | "opened"
    | "closed"
    | "dropped"
    | "send-timeout";
  readonly detail: string;
}

/** Transport: one TCP connection as the kernel ended or established it, seen by the socket's owner. */
export interface SocketEvent extends Stamp {
  readonly kind: "socket";
  readonly local: string;
  readonly remote: string;
  readonly state: "connected" | "fin" | "error" | "closed";
  /** errno name where there is one: ECONNRESET, ETIMEDOUT, EHOSTUNREACH. */
  readonly detail: string;
}

/** Consensus: one message in or out of a replica. */
export interface MessageEvent extends Stamp {
  readonly kind: "message";
  readonly direction: "in" | "out";
  readonly other: string;
  readonly type: MessageType | "unknown";
  readonly view?: number;
  readonly sequence?: number;
  readonly assist?: boolean;
  /** Of a Prepare or Commit: what it votes for, the first 16 hexadecimal characters. */
  readonly digest?: string;
  readonly decision?: string;
  readonly effects?: readonly string[];
}

/** Consensus: a step of a replica. */
export interface StepEvent extends Stamp {
  readonly kind: "step";
  readonly component: Component;
  readonly step: Step;
  readonly facts: Readonly<Record<string, Fact>>;
}

/** A block stored durably: at an orderer when delivered or synced, at a peer when committed. */
export interface BlockEvent extends Stamp {
  readonly kind: "block";
  readonly role: "orderer" | "peer";
  readonly number: number;
  /** Hex SHA-256 of the header's DER. */
  readonly hash: string;
  readonly previousHash: string;
  readonly view: number;
  readonly bytes: number;
  /** Transaction ids in block order. */
  readonly transactions: readonly string[];
  /** Indexes of transactions a peer marked invalid as duplicates. */
  readonly duplicates: readonly number[];
  /** "decision", "sync" (orderers) or the orderer's name that a peer pulled it from. */
  readonly source: string;
}

/** A peer starts or leaves a block source. */
export interface SourceEvent extends Stamp {
  readonly kind: "source";
  readonly orderer: string;
  readonly state: "trying" | "pulling" | "left";
  readonly reason: string;
}

/** A client's transaction: intended, written to an orderer, answered by it. */
export interface RequestEvent extends Stamp {
  readonly kind: "request";
  readonly transaction: string;
  readonly state: "invoked" | "accepted" | "refused" | "unanswered";
  /** Intended send time (open loop): latency is measured from here. */
  readonly intendedAt: Instant;
  /** Orderer that answered; "" for `invoked`. */
  readonly orderer: string;
  readonly detail: string;
}

/** A process of a node started, answered as ready, or ended. */
export interface ProcessEvent extends Stamp {
  readonly kind: "process";
  /** A daemon of FRR, the kind of a service, or `node`: the node as a whole, when it ended, began again, and was whole again. */
  readonly process: string;
  readonly pid: number;
  readonly state: "started" | "ready" | "ended";
  readonly detail: string;
}

/** What the run measured about itself. */
export interface ProbeEvent extends Stamp {
  readonly kind: "probe";
  readonly probe: "clock" | "delay" | "rate" | "loss" | "pressure" | "queue-drops" | "carrier-delay" | "pool";
  /** What it is about: a link, an interface, a node. */
  readonly subject: string;
  readonly asked: number | "";
  readonly measured: number;
  readonly unit: "us" | "kbit/s" | "percent" | "count";
}

export interface LogEvent extends Stamp {
  readonly kind: "log";
  readonly process: string;
  readonly text: string;
}

export type Event =
  | EnvironmentEvent
  | PhaseEvent
  | FaultEvent
  | ObservedEvent
  | LinkEvent
  | RouteEvent
  | StreamEvent
  | SocketEvent
  | MessageEvent
  | StepEvent
  | BlockEvent
  | SourceEvent
  | RequestEvent
  | ProcessEvent
  | ProbeEvent
  | LogEvent;

export type EventKind = Event["kind"];
export type EventOf<K extends EventKind> = Extract<Event, { kind: K }>;
