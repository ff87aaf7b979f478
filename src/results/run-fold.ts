// One run: events in, a RunResult out. Events may come in any interleaving of nodes; every fold behind the sorter sees them
// in the order of their instants. Memory is bounded but for the rows of requests and of the time series: a host with a long
// run takes them as it goes (`takeRows`).
import { milliseconds, microseconds, type Duration, type Instant } from "../base/index.js";
import type { Event } from "../boundary/index.js";
import { AllChecks, judgement, type CheckVerdict } from "../checks/index.js";
import { assertionVerdict } from "./assertions.js";
import { castOf, checkContextOf, type Cast } from "./cast.js";
import { FaultLog } from "./fault-log.js";
import { Heights } from "./heights.js";
import type { Histogram } from "./histogram.js";
import { InOrder } from "./in-order.js";
import { Machine, waitingText } from "./machine.js";
import { Path } from "./path.js";
import { phaseNames, phasesOf } from "./phases.js";
import { predictionFor } from "./prediction.js";
import { Requests, type RequestRow } from "./requests.js";
import type { LatencySummary, MeasuredOutage, RunContext, RunResult } from "./run-result.js";
import { Service } from "./service.js";
import { surprisesIn } from "./surprises.js";
import { Timeseries, type TimeseriesRow } from "./timeseries.js";
import { detectedAt, installedAt, Views } from "./views.js";

export const timeseriesBucket: Duration = milliseconds(100);
const sourcesMax = 10_000;

export class RunFold {
  readonly #context: RunContext;
  readonly #cast: Cast;
  readonly #order: InOrder;
  readonly #checks: AllChecks;
  readonly #requests: Requests;
  readonly #service: Service;
  readonly #views: Views;
  readonly #path = new Path();
  readonly #faults: FaultLog;
  readonly #heights: Heights;
  readonly #timeseries: Timeseries;
  readonly #machine = new Machine();
  readonly #sources: { readonly at: Instant; readonly peer: string }[] = [];
  #requestRows: RequestRow[] = [];
  #timeseriesRows: TimeseriesRow[] = [];
  #environments = 0;
  #startedAt: Instant | undefined;
  #loadEndedAt: Instant | undefined;
  #stoppedAt: Instant | undefined;
  #lastAt: Instant | undefined;
  #viewAtFault: number | undefined;
  #removedRequests = 0;
  #eventsLost = 0;
  #isFaulted = false;

  constructor(context: RunContext) {
    const cast = castOf(context.plan);
    this.#context = context;
    this.#cast = cast;
    this.#order = new InOrder((event) => this.#fold(event));
    this.#checks = new AllChecks(checkContextOf(cast, context.experiment));
    this.#requests = new Requests(cast.orderers.length, (row) => this.#requestRows.push(row));
    const { ratePerSecond } = context.experiment.workload;
    this.#service = new Service({ batchInterval: cast.timers.requestBatchMaxInterval, ratePerSecond });
    this.#faults = new FaultLog(cast);
    this.#views = new Views(cast, (node) => this.#faults.isCutOff(node));
    this.#heights = new Heights(cast);
    this.#timeseries = new Timeseries(cast, timeseriesBucket, (row) => this.#timeseriesRows.push(row));
  }

  observe(event: Event): void {
    this.#order.push(event);
  }

  /** When the load was started: undefined until that event has passed the sorter. Needed to render rows that are taken. */
  get startedAt(): Instant | undefined {
    return this.#startedAt;
  }

  /** Rows that are final by now; they will not be in the result. */
  takeRows(): { readonly requests: readonly RequestRow[]; readonly timeseries: readonly TimeseriesRow[] } {
    const taken = { requests: this.#requestRows, timeseries: this.#timeseriesRows };
    this.#requestRows = [];
    this.#timeseriesRows = [];
    return taken;
  }

  #fold(event: Event): void {
    this.#lastAt = event.at;
    this.#checks.observe(event);
    this.#timeseries.observe(event);
    switch (event.kind) {
      case "environment":
        this.#environments += 1;
        return;
      case "phase":
        return this.#phase(event.phase, event.at);
      case "request":
        return this.#requests.request(event);
      case "block":
        this.#views.block(event);
        this.#path.block(event);
        this.#heights.block(event);
        if (event.role === "peer") this.#service.commit(event, this.#requests.commit(event));
        return;
      case "step":
        this.#views.step(event);
        this.#faults.observe(event);
        if (event.step === "autoRemoved") this.#removedRequests += 1;
        if (this.#isFaulted && !this.#faults.isCutOff(event.node)) this.#machine.stepAfterFault(event);
        return;
      case "probe":
        return this.#machine.probe(event);
      case "log":
        if (event.process === "control") this.#eventsLost += Number(/^events lost: (\d+)$/.exec(event.text)?.[1] ?? 0);
        return;
      case "fault":
      case "observed":
        return this.#fault(event);
      case "source":
        if (event.state === "pulling" && this.#sources.length < sourcesMax)
          this.#sources.push({ at: event.at, peer: event.node });
        return;
      case "stream":
        this.#faults.observe(event);
        if (event.node === this.#views.leader()) this.#path.leaderStream(event);
        return;
      case "route":
        this.#faults.observe(event);
        return this.#path.route(event);
      default:
        return this.#faults.observe(event);
    }
  }

  #phase(phase: string, at: Instant): void {
    if (phase === "workload-started") this.#startedAt ??= at;
    if (phase === "timeline-started") this.#service.timelineStarted(at);
    if (phase === "workload-stopped") {
      this.#loadEndedAt ??= at;
      this.#service.loadEnded(at);
    }
    if (phase === "stopped") this.#stoppedAt ??= at;
  }

  #fault(event: Extract<Event, { kind: "fault" | "observed" }>): void {
    const leader = this.#views.leader() ?? "";
    if (event.kind === "fault") this.#faults.fault(event, leader);
    else this.#faults.observed(event, leader);
    const isEffective = event.state === "effective" || event.state === "down";
    if (isEffective) {
      this.#viewAtFault ??= this.#views.inForce();
      this.#isFaulted = true;
      this.#service.faulted(event.at);
    }
    if (event.state !== "healed" && event.state !== "up") return;
    const target = event.kind === "fault" ? event.target : event.endpoint;
    for (const row of this.#faults.rows) {
      if (row.target === target && row.healedAt === event.at) this.#heights.healed(row, event.at);
    }
  }

  /** The end of the events. */
  finish(): RunResult {
    this.#order.end();
    this.#requests.end();
    this.#timeseries.end();
    const stoppedAt = this.#stoppedAt ?? this.#lastAt;
    if (stoppedAt !== undefined) this.#service.end(stoppedAt, this.#requests.counts.unknown);
    const outages = this.#measureOutages();
    const measured = this.#measure(outages);
    const checks = [
      ...this.#checks.verdicts(),
      this.#recordVerdict(),
      ...measurementVerdicts(measured),
      ...this.#context.experiment.assertions.map((assertion) => {
        const { invoked, committed } = this.#requests.counts;
        const loadEndedAt = this.#loadEndedAt;
        const outcome = { ...measured, invoked, uncommitted: invoked - committed, loadEndedAt };
        return assertionVerdict(assertion, outcome, this.#checks.lacks);
      }),
    ];
    return { ...measured, checks, verdict: judgement(checks), ...this.takeRows() };
  }

  #measureOutages(): readonly MeasuredOutage[] {
    const planes = {
      cast: this.#cast,
      changes: this.#views.list(),
      path: this.#path,
      sources: this.#sources,
    };
    return this.#service.outages.map((outage) => ({ outage, phases: phasesOf(outage, planes) }));
  }

  #measure(outages: readonly MeasuredOutage[]): Omit<RunResult, "checks" | "verdict" | "requests" | "timeseries"> {
    const { run, experiment, plan, seed, commit } = this.#context;
    const service = this.#service;
    const firstFault = this.#faults.first;
    const changes = this.#views.list();
    const faultAt = firstFault?.effectiveAt;
    const installed = changes.flatMap((change) => installedAt(change, this.#cast)?.at ?? []);
    const viewTo = this.#views.inForce();
    const counts = this.#checks.counts();
    const outage = this.#outageLength(outages);
    const prediction = predictionFor(this.#faults.rows, this.#cast, experiment);
    const isPredicted =
      prediction === undefined || outage === undefined
        ? undefined
        : Math.abs(outage - prediction.outage) <= prediction.tolerance;
    return {
      run,
      experiment: experiment.name,
      topology: plan.topology.name,
      profile: plan.profile,
      seed,
      commit,
      ratePerSecond: experiment.workload.ratePerSecond,
      sizeBytes: experiment.workload.sizeBytes,
      startedAt: this.#startedAt,
      firstFault,
      faults: this.#faults.rows,
      viewChanges: changes.map((change) => ({
        change,
        detectedAt: detectedAt(change, this.#cast),
        installedAt: installedAt(change, this.#cast)?.at,
      })),
      viewChangeCount:
        viewTo === undefined ? undefined : installed.filter((at) => faultAt === undefined || at > faultAt).length,
      viewFrom: this.#viewAtFault,
      viewTo,
      outages,
      outage,
      outageThreshold: service.threshold,
      largestGapBefore: service.largestGapBefore,
      largestGapAfter: service.largestGapAfter,
      prediction,
      isPredicted,
      explanation: surprisesIn({
        cast: this.#cast,
        faults: this.#faults.rows,
        changes,
        outages,
        duplicatesNamed: counts.duplicatesNamed,
        duplicatesForgotten: counts.duplicatesForgotten,
        removedRequests: this.#removedRequests,
      }),
      requestCounts: this.#requests.counts,
      counts,
      latencies: {
        before: latencyOf(service.latencies.before),
        during: latencyOf(service.latencies.during),
        after: latencyOf(service.latencies.after),
      },
      machine: this.#machine.measured(),
      probes: this.#machine.probes,
      stragglers: this.#heights.stragglers(),
      throughputBefore: service.throughputBefore,
      throughputAfter: service.throughputAfter,
    };
  }

  #outageLength(outages: readonly MeasuredOutage[]): Duration | undefined {
    const first = outages[0]?.outage;
    if (first !== undefined) return first.end === undefined ? undefined : microseconds(first.end - first.start);
    return this.#service.largestGapAfter === undefined ? undefined : microseconds(0);
  }

  /** Whether the record itself can be trusted: it says where it comes from, and nothing in it came too late to be sorted. */
  #recordVerdict(): CheckVerdict {
    const name = "record";
    if (this.#environments === 0)
      return { name, verdict: "unknown", detail: "no event states the environment and the format" };
    if (this.#startedAt === undefined)
      return { name, verdict: "unknown", detail: "no event states the start of the load" };
    if (this.#eventsLost > 0)
      return { name, verdict: "unknown", detail: `${this.#eventsLost} events were lost on their way here` };
    // What a paused process had not yet sent comes when it goes on: that is the fault's doing.
    const pauses = this.#faults.rows.filter((row) => row.what === "process-pause" || row.what === "node-pause");
    const paused = new Set(pauses.map((row) => row.target));
    let late = 0;
    for (const [node, count] of this.#order.late) if (!paused.has(node)) late += count;
    if (late > 0) return { name, verdict: "unknown", detail: `${late} events were heard too late to be put in order` };
    return { name, verdict: "true", detail: "environment stated, events in order" };
  }
}

type Measured = Pick<
  RunResult,
  "outages" | "outage" | "prediction" | "isPredicted" | "explanation" | "firstFault" | "machine"
>;

function measurementVerdicts(measured: Measured): readonly CheckVerdict[] {
  if (measured.firstFault === undefined) return [];
  const problem = measured.outages[0]?.phases.problem ?? "";
  const outage: CheckVerdict = {
    name: "outage",
    verdict: measured.outage === undefined || problem !== "" ? "unknown" : "true",
    detail: outageDetail(measured, problem),
  };
  return measured.isPredicted === undefined ? [outage] : [outage, predictionVerdict(measured)];
}

function outageDetail({ outage, machine }: Measured, problem: string): string {
  if (problem !== "") return `${problem}${waitingText(machine)}`;
  if (outage === undefined) return "no new work was committed after the fault";
  return `${outage / 1_000} ms, its phases explain it`;
}

function predictionVerdict({ prediction, isPredicted, explanation, outages, machine }: Measured): CheckVerdict {
  const name = "prediction";
  const expected = `${(prediction?.outage ?? 0) / 1_000} ms (${prediction?.formula ?? ""})`;
  const tolerance = `${(prediction?.tolerance ?? 0) / 1_000} ms`;
  if (isPredicted === true) return { name, verdict: "true", detail: `within ${tolerance} of ${expected}` };
  const outside = `more than ${tolerance} from ${expected}`;
  if (explanation.length > 0) return { name, verdict: "true", detail: `${outside}: ${explanation.join("; ")}` };
  const phases = outages[0]?.phases;
  const longest = phaseNames.flatMap((phase) => {
    const length = phases?.[phase];
    return length === undefined || length === 0 ? [] : [`${phase} ${length / 1_000} ms`];
  });
  return {
    name,
    verdict: "unknown",
    detail: `${outside}, and no known surprise explains it: ${longest.join(", ")}${waitingText(machine)}`,
  };
}

function latencyOf(histogram: Histogram): LatencySummary {
  const duration = (value: number | undefined): Duration | undefined =>
    value === undefined ? undefined : microseconds(value);
  return {
    count: histogram.count,
    p50: duration(histogram.quantile(0.5)),
    p99: duration(histogram.quantile(0.99)),
    max: duration(histogram.greatest),
  };
}
