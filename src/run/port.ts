// What a run needs of a runtime: one coarse verb, so that real time never leaks into the simulator.
// `cli` proves that a runtime fits; implementers do not import this.
import type { Event } from "../boundary/index.js";
import type { Plan } from "../plan/index.js";
import type { Experiment } from "../spec/index.js";

export interface ExecuteOptions {
  /** Number of the repetition, from 1. */
  readonly run: number;
  readonly signal: AbortSignal;
}

/**
 * One repetition from nothing to nothing: yields every event, `environment` first, and returns when the lab is gone.
 * Ends early by throwing; what it created is gone by then too.
 */
export type Execute = (
  plan: Plan,
  experiment: Experiment,
  seed: string,
  options: ExecuteOptions,
) => AsyncIterable<Event>;
