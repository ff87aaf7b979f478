// The CSV files of a results folder. Every column is described in docs/results.md, and a test holds the two together.
// Names end in their unit. `…_at_ms` counts from the start of the load, `…_after_ms` from the first fault's effect; every
// other `…_ms` is a length.
import type { Instant } from "../base/index.js";
import { atMost, cellsOf, column, inMilliseconds, type Cell, type Column } from "./csv.js";
import { planes, type FaultRow, type Plane } from "./fault-log.js";
import type { ProbeRow } from "./machine.js";
import type { PhaseName } from "./phases.js";
import type { RequestRow } from "./requests.js";
import type { LatencySummary, MeasuredOutage, MeasuredViewChange, RunResult } from "./run-result.js";
import type { TimeseriesRow } from "./timeseries.js";
import { votesInOrder, type InFlight } from "./views.js";

export interface CsvFile {
  readonly name: string;
  readonly header: readonly string[];
  rows(results: readonly RunResult[]): Iterable<readonly Cell[]>;
}

/** An item with its run: what a column sees. */
interface Of<T> {
  readonly run: RunResult;
  readonly item: T;
  readonly index: number;
}

type Part<T> = Column<Of<T>>;

const atMs = (run: RunResult, at: Instant | undefined): Cell => {
  return at === undefined || run.startedAt === undefined ? undefined : inMilliseconds(at - run.startedAt);
};

const afterMs = (run: RunResult, at: Instant | undefined): Cell => {
  const zero = run.firstFault?.effectiveAt;
  return at === undefined || zero === undefined ? undefined : inMilliseconds(at - zero);
};

const firstOf = (instants: Iterable<Instant>): Instant | undefined => {
  let first: Instant | undefined;
  for (const at of instants) if (first === undefined || at < first) first = at;
  return first;
};

const phaseColumns: readonly (readonly [string, PhaseName])[] = [
  ["detection_ms", "detection"],
  ["failed_attempts_ms", "failedAttempts"],
  ["view_change_ms", "viewChange"],
  ["in_flight_ms", "inFlight"],
  ["routing_ms", "routing"],
  ["transport_ms", "transport"],
  ["first_decision_ms", "firstDecision"],
  ["failover_ms", "failover"],
  ["first_commit_ms", "firstCommit"],
];

const phasesIn = <T>(outageOf: (item: T) => MeasuredOutage | undefined): readonly Column<T>[] => [
  ...phaseColumns.map(([name, phase]) => column<T>(name, (item) => inMilliseconds(outageOf(item)?.phases[phase]))),
  column<T>("residual_ms", (item) => inMilliseconds(outageOf(item)?.phases.residual)),
];

const latencyColumns = (period: "before" | "during" | "after"): readonly Column<RunResult>[] => {
  const of = (run: RunResult): LatencySummary => run.latencies[period];
  return [
    column(`latency_${period}_p50_ms`, (run) => inMilliseconds(of(run).p50)),
    column(`latency_${period}_p99_ms`, (run) => inMilliseconds(of(run).p99)),
    column(`latency_${period}_max_ms`, (run) => inMilliseconds(of(run).max)),
  ];
};

/** Of every CSV file of a folder; stands in runs.csv. */
export const csvFormat = 1;

const runColumns: readonly Column<RunResult>[] = [
  column("format", () => csvFormat),
  column("run", (run) => run.run),
  column("experiment", (run) => run.experiment),
  column("topology", (run) => run.topology),
  column("profile", (run) => run.profile),
  column("seed", (run) => run.seed),
  column("commit", (run) => run.commit),
  column("rate_tx_per_s", (run) => run.ratePerSecond),
  column("size_bytes", (run) => run.sizeBytes),
  column("fault_what", (run) => run.firstFault?.what),
  column("fault_how", (run) => run.firstFault?.how),
  column("fault_target", (run) => run.firstFault?.target),
  column("fault_asked", (run) => run.firstFault?.asked),
  column("fault_leader", (run) => run.firstFault?.leader),
  column("fault_at_ms", (run) => atMs(run, run.firstFault?.effectiveAt)),
  column("fault_lateness_ms", (run) => inMilliseconds(run.firstFault?.lateness)),
  column("verdict", (run) => run.verdict),
  column("outage_ms", (run) => inMilliseconds(run.outage)),
  ...phasesIn<RunResult>((run) => run.outages[0]),
  column("predicted_outage_ms", (run) => inMilliseconds(run.prediction?.outage)),
  column("outages", (run) => (run.outage === undefined && run.outages.length === 0 ? undefined : run.outages.length)),
  column("outage_threshold_ms", (run) => inMilliseconds(run.outageThreshold)),
  column("largest_gap_before_ms", (run) => inMilliseconds(run.largestGapBefore)),
  column("largest_gap_after_ms", (run) => inMilliseconds(run.largestGapAfter)),
  column("view_changes", (run) => run.viewChangeCount),
  column("view_from", (run) => run.viewFrom),
  column("view_to", (run) => run.viewTo),
  column("invoked", (run) => run.requestCounts.invoked),
  column("committed", (run) => run.requestCounts.committed),
  column("refused", (run) => run.requestCounts.refused),
  column("unknown", (run) => run.requestCounts.unknown),
  column("lost", (run) => run.counts.loss.lost),
  column("duplicated", (run) => run.counts.duplicates),
  column("duplicated_named", (run) => run.counts.duplicatesNamed + run.counts.duplicatesForgotten),
  column("pool_overflow", (run) => run.counts.poolOverflow),
  ...latencyColumns("before"),
  ...latencyColumns("during"),
  ...latencyColumns("after"),
  column("throughput_before_tx_per_s", (run) => atMost(run.throughputBefore, 3)),
  column("throughput_after_tx_per_s", (run) => atMost(run.throughputAfter, 3)),
  column("catch_up_ms", (run) => inMilliseconds(run.firstFault?.caughtUpAfter)),
  column("stragglers", (run) => run.stragglers.join(" ")),
  column("forward_timeouts", (run) => run.machine.forwardTimeouts),
  column("complain_timeouts", (run) => run.machine.complainTimeouts),
  column("complaints", (run) => run.machine.complaints),
  column("syncs", (run) => run.machine.syncs),
  column("cpu_pressure_percent", (run) => atMost(run.machine.cpuPressurePercent, 1)),
  column("queue_drops", (run) => run.machine.queueDrops),
  column("clock_difference_us", (run) => run.machine.clockDifferenceUs),
  column("late_faults", (run) => run.counts.faultsLate),
  column("process_deaths", (run) => run.counts.deaths),
  column("not_true", (run) =>
    run.checks
      .filter((check) => check.verdict !== "true")
      .map((check) => check.name)
      .join("; "),
  ),
  column("explanation", (run) => run.explanation.join("; ")),
];

const outageColumns: readonly Part<MeasuredOutage>[] = [
  column("run", ({ run }) => run.run),
  column("outage", ({ index }) => index + 1),
  column("from_after_ms", ({ run, item }) => afterMs(run, item.outage.start)),
  column("to_after_ms", ({ run, item }) => afterMs(run, item.outage.end)),
  column("outage_ms", ({ item }) =>
    inMilliseconds(item.outage.end === undefined ? undefined : item.outage.end - item.outage.start),
  ),
  ...phasesIn<Of<MeasuredOutage>>(({ item }) => item),
  column("ended_by", ({ item }) => item.phases.kind),
  column("view_changes", ({ item }) => item.phases.changes.length),
  column("peer", ({ item }) => item.outage.peer),
  column("block", ({ item }) => item.outage.block),
  column("view", ({ item }) => item.outage.view),
  column("verdict", ({ item }) => (item.phases.problem === "" ? "true" : "unknown")),
  column("problem", ({ item }) => item.phases.problem),
];

const planeColumnNames: Readonly<Record<Plane, string>> = {
  nearKernel: "near_kernel",
  farKernel: "far_kernel",
  route: "route",
  nearTcp: "near_tcp",
  farTcp: "far_tcp",
  nearGrpc: "near_grpc",
  farGrpc: "far_grpc",
  consensus: "consensus",
};

const faultColumns: readonly Part<FaultRow>[] = [
  column("run", ({ run }) => run.run),
  column("fault", ({ item }) => item.fault),
  column("what", ({ item }) => item.what),
  column("how", ({ item }) => item.how),
  column("target", ({ item }) => item.target),
  column("asked", ({ item }) => item.asked),
  column("leader", ({ item }) => item.leader),
  column("state", ({ item }) => item.state),
  column("due_at_ms", ({ run, item }) => atMs(run, item.dueAt)),
  column("requested_at_ms", ({ run, item }) => atMs(run, item.requestedAt)),
  column("effective_at_ms", ({ run, item }) => atMs(run, item.observedAt === undefined ? item.effectiveAt : undefined)),
  column("lateness_ms", ({ item }) => inMilliseconds(item.lateness)),
  column("observed_at_ms", ({ run, item }) => atMs(run, item.observedAt)),
  column("heal_requested_at_ms", ({ run, item }) => atMs(run, item.healRequestedAt)),
  column("healed_at_ms", ({ run, item }) => atMs(run, item.healedAt)),
  column("catch_up_ms", ({ item }) => inMilliseconds(item.caughtUpAfter)),
  ...planes.flatMap((plane): readonly Part<FaultRow>[] => [
    column(`${planeColumnNames[plane]}_ms`, ({ item }) => {
      const at = item.sightings.get(plane)?.at;
      return at === undefined || item.effectiveAt === undefined ? undefined : inMilliseconds(at - item.effectiveAt);
    }),
    column(`${planeColumnNames[plane]}_saw`, ({ item }) => item.sightings.get(plane)?.saw),
  ]),
  column("detail", ({ item }) => item.detail),
];

const viewInstant = (
  name: string,
  at: (measured: MeasuredViewChange) => Instant | undefined,
): Part<MeasuredViewChange> => {
  return column(name, ({ run, item }) => afterMs(run, at(item)));
};

const inFlights = (measured: MeasuredViewChange): readonly InFlight[] => [...measured.change.inFlight.values()];

const viewColumns: readonly Part<MeasuredViewChange>[] = [
  column("run", ({ run }) => run.run),
  column("view_from", ({ item }) => item.change.viewFrom),
  column("view_to", ({ item }) => item.change.viewTo),
  column("outcome", ({ item }) => {
    return item.installedAt !== undefined
      ? "installed"
      : item.change.installed.size > 0
        ? "installed on a minority"
        : "failed";
  }),
  column("reason", ({ item }) => votesInOrder(item.change)[0]?.reason),
  column("first_complainer", ({ item }) => votesInOrder(item.change)[0]?.orderer),
  column("complainers", ({ item }) =>
    votesInOrder(item.change)
      .map((vote) => vote.orderer)
      .join(" "),
  ),
  column("leader", ({ item }) => item.change.newLeader),
  column("attempt_timeouts", ({ item }) => item.change.timeouts),
  column("view_data_refused", ({ item }) => item.change.refusals),
  viewInstant("first_complaint_after_ms", ({ change }) => votesInOrder(change)[0]?.at),
  viewInstant("detected_after_ms", (item) => item.detectedAt),
  viewInstant("vote_quorum_after_ms", ({ change }) => firstOf(change.joined.values())),
  viewInstant("view_data_after_ms", ({ change }) => firstOf(change.viewDataSent.values())),
  viewInstant("view_data_quorum_after_ms", ({ change }) => change.viewDataQuorumAt),
  viewInstant("new_view_sent_after_ms", ({ change }) => change.newViewSentAt),
  viewInstant("new_view_accepted_after_ms", ({ change }) => firstOf(change.newViewAccepted.values())),
  viewInstant("in_flight_from_after_ms", (item) => firstOf(inFlights(item).map((each) => each.waitingAt))),
  viewInstant("in_flight_to_after_ms", (item) => firstOf(inFlights(item).flatMap((each) => each.endedAt ?? []))),
  viewInstant("first_installed_after_ms", ({ change }) => firstOf(change.installed.values())),
  viewInstant("installed_after_ms", (item) => item.installedAt),
  viewInstant("first_proposal_after_ms", ({ change }) => change.firstProposal?.at),
  viewInstant("first_decision_after_ms", ({ change }) => change.firstDecision?.at),
  column("first_decision_orderer", ({ item }) => item.change.firstDecision?.orderer),
  viewInstant("first_commit_after_ms", ({ change }) => change.firstCommit?.at),
  column("first_commit_peer", ({ item }) => item.change.firstCommit?.peer),
];

const requestColumns: readonly Part<RequestRow>[] = [
  column("run", ({ run }) => run.run),
  column("transaction", ({ item }) => item.transaction),
  column("intended_at_ms", ({ run, item }) => atMs(run, item.intendedAt)),
  column("outcome", ({ item }) => item.outcome),
  column("committed_at_ms", ({ run, item }) => atMs(run, item.committedAt)),
  column("latency_ms", ({ item }) => {
    return item.committedAt === undefined || item.intendedAt === undefined
      ? undefined
      : inMilliseconds(item.committedAt - item.intendedAt);
  }),
  column("block", ({ item }) => item.block),
  column("peer", ({ item }) => item.peer),
  column("accepted_by", ({ item }) => item.acceptedBy.join(" ")),
  column("refused_by", ({ item }) => item.refusedBy.join(" ")),
  column("refusal", ({ item }) => item.refusal),
];

const timeseriesColumns: readonly Part<TimeseriesRow>[] = [
  column("run", ({ run }) => run.run),
  column("at_ms", ({ run, item }) => atMs(run, item.startsAt)),
  column("node", ({ item }) => item.node),
  column("role", ({ item }) => item.role),
  column("committed", ({ item }) => item.committed),
  column("accepted", ({ item }) => item.accepted),
  column("pool", ({ item }) => item.pool),
  column("view", ({ item }) => item.view),
  column("height", ({ item }) => item.height),
];

const probeColumns: readonly Part<ProbeRow>[] = [
  column("run", ({ run }) => run.run),
  column("at_ms", ({ run, item }) => atMs(run, item.at)),
  column("probe", ({ item }) => item.probe),
  column("subject", ({ item }) => item.subject),
  column("asked", ({ item }) => item.asked),
  column("measured", ({ item }) => item.measured),
  column("unit", ({ item }) => item.unit),
];

function fileOf<T>(name: string, columns: readonly Part<T>[], items: (run: RunResult) => readonly T[]): CsvFile {
  return {
    name,
    header: columns.map((each) => each.name),
    *rows(results) {
      for (const run of results) {
        for (const [index, item] of items(run).entries()) yield cellsOf(columns, { run, item, index });
      }
    },
  };
}

/** Every CSV file of a results folder; rows come run by run, in the order of the results. */
export const csvFiles: readonly CsvFile[] = [
  {
    name: "runs.csv",
    header: runColumns.map((each) => each.name),
    *rows(results) {
      for (const run of results) yield cellsOf(runColumns, run);
    },
  },
  fileOf("outages.csv", outageColumns, (run) => run.outages),
  fileOf("faults.csv", faultColumns, (run) => run.faults),
  fileOf("views.csv", viewColumns, (run) => run.viewChanges),
  fileOf("probes.csv", probeColumns, (run) => run.probes),
  fileOf("requests.csv", requestColumns, (run) => run.requests),
  fileOf("timeseries.csv", timeseriesColumns, (run) => run.timeseries),
];
