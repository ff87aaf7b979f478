// A schedule: everything that happens to one fuzzed cluster, as a value. What a seed draws (draw.ts), what run.ts does,
// what shrink.ts makes smaller and what a seed file holds. Times are milliseconds of virtual time; nodes are numbers.
import type { Step } from "../../smartbft/index.js";

export const faultKinds = [
  "cut",
  "isolate",
  "partition",
  "loss",
  "delay",
  "duplicate",
  "reorder",
  "crash",
  "slowDisk",
  "complain",
  "burst",
  "reconfigure",
  "byzantine",
  "heal",
] as const;
export type FaultKind = (typeof faultKinds)[number];

/** A node by number, or by what it is when the fault fires: `here` is where the step was taken, `next` leads the view after. */
export type Target = number | "leader" | "next" | "here";

export type Fault =
  /** Messages from one to the other vanish; both ways or one. */
  | { readonly kind: "cut"; readonly source: Target; readonly target: Target; readonly both: boolean }
  /** All that it says, all that it hears, or both. */
  | { readonly kind: "isolate"; readonly node: Target; readonly way?: "out" | "in" }
  /** The nodes named on one side, all others on the other. */
  | { readonly kind: "partition"; readonly nodes: readonly number[] }
  | { readonly kind: "loss"; readonly source: Target; readonly target: Target; readonly percent: number }
  | {
      readonly kind: "delay";
      readonly source: Target;
      readonly target: Target;
      readonly delayMs: number;
      readonly jitterMs: number;
    }
  | { readonly kind: "duplicate"; readonly source: Target; readonly target: Target; readonly percent: number }
  | { readonly kind: "reorder"; readonly source: Target; readonly target: Target; readonly percent: number }
  /** The process dies, loses what was not synced, and is started again. */
  | { readonly kind: "crash"; readonly node: Target }
  | { readonly kind: "slowDisk"; readonly node: Target; readonly fsyncMs: number }
  /** The application complains about the leader. */
  | { readonly kind: "complain"; readonly node: Target | "all" }
  /** So many requests at once, at one node or at all. */
  | { readonly kind: "burst"; readonly count: number; readonly node: Target | "all" }
  /** A configuration request: add, remove, tenure-0, tenure-3, touch (ledger.ts). */
  | { readonly kind: "reconfigure"; readonly order: string }
  /** All of them at once: in league (behaviours.ts), or each in a wrapper (smartbft/byzantine). */
  | { readonly kind: "byzantine"; readonly nodes: readonly number[]; readonly behaviour: string }
  /** All faults of the network end now. */
  | { readonly kind: "heal" };

/**
 * When a fault fires: at an instant, or at the `count`-th occurrence of a step anywhere, and then `delayMs` later. `chained`:
 * it counts from when the event before it in the list has fired.
 */
export type Trigger =
  | { readonly at: "time"; readonly ms: number }
  | {
      readonly at: "step";
      readonly step: Step;
      readonly count: number;
      readonly delayMs: number;
      readonly chained?: true;
    };

export interface Event {
  readonly when: Trigger;
  readonly fault: Fault;
  /** How long it lasts; absent for what has no end of its own. */
  readonly forMs?: number;
}

export interface Setting {
  readonly size: number;
  readonly fidelity: "library" | "improved";
  /** 0: rotation off. */
  readonly decisionsPerLeader: number;
  readonly speedUpViewChange: boolean;
  readonly syncOnStart: boolean;
  /** As in Fabric: commit signatures carry no auxiliary data. */
  readonly emptyAuxiliary: boolean;
  readonly linkDelayMs: number;
  readonly jitterMs: number;
  readonly fsyncMs: number;
  readonly verifyMs: number;
  readonly requestsPerSecond: number;
  readonly actOneMs: number;
  /** Faulty nodes (down or Byzantine) at one time; undefined: as many as the members tolerate. */
  readonly budget?: number;
  /** Who is healed in the second act; the others stay cut off. A quorum at least. */
  readonly healed: readonly number[];
}

export interface Schedule {
  readonly seed: number;
  readonly setting: Setting;
  readonly events: readonly Event[];
}
