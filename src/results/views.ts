// View changes as the orderers' own steps tell them: one record for each view that anybody asked for, with who did what
// first (reference section 12.3 names the steps). Steps that do not name the view they work for are taken to belong to the
// view that their orderer asked for last.
import type { Instant } from "../base/index.js";
import type { BlockEvent, StepEvent } from "../boundary/index.js";
import { nthInstant, type Cast } from "./cast.js";

export interface Complaint {
  readonly orderer: string;
  readonly at: Instant;
  /** "request", "heartbeat", "badProposal" …; "vote" where the orderer voted and no complaint was stated. */
  readonly reason: string;
  /** A fault kept its vote from everybody else. */
  readonly isCutOff: boolean;
}

export interface InFlight {
  /** Block that is agreed on; undefined where the event does not say. */
  readonly sequence: number | undefined;
  readonly waitingAt: Instant;
  endedAt: Instant | undefined;
  outcome: "committed" | "failed" | "open";
}

/** First instants of each milestone on the way to view `viewTo`, per orderer where several pass it. */
export interface ViewChange {
  readonly viewFrom: number;
  readonly viewTo: number;
  /** First complaint or vote of each orderer. */
  readonly votes: Map<string, Complaint>;
  readonly joined: Map<string, Instant>;
  readonly viewDataSent: Map<string, Instant>;
  readonly newViewAccepted: Map<string, Instant>;
  readonly inFlight: Map<string, InFlight>;
  /** The view is in force at an orderer: installed, started or learnt. */
  readonly installed: Map<string, Instant>;
  /** From here on an orderer takes messages of the view: one that was syncing starts it later than it is in force there. */
  readonly started: Map<string, Instant>;
  viewDataQuorumAt: Instant | undefined;
  newViewSentAt: Instant | undefined;
  newLeader: string;
  /** View-change timeouts and refused view data while this view was asked for. */
  timeouts: number;
  readonly timedOut: Set<string>;
  /** Whose timeout's request to go on was lost: it neither votes nor asks again by itself. */
  readonly unwatched: Set<string>;
  /** Who commits what is in flight while it watches no timeout. */
  readonly waitingForEver: Set<string>;
  refusals: number;
  readonly refusedFrom: Set<number>;
  /** First ViewData of each orderer, by its id, that came before the next leader had a quorum of votes, and was lost. */
  readonly tooEarly: Map<number, Instant>;
  firstProposal: { readonly at: Instant; readonly orderer: string; readonly sequence: number } | undefined;
  firstDecision: { readonly at: Instant; readonly orderer: string; readonly block: number } | undefined;
  firstCommit: { readonly at: Instant; readonly peer: string } | undefined;
}

const viewChangesMax = 2_000;
/** In the words of our replica, and of the Go library. */
const tooEarlyReason = /^(?:next leader is |not the next leader)/;

export class Views {
  readonly #cast: Cast;
  readonly #byView = new Map<number, ViewChange>();
  /** View that each orderer asked for last. */
  readonly #asked = new Map<string, number>();
  /** View that each orderer stated last, and who leads it. */
  readonly #stated = new Map<string, { readonly view: number; readonly leader: number | undefined }>();
  readonly #ids: ReadonlySet<string>;
  readonly #isCutOff: (node: string) => boolean;

  constructor(cast: Cast, isCutOff: (node: string) => boolean) {
    this.#cast = cast;
    this.#isCutOff = isCutOff;
    this.#ids = new Set(cast.orderers.map((orderer) => orderer.name));
  }

  /** By target view. */
  list(): readonly ViewChange[] {
    return [...this.#byView.values()].toSorted((left, right) => left.viewTo - right.viewTo);
  }

  /** The view that a quorum has reached; undefined until a quorum has stated one. */
  inForce(): number | undefined {
    return [...this.#stated.values()].map((each) => each.view).toSorted((left, right) => right - left)[
      this.#cast.quorum - 1
    ];
  }

  /** View of one orderer as it stated it last. */
  viewOf(orderer: string): number | undefined {
    return this.#stated.get(orderer)?.view;
  }

  /** Name of the leader of the highest view in which f+1 orderers agree on one. */
  leader(): string | undefined {
    const stated = [...this.#stated.values()].filter((each) => each.leader !== undefined);
    const sorted = stated.toSorted((left, right) => right.view - left.view);
    const agreed = sorted[Math.floor((this.#cast.orderers.length - 1) / 3)];
    return this.#cast.orderers.find((orderer) => orderer.id === agreed?.leader)?.name;
  }

  step(event: StepEvent): void {
    if (!this.#ids.has(event.node)) return;
    const { node, at, facts } = event;
    switch (event.step) {
      case "complaint":
        return this.#vote(node, at, numberOf(facts["view"], 1), String(facts["reason"] ?? ""));
      case "viewChangeStarted":
        return this.#vote(node, at, numberOf(facts["nextView"]), "vote");
      case "viewChangeJoined":
        this.#vote(node, at, numberOf(facts["nextView"]), "vote");
        return this.#mark(numberOf(facts["nextView"]), (change) => setFirst(change.joined, node, at));
      case "viewDataSent":
        return this.#mark(numberOf(facts["nextView"]), (change) => setFirst(change.viewDataSent, node, at));
      case "viewDataQuorum":
        return this.#mark(numberOf(facts["nextView"]), (change) => (change.viewDataQuorumAt ??= at));
      case "newViewSent":
        return this.#mark(numberOf(facts["view"]), (change) => {
          change.newViewSentAt ??= at;
          change.newLeader = node;
        });
      case "newViewAccepted":
        return this.#mark(numberOf(facts["view"]), (change) => setFirst(change.newViewAccepted, node, at));
      case "viewInstalled":
      case "viewStarting":
      case "viewLearnt":
        return this.#install(event);
      case "proposing":
        return this.#mark(numberOf(facts["view"]), (change) => {
          change.firstProposal ??= { at, orderer: node, sequence: numberOf(facts["sequence"]) ?? 0 };
        });
      default:
        return this.#attempt(event);
    }
  }

  /** Steps of an attempt that do not say which view they work for. */
  #attempt(event: StepEvent): void {
    const { node, at, facts } = event;
    this.#mark(this.#asked.get(node), (change) => {
      const inFlight = change.inFlight.get(node);
      if (event.step === "viewChangeTimeout") {
        change.timeouts += 1;
        change.timedOut.add(node);
      } else if (event.step === "viewChangeLost") {
        change.unwatched.add(node);
      } else if (event.step === "inFlightUnwatched") {
        change.waitingForEver.add(node);
      } else if (event.step === "viewDataRefused") {
        change.refusals += 1;
        const from = numberOf(facts["from"]);
        const isEarly = tooEarlyReason.test(String(facts["reason"]));
        if (from !== undefined && !isEarly) change.refusedFrom.add(from);
        if (from !== undefined && isEarly && !change.tooEarly.has(from)) change.tooEarly.set(from, at);
      } else if (event.step === "inFlightWaiting" || event.step === "inFlightStarted") {
        if (inFlight !== undefined) return;
        const told = event.facts["sequence"];
        const sequence = typeof told === "number" ? told : undefined;
        change.inFlight.set(node, { sequence, waitingAt: at, endedAt: undefined, outcome: "open" });
      } else if (event.step === "inFlightCommitted" || event.step === "inFlightFailed") {
        if (inFlight === undefined || inFlight.endedAt !== undefined) return;
        inFlight.endedAt = at;
        inFlight.outcome = event.step === "inFlightCommitted" ? "committed" : "failed";
      }
    });
  }

  block(event: BlockEvent): void {
    const { at, node, number } = event;
    if (event.role === "orderer") {
      if (event.source !== "decision") return;
      this.#mark(event.view, (change) => (change.firstDecision ??= { at, orderer: node, block: number }));
    } else {
      this.#mark(event.view, (change) => {
        if (change.firstDecision?.block === number) change.firstCommit ??= { at, peer: node };
      });
    }
  }

  #vote(orderer: string, at: Instant, viewTo: number | undefined, reason: string): void {
    if (viewTo === undefined) return;
    this.#asked.set(orderer, viewTo);
    let change = this.#byView.get(viewTo);
    if (change === undefined) {
      if (this.#byView.size >= viewChangesMax) return;
      change = emptyChange(viewTo);
      this.#byView.set(viewTo, change);
    }
    if (!change.votes.has(orderer))
      change.votes.set(orderer, { orderer, at, reason, isCutOff: this.#isCutOff(orderer) });
  }

  #mark(view: number | undefined, mark: (change: ViewChange) => void): void {
    const change = view === undefined ? undefined : this.#byView.get(view);
    if (change !== undefined) mark(change);
  }

  #install(event: StepEvent): void {
    const view = numberOf(event.facts["view"]);
    if (view === undefined) return;
    const leader = numberOf(event.facts["leader"]);
    const before = this.#stated.get(event.node);
    this.#stated.set(event.node, { view, leader: leader ?? (before?.view === view ? before.leader : undefined) });
    this.#mark(view, (change) => {
      setFirst(change.installed, event.node, event.at);
      if (event.step === "viewStarting") setFirst(change.started, event.node, event.at);
      const name = this.#cast.orderers.find((orderer) => orderer.id === leader)?.name;
      if (name !== undefined) change.newLeader = name;
    });
  }
}

/** When enough orderers that can be heard had complained or voted of themselves for the change to go on without more. */
export function detectedAt(change: ViewChange, cast: Cast): Instant | undefined {
  const heard = [...change.votes.values()].filter((vote) => !vote.isCutOff);
  return nthInstant(
    heard.map((vote) => vote.at),
    cast.complainers,
  );
}

/** When the view was in force on a quorum, and at which orderer this became true. */
export function installedAt(
  change: ViewChange,
  cast: Cast,
): { readonly at: Instant; readonly orderer: string } | undefined {
  const sorted = [...change.installed].toSorted(([leftName, left], [rightName, right]) => {
    return left - right || (leftName < rightName ? -1 : 1);
  });
  const last = sorted[cast.quorum - 1];
  return last === undefined ? undefined : { orderer: last[0], at: last[1] };
}

/** Complaints and votes by instant, then name. */
export function votesInOrder(change: ViewChange): readonly Complaint[] {
  return [...change.votes.values()].toSorted(
    (left, right) => left.at - right.at || (left.orderer < right.orderer ? -1 : 1),
  );
}

function emptyChange(viewTo: number): ViewChange {
  return {
    viewFrom: viewTo - 1,
    viewTo,
    votes: new Map(),
    joined: new Map(),
    viewDataSent: new Map(),
    newViewAccepted: new Map(),
    inFlight: new Map(),
    installed: new Map(),
    started: new Map(),
    viewDataQuorumAt: undefined,
    newViewSentAt: undefined,
    newLeader: "",
    timeouts: 0,
    timedOut: new Set(),
    unwatched: new Set(),
    waitingForEver: new Set(),
    refusals: 0,
    refusedFrom: new Set(),
    tooEarly: new Map(),
    firstProposal: undefined,
    firstDecision: undefined,
    firstCommit: undefined,
  };
}

function numberOf(fact: unknown, plus = 0): number | undefined {
  return typeof fact === "number" ? fact + plus : undefined;
}

function setFirst<K, V>(map: Map<K, V>, key: K, value: V): void {
  if (!map.has(key)) map.set(key, value);
}
