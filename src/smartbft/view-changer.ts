// The view changer (reference section 8): IDLE → ASKING → DATA → installed. This file is its state, its votes and its
// clock; judging ViewData and NewViews is view-data.ts and new-view.ts, ending a change is view-installer.ts.
//
// It handles one event at a time. While it waits for signatures, a delivery or an in-flight commit, further messages
// queue up to IncomingMessageBufferSize (the library then blocks the transport, here the message is dropped by name).
import {
  after,
  assertNever,
  view as toView,
  type Instant,
  type NodeId,
  type Sequence,
  type View,
} from "../base/index.js";
import type { Core } from "./core.js";
import { leaderOf } from "./leader.js";
import type { Pool } from "./pool.js";
import type { State } from "./state.js";
import { ViewInstaller, type InstallerParts } from "./view-installer.js";
import type { NewView, NormalMessage, SignedViewData, ViewChange, ViewChangeMessage } from "./wire/message.js";
import { decodeViewData } from "./wire/decode.js";

export interface ViewChangerParts extends Omit<InstallerParts, "events"> {
  readonly state: State;
  readonly pool: Pool;
}

/** What the view changer asks of the controller. */
export interface ViewChangerEvents {
  readonly abortView: (view: View) => void;
  /** Aborts it too; ViewData for the next view is about to leave. */
  readonly leaveView: (view: View) => void;
  readonly viewChanged: (view: View, sequence: Sequence) => void;
  readonly sync: (reason: string) => void;
  readonly broadcast: (message: NormalMessage) => void;
}

type Event =
  | { readonly kind: "start"; readonly view: View; readonly stopView: boolean }
  | { readonly kind: "message"; readonly from: NodeId; readonly message: ViewChangeMessage }
  | { readonly kind: "learnt"; readonly view: View };

const startRequestsMax = 2;

export class ViewChanger {
  readonly #core: Core;
  readonly #parts: ViewChangerParts;
  readonly #events: ViewChangerEvents;
  readonly #installer: ViewInstaller;
  /** Being negotiated or in force; asked for; installed (section 8.1). */
  #currView: View = toView(0);
  #nextView: View = toView(0);
  #realView: View = toView(0);
  readonly #votes = new Set<NodeId>();
  readonly #nextViews = new Map<NodeId, View>();
  /**
   * Whom this replica helped since the last tick. The library has no such bound: two replicas in a later view change that
   * lost each other's latest vote take one another for laggards and answer each other as fast as the network carries it,
   * three of them twice as often each time, until the next resend. Not reproduced: nothing but the network would end it.
   */
  readonly #helped = new Set<NodeId>();
  #checkTimeout = false;
  #startTime: Instant;
  #backOff = 1;
  #lastTick: Instant;
  #lastResend: Instant;
  #queue: Event[] = [];
  #busy = false;
  #tickPending = false;
  /** Improved fidelity: the last message of each sender that came one view too early (section 15, item 18). */
  readonly #early = new Map<NodeId, ViewChangeMessage>();

  constructor(parts: ViewChangerParts, events: ViewChangerEvents) {
    this.#core = parts.core;
    this.#parts = parts;
    this.#events = events;
    this.#startTime = parts.core.now;
    this.#lastTick = parts.core.now;
    this.#lastResend = parts.core.now;
    this.#installer = new ViewInstaller({
      ...parts,
      events: { sync: events.sync, broadcast: events.broadcast, installed: () => this.#installed() },
    });
  }

  /** `entered` is older than `view` where that is about to be left, and nobody is known to have been in it. */
  start(view: View, entered: View, now: Instant): void {
    this.#currView = view;
    this.#nextView = view;
    this.#realView = entered;
    this.#lastTick = now;
    this.#lastResend = now;
    this.#core.trace("viewChanger", "started", { view });
  }

  /** Being negotiated, or in force. */
  get currentView(): View {
    return this.#currView;
  }

  get nextView(): View {
    return this.#nextView;
  }

  get realView(): View {
    return this.#realView;
  }

  /** Events that wait. */
  get held(): number {
    return this.#queue.length + this.#early.size;
  }

  get changing(): boolean {
    return this.#checkTimeout || this.#currView !== this.#realView || this.#nextView !== this.#currView;
  }

  /** A complaint. A queue of two: further ones are lost, as in the library. */
  startViewChange(view: View, { stopView }: { readonly stopView: boolean }): void {
    if (this.#isStartQueueFull) return;
    this.#queue.push({ kind: "start", view, stopView });
    this.#core.later(() => this.#run());
  }

  get #isStartQueueFull(): boolean {
    return this.#queue.filter(({ kind }) => kind === "start").length >= startRequestsMax;
  }

  /** A sync found a view (section 8.11). */
  learnView(view: View): void {
    // Improved: before all that waits or is examined, which is of older views, or would make a NewView after votes in this one.
    if (this.#core.improved) {
      this.#installer.inForce(view);
      this.#queue.unshift({ kind: "learnt", view });
    } else this.#queue.push({ kind: "learnt", view });
    this.#core.later(() => this.#run());
  }

  handle(from: NodeId, message: ViewChangeMessage): string {
    if (!this.#busy && this.#queue.length === 0) {
      const decision = this.#message(from, message);
      this.#core.later(() => this.#run());
      return decision;
    }
    if (this.#queue.length >= this.#core.options.incomingMessageBufferSize)
      return "dropped: view changer's queue is full";
    this.#queue.push({ kind: "message", from, message });
    return "queued";
  }

  /** Normal-case messages also go to an in-flight View, if there is one; undefined when there is none. */
  handleNormal(from: NodeId, message: NormalMessage): string | undefined {
    return this.#installer.handle(from, message);
  }

  tick(now: Instant): void {
    this.#lastTick = now;
    this.#helped.clear();
    if (!this.#busy) return this.#clock();
    if (!this.#installer.tick()) {
      this.#tickPending = true;
      return;
    }
    if (!this.#checkTimeout) this.#core.trace("viewChanger", "inFlightUnwatched", { view: this.#currView });
    if (this.#timeoutDue()) {
      this.#installer.fail("view change timeout");
      this.#timeout();
    }
  }

  #run(): void {
    if (!this.#busy && this.#tickPending) {
      this.#tickPending = false;
      this.#clock();
    }
    while (!this.#busy) {
      const event = this.#queue.shift();
      if (event === undefined) return;
      if (event.kind === "start") this.#start(event.view, { stopView: event.stopView });
      else if (event.kind === "learnt") this.#learn(event.view);
      else this.#message(event.from, event.message);
    }
  }

  readonly #release = (): void => {
    this.#busy = false;
    this.#core.later(() => this.#run());
  };

  #message(from: NodeId, message: ViewChangeMessage): string {
    switch (message.kind) {
      case "ViewChange":
        return this.#viewChange(from, message);
      case "ViewData":
        return this.#viewData(from, message);
      case "NewView":
        return this.#newView(from, message);
      default:
        return assertNever(message);
    }
  }

  /** Section 8.2. */
  #start(view: View, { stopView }: { readonly stopView: boolean }): void {
    if (view < this.#currView) return;
    if (this.#nextView === this.#currView + 1) {
      this.#checkTimeout = true;
      return;
    }
    this.#nextView = toView(this.#currView + 1);
    this.#parts.pool.stopTimers();
    this.#vote(this.#nextView);
    this.#core.trace("viewChanger", "viewChangeStarted", { view: this.#currView, nextView: this.#nextView });
    if (stopView) this.#events.abortView(this.#currView);
    this.#startTime = this.#lastTick;
    this.#checkTimeout = true;
  }

  #vote(nextView: View): void {
    this.#core.broadcast({ kind: "ViewChange", nextView, reason: this.#installer.reasonOfVote });
  }

  /** Section 8.3. */
  #viewChange(from: NodeId, vote: ViewChange): string {
    const { nextView } = vote;
    this.#installer.voted(from, vote);
    const highest = Math.max(this.#nextViews.get(from) ?? 0, nextView);
    this.#nextViews.set(from, toView(highest));
    if (nextView === this.#currView + 1) {
      if (this.#votes.has(from)) return "dropped: second vote";
      this.#votes.add(from);
      this.#countVotes();
      return "vote stored";
    }
    // The library helps while it asks for a view itself, into views that are not over here. Improved, it helps in the data phase
    // too, where a node spends its time when attempts fail; otherwise a replica that fell behind in view numbers may never gather
    // a quorum of help (tests/pure/smartbft-faults, "a livelock"). And into the installed view and older ones: maybe nobody is
    // left who could tell the other of them, and it must come through all to the one that is asked for now
    // (tests/solved-alarms/stalled-215982). A vote binds nobody.
    const isAsking = this.#nextView === this.#currView + 1;
    const isHelping = this.#core.improved || (isAsking && nextView > this.#realView);
    if (nextView <= this.#currView && isHelping && nextView === highest) {
      if (this.#helped.has(from)) return `dropped: next view ${nextView}, helped since the last tick`;
      this.#helped.add(from);
      this.#vote(nextView);
      return `helped: next view ${nextView}`;
    }
    return `dropped: next view ${nextView}, expected ${this.#currView + 1}`;
  }

  /** Section 8.4: Q-1 foreign votes advance; they also make a node join, F+1 already do with speed-up. */
  #countVotes(): void {
    const { options, f, q } = this.#core;
    const quorum = this.#votes.size >= q - 1;
    if (options.speedUpViewChange ? this.#votes.size === f + 1 : quorum) {
      this.#core.trace("viewChanger", "viewChangeJoined", {
        view: this.#currView,
        nextView: toView(this.#currView + 1),
      });
      this.#start(this.#currView, { stopView: true });
    }
    if (quorum) this.#advance();
  }

  #advance(): void {
    this.#parts.state.saveViewChange(this.#currView);
    this.#enterDataPhase();
  }

  /** After a restart whose log ends in a view_change record (section 8.12): votes and advances without counting. */
  restore(): void {
    this.#start(this.#currView, { stopView: true });
    this.#enterDataPhase();
  }

  #enterDataPhase(): void {
    this.#events.leaveView(this.#currView);
    this.#currView = this.#nextView;
    this.#votes.clear();
    // Improved: the next leader has the whole time from here on, as in PBFT (section 15, item 17), whenever this replica asked. With
    // just a quorum left, one whose time was always nearly over ended each attempt (tests/solved-alarms/stalled-904956).
    if (this.#core.improved) this.#startTime = this.#lastTick;
    const leader = this.#leader();
    this.#installer.enter(this.#currView, leader, this.#busyWith());
    for (const [from, message] of this.#early) this.#queue.push({ kind: "message", from, message });
    this.#early.clear();
  }

  #viewData(from: NodeId, message: SignedViewData): string {
    if (this.#keepEarly(from, message, message)) return "kept: for the next view";
    // Told again by who was started again or reconfigured in the middle of this change (items 3 and 34): no second NewView.
    if (this.#isInstalled) {
      this.#core.trace("viewChanger", "viewDataRefused", { from, reason: "installed already" });
      return "rejected: installed already";
    }
    return this.#installer.viewData(from, message, this.#leader(), this.#busyWith());
  }

  #newView(from: NodeId, message: NewView): string {
    if (this.#keepEarly(from, message, message.entries[0])) return "kept: for the next view";
    const leader = this.#leader();
    const reason =
      from !== leader ? `from ${from}, next leader ${leader}` : this.#isInstalled ? "installed already" : undefined;
    if (reason !== undefined) {
      this.#core.trace("viewChanger", "newViewRefused", { view: this.#currView, reason });
      return `rejected: ${reason}`;
    }
    this.#installer.newView(message, this.#busyWith());
    return "examined";
  }

  /** Improved: what would install it again is refused (item 19). */
  get #isInstalled(): boolean {
    return this.#core.improved && this.#realView === this.#currView;
  }

  #keepEarly(from: NodeId, message: ViewChangeMessage, entry: SignedViewData | undefined): boolean {
    if (!this.#core.improved || entry === undefined) return false;
    const data = decodeViewData(entry.raw);
    if (data.kind === "bad" || data.value.nextView !== this.#currView + 1) return false;
    this.#early.set(from, message);
    return true;
  }

  /** From here until the returned function is called, events wait. */
  #busyWith(): () => void {
    this.#busy = true;
    return this.#release;
  }

  /** The change is over, with its record written (end of section 8.9). */
  #installed(): void {
    this.#realView = this.#currView;
    // The library keeps a vote for the view after this one, and does not repeat it when it complains (item 35).
    if (this.#core.improved) this.#nextView = this.#currView;
    this.#nextViews.clear();
    this.#events.viewChanged(this.#currView, this.#installer.nextSequence);
    this.#parts.pool.restartTimers();
    this.#checkTimeout = false;
    this.#backOff = 1;
  }

  #learn(view: View): void {
    if (view < this.#currView) return;
    this.#currView = view;
    this.#realView = view;
    this.#nextView = view;
    this.#votes.clear();
    this.#nextViews.clear();
    this.#installer.leave();
    this.#checkTimeout = false;
    this.#backOff = 1;
    this.#core.trace("viewChanger", "viewLearnt", { view });
    this.#parts.pool.restartTimers();
  }

  /** Section 8.7, at each tick. */
  #clock(): void {
    const { viewChangeResendInterval } = this.#core.options;
    if (this.#checkTimeout && after(this.#lastResend, viewChangeResendInterval) <= this.#lastTick) {
      this.#lastResend = this.#lastTick;
      this.#core.trace("viewChanger", "viewChangeResent", { nextView: this.#nextView });
      this.#vote(this.#nextView);
    }
    if (this.#timeoutDue()) this.#timeout();
  }

  #timeoutDue(): boolean {
    return (
      this.#checkTimeout && this.#lastTick >= this.#startTime + this.#core.options.viewChangeTimeout * this.#backOff
    );
  }

  /**
   * No back-off while votes are missing: the start time stays (section 15, item 17). The library's own request to go on may
   * be lost behind two complaints that came while an in-flight commit was waited for; nothing is watched any more then, and
   * the replica neither votes nor asks again until others agree without it (docs/protocol.md, item 35).
   */
  #timeout(): void {
    this.#checkTimeout = false;
    this.#core.trace("viewChanger", "viewChangeTimeout", { view: this.#currView, attempt: this.#backOff });
    this.#backOff += 1;
    this.#events.sync("view change timeout");
    if (this.#isStartQueueFull && !this.#core.improved) {
      this.#core.trace("viewChanger", "viewChangeLost", { view: this.#currView });
      return;
    }
    // Improved: before all that waits, so that no NewView begins an in-flight commit that nothing watches (item 41).
    const start = { kind: "start", view: this.#currView, stopView: false } as const;
    if (this.#core.improved) this.#queue.unshift(start);
    else this.#queue.push(start);
    this.#core.later(() => this.#run());
  }

  #leader(): NodeId {
    const tenure = { view: this.#currView, decisions: 0 };
    return leaderOf(this.#core.options, tenure, this.#parts.checkpoint.blacklist);
  }
}
