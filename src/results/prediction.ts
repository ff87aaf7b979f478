// What the timers predict, before any event is looked at: a leader that can no longer be heard is complained about after
// forward plus complain timeout, and the new leader's first batch waits for the batch interval (reference section 16.1, rows
// 1a, 1b and 4). The tolerance is one tick (rows 2 and 3 are milliseconds and, for an in-flight proposal, one or two ticks)
// and one batch interval: a full batch does not wait, and the oldest request was already so old when the fault struck.
import { microseconds, type Duration } from "../base/index.js";
import type { Experiment } from "../spec/index.js";
import type { Cast } from "./cast.js";
import { cutsOff, type FaultRow } from "./fault-log.js";

export interface Prediction {
  readonly outage: Duration;
  readonly tolerance: Duration;
  readonly formula: string;
}

/** Undefined where the timers say nothing: no load, no fault, or a fault that leaves the leader a way out. */
export function predictionFor(rows: readonly FaultRow[], cast: Cast, experiment: Experiment): Prediction | undefined {
  const { timers } = cast;
  const first = rows.find((row) => row.effectiveAt !== undefined);
  if (first === undefined || experiment.workload.ratePerSecond <= 0 || timers.leaderRotation) return undefined;
  const together = rows.filter((row) => row.effectiveAt !== undefined && row.fault === first.fault);
  if (!cutsOff(first.leader, first.fault === undefined ? [first] : together, cast)) return undefined;
  const { requestForwardTimeout, requestComplainTimeout, requestBatchMaxInterval } = timers;
  const outage = microseconds(requestForwardTimeout + requestComplainTimeout + requestBatchMaxInterval);
  const seconds = (duration: Duration): string => `${duration / 1_000_000} s`;
  const formula = `forward ${seconds(requestForwardTimeout)} + complain ${seconds(requestComplainTimeout)} + batch ${seconds(requestBatchMaxInterval)}`;
  return { outage, tolerance: microseconds(timers.tickInterval + requestBatchMaxInterval), formula };
}
