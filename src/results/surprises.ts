// Surprises: what made an outage other than the timers predict, recognised in the events and named by its number in section
// 15 of the SmartBFT reference. A name is given only where its own traces are there.
import type { Duration } from "../base/index.js";
import type { Cast } from "./cast.js";
import { nodeOf } from "./cast.js";
import type { FaultRow } from "./fault-log.js";
import type { MeasuredOutage } from "./run-result.js";
import { detectedAt, type ViewChange } from "./views.js";

export interface SurpriseInput {
  readonly cast: Cast;
  readonly faults: readonly FaultRow[];
  readonly changes: readonly ViewChange[];
  readonly outages: readonly MeasuredOutage[];
  readonly duplicatesNamed: number;
  readonly duplicatesForgotten: number;
  readonly removedRequests: number;
}

export function surprisesIn(input: SurpriseInput): readonly string[] {
  const found: string[] = [];
  for (const change of input.changes) {
    for (const each of [
      lostPrePrepare,
      laggard,
      lostViewData,
      lostNewView,
      nextLeaderDown,
      loneComplainer,
      unwatched,
      waitingForEver,
    ]) {
      const text = each(change, input);
      if (text !== undefined) found.push(text);
    }
  }
  const storm = input.outages[0]?.phases.changes.filter((change) => change.firstDecision === undefined).length ?? 0;
  if (storm >= 3) found.push(`item 33: a storm of ${storm} view changes without a decision`);
  if (input.duplicatesNamed > 0) {
    found.push(`item 1: ${input.duplicatesNamed} requests ordered again after an in-flight commit`);
  }
  if (input.duplicatesForgotten > 0) {
    found.push(`section 3.3: ${input.duplicatesForgotten} requests came again after the pools had forgotten them`);
  }
  if (input.removedRequests > 0) found.push(`auto-remove: ${input.removedRequests} requests dropped from a pool`);
  found.push(...ofPhases(input));
  return found;
}

/** No decision in the view, and a later one was asked for, or the run was stopped with the outage still open. */
function failed(change: ViewChange, { changes, outages, cast }: SurpriseInput): boolean {
  if (change.firstDecision !== undefined) return false;
  if (outages.some(({ outage }) => outage.end === undefined)) return true;
  return changes.some((later) => later.viewTo > change.viewTo && detectedAt(later, cast) !== undefined);
}

function lostPrePrepare(change: ViewChange, input: SurpriseInput): string | undefined {
  const proposal = change.firstProposal;
  if (proposal === undefined || !failed(change, input)) return undefined;
  const begun = [...change.installed].map(([name, at]) => [name, change.started.get(name) ?? at] as const);
  const late = begun.filter(([orderer, at]) => orderer !== proposal.orderer && at > proposal.at);
  const [last] = late.toSorted(([, left], [, right]) => right - left);
  if (last === undefined) return undefined;
  const behind = milliseconds(last[1] - proposal.at);
  return `item 10: pre-prepare lost at view boundary: ${last[0]} started view ${change.viewTo} ${behind} after ${proposal.orderer} had proposed`;
}

function laggard(change: ViewChange, input: SurpriseInput): string | undefined {
  if (change.refusedFrom.size === 0 || (change.timeouts === 0 && !failed(change, input))) return undefined;
  const names = namesOf(change.refusedFrom, input.cast);
  return `item 11: a lagging follower: the leader of view ${change.viewTo} refused the view data of ${names}`;
}

/** ViewData is sent once; early is only named where the quorum had to wait for somebody else's for longer than a tick. */
function lostViewData(change: ViewChange, { cast }: SurpriseInput): string | undefined {
  const quorumAt = change.viewDataQuorumAt;
  const waitedFor = [...change.tooEarly].filter(([, at]) => {
    return quorumAt === undefined ? change.timeouts > 0 : quorumAt - at > cast.timers.tickInterval;
  });
  if (waitedFor.length === 0) return undefined;
  const names = namesOf(
    waitedFor.map(([id]) => id),
    cast,
  );
  return `item 18: the view data of ${names} came before the leader of view ${change.viewTo} had a quorum of votes, and was lost`;
}

function lostNewView(change: ViewChange): string | undefined {
  if (change.newViewSentAt === undefined) return undefined;
  const without = [...change.timedOut].filter((orderer) => !change.newViewAccepted.has(orderer));
  if (without.length === 0) return undefined;
  return `item 18: new view ${change.viewTo} was sent and ${without.toSorted().join(", ")} did not have it before the timeout`;
}

function nextLeaderDown(change: ViewChange, input: SurpriseInput): string | undefined {
  const { cast } = input;
  // Without a quorum of votes nobody waited for the next leader: the one that is cut off complains alone.
  if (cast.timers.leaderRotation || change.timeouts === 0 || change.joined.size === 0) return undefined;
  const next = cast.orderers[change.viewTo % cast.orderers.length]?.name;
  const at = detectedAt(change, cast);
  const down = input.faults.find((row) => {
    const healed = row.healedAt !== undefined && at !== undefined && row.healedAt < at;
    return nodeOf(row.target) === next && row.effectiveAt !== undefined && !healed;
  });
  return down === undefined ? undefined : `item 4: the leader of view ${change.viewTo}, ${next}, was itself cut off`;
}

function loneComplainer(change: ViewChange, input: SurpriseInput): string | undefined {
  if (change.timedOut.size === 0 || detectedAt(change, input.cast) !== undefined) return undefined;
  const heard = [...change.votes.values()].filter((vote) => !vote.isCutOff);
  if (heard.length === 0) return undefined;
  const names = heard.map((vote) => vote.orderer).toSorted();
  return `item 12: a lone complainer leaves: ${names.join(", ")} asked for view ${change.viewTo} and nobody joined before the timeout`;
}

function unwatched(change: ViewChange): string | undefined {
  if (change.unwatched.size === 0) return undefined;
  const names = [...change.unwatched].toSorted().join(", ");
  return `item 35: a timeout was lost behind two complaints: ${names} waits in view ${change.viewTo}, and asks for no other by itself`;
}

function waitingForEver(change: ViewChange): string | undefined {
  if (change.waitingForEver.size === 0) return undefined;
  const names = [...change.waitingForEver].toSorted().join(", ");
  return `item 41: ${names} commits what was in flight before view ${change.viewTo}, and watches no timeout meanwhile`;
}

function ofPhases(input: SurpriseInput): readonly string[] {
  const [first] = input.outages;
  const found: string[] = [];
  for (const [index, { outage, phases }] of input.outages.entries()) {
    const length = outage.cutAt - outage.start;
    if (phases.transport !== undefined && 2 * phases.transport > length) {
      const waited = milliseconds(phases.transport);
      found.push(`outage ${index + 1}: the leader's sends waited ${waited} for an unreachable orderer (anchors 1.2)`);
    }
  }
  if (first === undefined) return found;
  const { outage, phases } = first;
  if (phases.inFlight !== undefined && phases.inFlight > 0) {
    found.push(
      `in-flight agreement took ${milliseconds(phases.inFlight)} (two ticks and a commit, section 16.1 step 3)`,
    );
  }
  if (phases.failover !== undefined && phases.failover > 0) {
    found.push(`the peer had lost its block source: its failover took ${milliseconds(phases.failover)} more`);
  }
  const healedAt = input.faults.find((row) => row.effectiveAt !== undefined)?.healedAt;
  if (healedAt === undefined || outage.end === undefined || healedAt >= outage.end) return found;
  const detection = phases.changes[0] === undefined ? undefined : detectedAt(phases.changes[0], input.cast);
  if (detection !== undefined && detection > healedAt) {
    found.push("item 2: no retransmission: the link was back before anybody complained, and the outage went on");
  } else if (detection === undefined)
    found.push("the link was back before the timers expired: the same leader went on");
  return found;
}

const namesOf = (ids: Iterable<number>, { orderers }: Cast): string =>
  [...ids].map((id) => orderers.find((orderer) => orderer.id === id)?.name ?? String(id)).join(", ");

const milliseconds = (duration: number | Duration): string => `${(duration / 1_000).toFixed(1)} ms`;
