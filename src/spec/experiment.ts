// Experiment: topology + workload + timeline of faults + repetitions + assertions, in canonical form.
import type { Duration } from "../base/index.js";
import type { FaultKind, FaultHow, Workload } from "../boundary/index.js";
import type { Overrides, ProfileName } from "./topology.js";

/** What a fault is aimed at; roles are resolved when it fires, from what the orderers say, and recorded. */
export type Target =
  | { readonly kind: "endpoint"; readonly node: string; readonly interface: string }
  | { readonly kind: "node"; readonly node: string }
  /** The leader, or the n-th orderer (from 1, in id order) that is not the leader; `interface` "" means all of the node's. */
  | {
      readonly kind: "role";
      readonly role: "leader" | "follower";
      readonly ordinal: number;
      readonly interface: string;
    };

export interface FaultSpec {
  readonly what: FaultKind;
  readonly how: FaultHow;
  readonly target: Target;
  /** As written, for events: `leader`, `follower[2]:eth1`. */
  readonly asked: string;
}

export interface TimelineEntry {
  /** After the start of the timeline, before the phase draw is added. */
  readonly at: Duration;
  readonly fault: FaultSpec;
  /** Undefined: until the end of the run. */
  readonly for: Duration | undefined;
}

export type Assertion =
  | { readonly kind: "view-changes"; readonly min: number; readonly max: number }
  | { readonly kind: "outage"; readonly min: Duration; readonly max: Duration }
  | { readonly kind: "committed-all" }
  | { readonly kind: "caught-up"; readonly within: Duration };

export interface Experiment {
  readonly format: 1;
  readonly name: string;
  /** Path of the topology file, relative to the experiment file. */
  readonly topology: string;
  /** Overrides the topology's profile when present. */
  readonly profile: ProfileName | undefined;
  /** On top of profile and topology, beneath what a single node writes: `applyExperiment` lays them. */
  readonly overrides: Overrides;
  readonly workload: Workload;
  /** Load before the timeline starts, after the first commit at a peer. */
  readonly warmUp: Duration;
  /** In the order of the file, which numbers the faults. */
  readonly timeline: readonly TimelineEntry[];
  /** Load goes on for this long after the timeline's start. */
  readonly duration: Duration;
  /** After the load has stopped: time for the last commits and for stragglers to catch up, at most. */
  readonly drain: Duration;
  /** Each repetition shifts every fault by a draw from [0, phase): against ticks, heartbeats and batches. */
  readonly phase: Duration;
  readonly repetitions: number;
  readonly seed: string;
  /** Where the peers pull blocks from: "follower" keeps the peer's own failover out of the outage. */
  readonly blockSource: "follower" | "leader" | "as-topology";
  readonly assertions: readonly Assertion[];
}
