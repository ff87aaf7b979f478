// What the timers predict, before any event is looked at: a leader that can no longer be heard is complained about after
// forward plus complain timeout, and the new leader's first batch waits for the batch interval (reference section 16.1, rows
// 1a, 1b and 4). Rows 2 and 3 are milliseconds and, for an in-flight proposal, one or two ticks; so the tolerance is a tick.
import { microseconds, type Duration } from "../base/index.js";
import type { Experiment } from "../spec/index.js";
import { nodeOf, type Cast } from "./cast.js";
import type { FaultRow } from "./fault-log.js";

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
  return { outage, tolerance: timers.tickInterval, formula };
}

/** Whether the rows of one fault leave the node no interface, or no process. */
function cutsOff(node: string, rows: readonly FaultRow[], cast: Cast): boolean {
  if (node === "") return false;
  const cut = new Set<string>();
  for (const row of rows) {
    if (row.what !== "interface-down") {
      if (nodeOf(row.target) === node) return true;
      continue;
    }
    cut.add(row.target);
    const far = cast.far.get(row.target);
    if (far !== undefined) cut.add(far);
  }
  const interfaces = cast.interfaces.get(node) ?? [];
  return interfaces.length > 0 && interfaces.every((each) => cut.has(`${node}:${each}`));
}
