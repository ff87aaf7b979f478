// Phases of an outage. The outage itself is measured where clients stand (service.ts); every phase comes from another plane:
// the kernel's confirmation of the fault, the orderers' steps, their decisions, the peer's copy of the deciding block. So
// they need not add up, and what is missing is the residual, published and never spread over the phases.
//
//   fault ─detection─▶ enough complaints ─failed attempts─▶ complaints of the view change that succeeded
//         ─view change (in-flight agreement apart)─▶ installed on a quorum ─first decision─▶ decided at some orderer
//         ─failover─▶ the peer has another source ─first commit─▶ that block is stored at a peer
import { microseconds, type Duration, type Instant } from "../base/index.js";
import type { Cast } from "./cast.js";
import type { Path } from "./path.js";
import type { Outage } from "./service.js";
import { detectedAt, installedAt, type InFlight, type ViewChange } from "./views.js";

/** A phase that cannot be told is absent; one that did not happen is zero. */
export interface Phases {
  readonly kind: "view change" | "path" | "none";
  readonly detection: Duration | undefined;
  readonly failedAttempts: Duration | undefined;
  readonly viewChange: Duration | undefined;
  readonly inFlight: Duration | undefined;
  /** Outages without a view change: to the last route change, then to the leader's last stream event. */
  readonly routing: Duration | undefined;
  readonly transport: Duration | undefined;
  readonly firstDecision: Duration | undefined;
  readonly failover: Duration | undefined;
  readonly firstCommit: Duration | undefined;
  /** Outage minus the phases that are known; absent when the outage has no end. */
  readonly residual: Duration | undefined;
  /** View changes that began in the outage, the last one that succeeded included. */
  readonly changes: readonly ViewChange[];
  /** Why the phases do not explain the outage; empty when they do. */
  readonly problem: string;
}

/** Design section 7: a residual above this share of the outage makes the row unknown. */
export const residualShareMax = 0.05;

export interface Planes {
  readonly cast: Cast;
  readonly changes: readonly ViewChange[];
  readonly path: Path;
  /** When a peer began to pull from another source, by instant. */
  readonly sources: readonly { readonly at: Instant; readonly peer: string }[];
}

export function phasesOf(outage: Outage, planes: Planes): Phases {
  const inside = planes.changes.filter((change) => {
    const at = detectedAt(change, planes.cast);
    return at !== undefined && at > outage.start && at <= outage.cutAt;
  });
  const measured =
    inside.length === 0
      ? byPath(outage, planes)
      : (byInFlightCommit(outage, inside, planes) ?? byViewChange(outage, inside, planes));
  const { changes, ...parts } = measured;
  const residual = residualOf(outage, parts);
  return { ...measured, residual, changes, problem: problemOf(outage, measured, residual) };
}

type Measured = Omit<Phases, "residual" | "problem">;

function byViewChange(outage: Outage, inside: readonly ViewChange[], planes: Planes): Measured {
  const { cast } = planes;
  const first = inside[0];
  const final = inside.findLast((change) => {
    return change.firstDecision !== undefined && change.firstDecision.at <= outage.cutAt;
  });
  const detected = first === undefined ? undefined : detectedAt(first, cast);
  const finalDetected = final === undefined ? undefined : detectedAt(final, cast);
  const installed = final === undefined ? undefined : installedAt(final, cast);
  const inFlight = final === undefined || installed === undefined ? undefined : inFlightOf(final, installed.orderer);
  const decision = final?.firstDecision;
  const commit = final?.firstCommit;
  const change = span(finalDetected, installed?.at);
  return {
    kind: "view change",
    detection: span(outage.start, detected),
    failedAttempts: span(detected, finalDetected),
    viewChange: change === undefined || inFlight === undefined ? undefined : microseconds(change - inFlight),
    inFlight,
    routing: zero,
    transport: zero,
    firstDecision: span(installed?.at, decision?.at),
    ...lastSteps(decision?.at, commit, planes),
    changes: inside,
  };
}

/**
 * The outage ended with the block that was in flight: decided inside the view change, before the new view ran (reference
 * section 8.10). Undefined when it ended with a later one.
 */
function byInFlightCommit(outage: Outage, inside: readonly ViewChange[], planes: Planes): Measured | undefined {
  const final = inside.findLast((change) => committedInFlight(change, outage) !== undefined);
  const first = inside[0];
  if (final === undefined || first === undefined) return undefined;
  const inFlight = committedInFlight(final, outage);
  const detected = detectedAt(first, planes.cast);
  const finalDetected = detectedAt(final, planes.cast);
  const commit = outage.block === undefined ? undefined : planes.path.commitOf(outage.block);
  return {
    kind: "view change",
    detection: span(outage.start, detected),
    failedAttempts: span(detected, finalDetected),
    viewChange: span(finalDetected, inFlight?.waitingAt),
    inFlight: span(inFlight?.waitingAt, inFlight?.endedAt),
    routing: zero,
    transport: zero,
    firstDecision: zero,
    ...lastSteps(inFlight?.endedAt, commit, planes),
    changes: inside,
  };
}

/** The first orderer's agreement on what was in flight, when it decided the block that ended the outage. */
function committedInFlight(change: ViewChange, outage: Outage): InFlight | undefined {
  // It keeps the number of the view in which it was proposed.
  if (outage.view === undefined || outage.view >= change.viewTo) return undefined;
  return [...change.inFlight.values()]
    .filter(
      (each) =>
        each.outcome === "committed" &&
        each.sequence === outage.block &&
        each.endedAt !== undefined &&
        each.endedAt <= outage.cutAt,
    )
    .toSorted((left, right) => (left.endedAt ?? 0) - (right.endedAt ?? 0))[0];
}

/** The in-flight wait and commit of the orderer that completed the quorum; zero when it had none. */
function inFlightOf(change: ViewChange, orderer: string): Duration | undefined {
  const inFlight = change.inFlight.get(orderer);
  return inFlight === undefined ? zero : span(inFlight.waitingAt, inFlight.endedAt);
}

function byPath(outage: Outage, planes: Planes): Measured {
  const resumed = planes.path.resumption(outage);
  const routed = resumed === undefined ? undefined : planes.path.lastRoute(outage.start, resumed.at);
  const from = routed ?? outage.start;
  const streamed = resumed === undefined ? undefined : planes.path.lastLeaderStream(from, resumed.at);
  const known = routed !== undefined || streamed !== undefined;
  return {
    kind: known ? "path" : "none",
    detection: zero,
    failedAttempts: zero,
    viewChange: zero,
    inFlight: zero,
    routing: known ? (span(outage.start, routed) ?? zero) : undefined,
    transport: known ? (span(from, streamed) ?? zero) : undefined,
    firstDecision: known ? span(streamed ?? from, resumed?.at) : undefined,
    ...lastSteps(resumed?.at, resumed === undefined ? undefined : planes.path.commitOf(resumed.block), planes),
    changes: [],
  };
}

/** From the decision to the peer's copy of the block, with the peer's change of source apart. */
function lastSteps(
  decidedAt: Instant | undefined,
  commit: { readonly at: Instant; readonly peer: string } | undefined,
  planes: Planes,
): { readonly failover: Duration | undefined; readonly firstCommit: Duration | undefined } {
  if (decidedAt === undefined || commit === undefined) return { failover: undefined, firstCommit: undefined };
  const source = planes.sources.findLast((each) => {
    return each.peer === commit.peer && each.at > decidedAt && each.at <= commit.at;
  });
  return {
    failover: span(decidedAt, source?.at) ?? zero,
    firstCommit: span(source?.at ?? decidedAt, commit.at),
  };
}

const zero = microseconds(0);

function span(from: Instant | undefined, until: Instant | undefined): Duration | undefined {
  return from === undefined || until === undefined ? undefined : microseconds(until - from);
}

const parts = [
  "detection",
  "failedAttempts",
  "viewChange",
  "inFlight",
  "routing",
  "transport",
  "firstDecision",
  "failover",
  "firstCommit",
] as const;

/** Names of the phases, in the order in which they follow each other. */
export const phaseNames = parts;
export type PhaseName = (typeof parts)[number];

function residualOf(outage: Outage, measured: Pick<Phases, PhaseName>): Duration | undefined {
  if (outage.end === undefined) return undefined;
  let rest: number = outage.end - outage.start;
  for (const part of parts) rest -= measured[part] ?? 0;
  return microseconds(rest);
}

function problemOf(outage: Outage, measured: Measured, residual: Duration | undefined): string {
  if (outage.end === undefined) return "the outage had not ended when the run was stopped";
  if (measured.kind === "none") return "no view change, route or stream event explains the outage";
  const missing = parts.filter((part) => measured[part] === undefined);
  if (missing.length > 0) return `no events tell ${missing.join(", ")}`;
  const length = outage.end - outage.start;
  if (residual === undefined || Math.abs(residual) <= residualShareMax * length) return "";
  const share = ((100 * residual) / length).toFixed(1);
  return `the phases leave ${(residual / 1_000).toFixed(1)} ms (${share} %) of the outage unexplained`;
}
