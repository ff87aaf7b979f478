// The summary on the screen: what happened, how long clients had no service, and where that time went, as a small bar. Every
// number has its unit; what is not known says so.
import type { Duration } from "../base/index.js";
import type { CheckVerdict } from "../checks/index.js";
import { waitingText } from "./machine.js";
import { phaseNames, type PhaseName } from "./phases.js";
import type { LatencySummary, MeasuredOutage, RunResult } from "./run-result.js";
import { spreadsOf } from "./verdict.js";

const labels: Readonly<Record<PhaseName, string>> = {
  detection: "detection",
  failedAttempts: "failed attempts",
  viewChange: "view change",
  inFlight: "in-flight",
  routing: "routing",
  transport: "transport",
  firstDecision: "first decision",
  failover: "peer failover",
  firstCommit: "first commit",
};

const barWidth = 40;
/** Above this many runs each is one line. */
const runsInFull = 3;

export function summaryText(results: readonly RunResult[]): string {
  const first = results[0];
  if (first === undefined) return "no runs\n";
  const count = results.length === 1 ? "1 run" : `${results.length} runs`;
  const lines = [`${first.experiment} · topology ${first.topology} · profile ${first.profile} · ${count}`, ""];
  for (const result of results) {
    lines.push(...(results.length <= runsInFull ? fullText(result) : [lineText(result)]));
  }
  if (results.length > 1) lines.push("", ...spreadText(results));
  return `${lines.join("\n")}\n`;
}

function fullText(result: RunResult): readonly string[] {
  return [
    `run ${result.run}: ${result.verdict} · ${faultText(result)}`,
    ...outageText(result),
    ...laterOutages(result),
    `  ${viewText(result)}`,
    `  ${requestText(result)}`,
    `  latency before ${latencyText(result.latencies.before)}; during ${latencyText(result.latencies.during)}; after ${latencyText(result.latencies.after)}`,
    ...result.explanation.map((each) => `  why: ${each}`),
    ...checksText(result.checks),
    "",
  ];
}

function faultText(result: RunResult): string {
  const fault = result.firstFault;
  if (fault === undefined) return "no fault took effect";
  const how = fault.how === "" ? "" : ` (${fault.how})`;
  const role = fault.leader !== "" && fault.target.split(":")[0] === fault.leader ? ", the leader" : "";
  const lateness = fault.lateness === undefined ? "" : `, effective ${ms(fault.lateness)} after it was due`;
  return `${fault.what}${how} at ${fault.target}${role}${lateness}`;
}

function outageText(result: RunResult): readonly string[] {
  const measured = result.outages[0];
  const predicted =
    result.prediction === undefined ? "" : `   predicted ${ms(result.prediction.outage)}: ${result.prediction.formula}`;
  if (measured === undefined) {
    if (result.outage === undefined) return [`  outage ${" ".repeat(9)} unknown${predicted}`];
    const gap = `largest gap between commits ${ms(result.largestGapAfter)}, before the fault ${ms(result.largestGapBefore)}`;
    return [`  no outage: ${gap}${predicted}`];
  }
  const { outage, phases } = measured;
  const length = outage.end === undefined ? undefined : outage.end - outage.start;
  const lines = [`  ${"outage".padEnd(16)}${figure(length)}${predicted}`];
  for (const phase of phaseNames) {
    const value = phases[phase];
    // A phase that did not happen is left out, but one that cannot be told is shown.
    if (value !== 0) lines.push(`  ${labels[phase].padEnd(16)}${figure(value)}  ${bar(value, length)}`);
  }
  lines.push(`  ${"residual".padEnd(16)}${figure(phases.residual)}`);
  return lines;
}

/** Later outages a screen has room for; all are in outages.csv. */
const laterShown = 4;

function laterOutages(result: RunResult): readonly string[] {
  const later = result.outages.slice(1);
  const lines = later.slice(0, laterShown).map((each, index) => `  outage ${index + 2}: ${laterText(result, each)}`);
  if (later.length > laterShown) lines.push(`  and ${later.length - laterShown} more outages: see outages.csv`);
  return lines;
}

function laterText(result: RunResult, { outage, phases }: MeasuredOutage): string {
  const zero = result.firstFault?.effectiveAt ?? outage.start;
  const from = ((outage.start - zero) / 1_000).toFixed(1);
  const length =
    outage.end === undefined
      ? "not ended when the run was stopped"
      : `${((outage.end - outage.start) / 1_000).toFixed(1)} ms`;
  return `${length}, from ${from} ms after the fault; ${laterReason(result, phases)}`;
}

function laterReason({ machine }: RunResult, { kind, changes, problem }: MeasuredOutage["phases"]): string {
  if (kind === "view change") return `${changes.length} view changes`;
  return problem === "" ? "without a view change" : `${problem}${waitingText(machine)}`;
}

function viewText(result: RunResult): string {
  const count = result.viewChangeCount;
  const changes = count === undefined ? "views unknown" : count === 1 ? "1 view change" : `${count} view changes`;
  const views =
    result.viewFrom === undefined || result.viewTo === undefined ? "" : `, view ${result.viewFrom} → ${result.viewTo}`;
  const fault = result.firstFault;
  if (fault?.healedAt === undefined) return `${changes}${views}`;
  const caughtUp =
    fault.caughtUpAfter === undefined
      ? "not level again by the end"
      : `level again ${ms(fault.caughtUpAfter)} after the heal`;
  return `${changes}${views}; ${fault.target} ${caughtUp}`;
}

function requestText(result: RunResult): string {
  const { invoked, committed, refused, unknown } = result.requestCounts;
  const { loss, duplicates, poolOverflow } = result.counts;
  return `transactions: ${invoked} asked for, ${committed} committed, ${refused} refused, ${unknown} unknown; ${loss.lost} lost, ${duplicates} duplicated, ${poolOverflow} refusals by a full pool`;
}

const latencyText = (latency: LatencySummary): string => {
  return latency.count === 0 ? "none" : `p50 ${ms(latency.p50)}, p99 ${ms(latency.p99)}, max ${ms(latency.max)}`;
};

function checksText(checks: readonly CheckVerdict[]): readonly string[] {
  const good = checks.filter((check) => check.verdict === "true").length;
  const rest = checks.filter((check) => check.verdict !== "true");
  return [
    `  checks: ${good} of ${checks.length} true`,
    ...rest.map((check) => `    ${check.verdict.padEnd(8)}${check.name}: ${check.detail}`),
  ];
}

function lineText(result: RunResult): string {
  const why = result.explanation.length === 0 ? "" : ` · ${result.explanation.join("; ")}`;
  const notTrue = result.checks.filter((check) => check.verdict !== "true").map((check) => check.name);
  const checks = notTrue.length === 0 ? "" : ` · ${notTrue.join(", ")}`;
  return `run ${String(result.run).padStart(3)}  ${result.verdict.padEnd(8)}outage ${figure(result.outage)}${checks}${why}`;
}

function spreadText(results: readonly RunResult[]): readonly string[] {
  const row = (cells: readonly string[]): string =>
    `  ${(cells[0] ?? "").padEnd(20)}${cells
      .slice(1)
      .map((cell) => cell.padStart(12))
      .join("")}`;
  const lines = [row(["milliseconds", "median", "least", "greatest", "p25", "p75", "runs"])];
  for (const [name, spread] of Object.entries(spreadsOf(results))) {
    if (spread.least === 0 && spread.greatest === 0 && name !== "outage_ms") continue;
    const { median, least, greatest, p25, p75 } = spread;
    lines.push(
      row([name, ...[median, least, greatest, p25, p75].map((value) => value.toFixed(1)), String(spread.count)]),
    );
  }
  return lines;
}

function bar(value: Duration | undefined, whole: number | undefined): string {
  if (value === undefined || whole === undefined || whole <= 0) return "";
  const share = Math.min(1, Math.max(0, value / whole));
  return share === 0 ? "" : "█".repeat(Math.round(share * barWidth)) || "▏";
}

const ms = (duration: number | undefined): string =>
  duration === undefined ? "unknown" : `${(duration / 1_000).toFixed(1)} ms`;
const figure = (duration: number | undefined): string => ms(duration).padStart(13);
