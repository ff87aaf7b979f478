// What a run's events come to: values with instants on the run's clock. CSV, verdict and summary are read from here.
import type { Duration, Instant } from "../base/index.js";
import type { CheckCounts, CheckVerdict, Truth } from "../checks/index.js";
import type { Plan } from "../plan/index.js";
import type { Experiment } from "../spec/index.js";
import type { FaultRow } from "./fault-log.js";
import type { MachineSummary, ProbeRow } from "./machine.js";
import type { Phases } from "./phases.js";
import type { Prediction } from "./prediction.js";
import type { RequestCounts, RequestRow } from "./requests.js";
import type { Outage } from "./service.js";
import type { TimeseriesRow } from "./timeseries.js";
import type { ViewChange } from "./views.js";

export interface RunContext {
  /** Repetition, from 1. */
  readonly run: number;
  readonly experiment: Experiment;
  readonly plan: Plan;
  /** The repetition's own seed. */
  readonly seed: string;
  /** Commit of the testbed, with "-dirty" where the tree was; "" when unknown. */
  readonly commit: string;
}

export interface LatencySummary {
  readonly count: number;
  readonly p50: Duration | undefined;
  readonly p99: Duration | undefined;
  readonly max: Duration | undefined;
}

export interface MeasuredOutage {
  readonly outage: Outage;
  readonly phases: Phases;
}

export interface MeasuredViewChange {
  readonly change: ViewChange;
  readonly detectedAt: Instant | undefined;
  readonly installedAt: Instant | undefined;
}

export interface RunResult {
  readonly run: number;
  readonly experiment: string;
  readonly topology: string;
  readonly profile: string;
  readonly seed: string;
  readonly commit: string;
  readonly ratePerSecond: number;
  readonly sizeBytes: number;
  /** When the load was started: zero of every `_at_ms` column. Undefined when no event says so. */
  readonly startedAt: Instant | undefined;
  /** First change that took effect: zero of every `_after_ms` column. */
  readonly firstFault: FaultRow | undefined;
  readonly faults: readonly FaultRow[];
  readonly viewChanges: readonly MeasuredViewChange[];
  /** View changes that a quorum installed after the first fault; undefined when no orderer stated a view. */
  readonly viewChangeCount: number | undefined;
  readonly viewFrom: number | undefined;
  readonly viewTo: number | undefined;
  readonly outages: readonly MeasuredOutage[];
  /** Zero when new work was committed after the fault without a gap over the threshold; undefined when it cannot be told. */
  readonly outage: Duration | undefined;
  readonly outageThreshold: Duration;
  readonly largestGapBefore: Duration | undefined;
  readonly largestGapAfter: Duration | undefined;
  readonly prediction: Prediction | undefined;
  readonly isPredicted: boolean | undefined;
  readonly explanation: readonly string[];
  readonly requestCounts: RequestCounts;
  readonly counts: CheckCounts;
  readonly latencies: {
    readonly before: LatencySummary;
    readonly during: LatencySummary;
    readonly after: LatencySummary;
  };
  readonly machine: MachineSummary;
  readonly probes: readonly ProbeRow[];
  /** Orderers that others were ahead of at the end. */
  readonly stragglers: readonly string[];
  readonly throughputBefore: number | undefined;
  readonly throughputAfter: number | undefined;
  readonly checks: readonly CheckVerdict[];
  readonly verdict: Truth;
  /** Rows that were not taken while the run was folded. */
  readonly requests: readonly RequestRow[];
  readonly timeseries: readonly TimeseriesRow[];
}
