// The contract of the director: an experiment and the events so far → actions that are due. Pure; the agent and the
// simulator host it the same way: feed it every event, call `step` no later than `deadline()`, carry actions out in order.
import type { Instant } from "../base/index.js";
import type { FaultKind, FaultHow, PhaseEvent, Workload } from "../boundary/index.js";

/** A fault with its target resolved to endpoints (`node:eth1`) or, for process faults, to a node's name. */
export interface ResolvedFault {
  readonly what: FaultKind;
  readonly how: FaultHow;
  readonly targets: readonly string[];
  readonly asked: string;
}

export type Action =
  | { readonly kind: "phase"; readonly phase: PhaseEvent["phase"] }
  | { readonly kind: "start-workload"; readonly workload: Workload }
  | { readonly kind: "stop-workload" }
  | { readonly kind: "pin-source"; readonly peer: string; readonly orderer: string }
  | { readonly kind: "inject"; readonly fault: number; readonly resolved: ResolvedFault; readonly dueAt: Instant }
  | { readonly kind: "heal"; readonly fault: number; readonly dueAt: Instant }
  /** The run is over; `problem` says why when it could not do what was asked (a target that does not exist). */
  | { readonly kind: "end"; readonly problem: string };
