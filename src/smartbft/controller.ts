// The controller (reference sections 4.4, 4.5, 5.2, 5.3, 5.8, 9 and 11): starts and stops Views, proposes as leader,
// delivers decisions, runs syncs. It does one job at a time: while a decision is delivered or a sync runs, the next
// decision, abort or installation waits, as in the library; where Go picks any of several, order of arrival holds here.
import { sequence, view as toView, type NodeId, type Sequence, type View } from "../base/index.js";
import { Batcher } from "./batcher.js";
import { bindings } from "./blacklist.js";
import { metadataOf } from "./checkpoint.js";
import type { Collector } from "./collector.js";
import type { Decision, RequestInfo } from "./contract.js";
import type { Core } from "./core.js";
import type { Delivery } from "./delivery.js";
import { EarlyMessages } from "./early-messages.js";
import type { HeartbeatMonitor } from "./heartbeat-monitor.js";
import type { InFlight } from "./in-flight.js";
import { leaderOf } from "./leader.js";
import type { Pool } from "./pool.js";
import type { StartingPoint, ViewPlace } from "./recovery.js";
import { syncOutcome, type SyncOutcome } from "./synchronisation.js";
import { RunningView, type ComplaintReason, type ViewHost, type ViewParts, type ViewStart } from "./view.js";
import { encodeViewMetadata } from "./wire/encode.js";
import type { NormalMessage } from "./wire/message.js";

export interface ControllerParts extends ViewParts {
  readonly pool: Pool;
  readonly monitor: HeartbeatMonitor;
  readonly collector: Collector;
  readonly delivery: Delivery;
  readonly inFlight: InFlight;
}

/** What the controller asks of the view changer. */
export interface ControllerEvents {
  readonly startViewChange: (view: View, options: { readonly stopView: boolean }) => void;
  readonly viewLearnt: (view: View) => void;
  /** The highest view for which ViewData was sent, or that was installed. */
  readonly promised: () => View;
}

type Job =
  | {
      readonly kind: "decide";
      readonly view: RunningView;
      readonly decision: Decision;
      readonly requests: readonly RequestInfo[];
    }
  | { readonly kind: "install"; readonly view: View; readonly sequence: Sequence }
  | { readonly kind: "abort"; readonly view: View }
  | { readonly kind: "sync" };

export class Controller implements ViewHost {
  readonly batcher: Batcher;
  readonly #core: Core;
  readonly #parts: ControllerParts;
  readonly #events: ControllerEvents;
  #view: View = toView(0);
  #decisions = 0;
  #running: RunningView | undefined;
  readonly #early = new EarlyMessages();
  /** Permission to propose once (section 4.4). */
  #token = false;
  #jobs: Job[] = [];
  #busy = false;
  /** A sync is asked for or runs: further requests collapse into it. */
  #syncing = false;

  constructor(parts: ControllerParts, events: ControllerEvents) {
    this.#core = parts.core;
    this.#parts = parts;
    this.#events = events;
    this.batcher = new Batcher(parts.core, parts.pool, (requests) => this.#propose(requests));
  }

  start(start: StartingPoint): void {
    this.#view = start.number;
    this.#decisions = start.decisions;
    this.#core.trace("controller", "started", { view: start.number, sequence: start.sequence });
    // The library starts the View that it is leaving, and aborts it.
    if (this.#core.improved && start.viewChange) return this.#parts.monitor.assign(this.#view, this.leader);
    this.#startView(start.sequence, start.resume, start.viewAt);
    this.#run();
  }

  get view(): View {
    return this.#view;
  }

  get running(): RunningView | undefined {
    return this.#running;
  }

  /** Jobs and early messages that wait. */
  get held(): number {
    return this.#jobs.length + this.#early.count;
  }

  get leader(): NodeId {
    return this.#leaderAfter(this.#decisions);
  }

  get isLeader(): boolean {
    return this.leader === this.#core.self;
  }

  handle(from: NodeId, message: NormalMessage): string {
    const running = this.#running;
    const early = this.#core.improved && this.#isEarly(message, running);
    const decision = running?.handle(from, message) ?? "dropped: no view";
    if (!early) return decision;
    this.#early.keep(from, message);
    return `kept for its view; ${decision}`;
  }

  /** For a View to come: of a higher view, of this one between two Views, or of the next tenure. */
  #isEarly(message: NormalMessage, running: RunningView | undefined): boolean {
    if (message.view !== this.#view || running === undefined) return message.view > this.#view;
    const ahead = message.sequence - running.sequence;
    if (running.stopped || ahead < 0) return running.stopped;
    return this.#leaderAfter(running.decisions + ahead) !== running.leader;
  }

  #leaderAfter(decisions: number): NodeId {
    return leaderOf(this.#core.options, { view: this.#view, decisions }, this.#parts.checkpoint.blacklist);
  }

  broadcast(message: NormalMessage): void {
    this.#core.broadcast(message);
    if (this.isLeader) this.#parts.monitor.messageSent();
  }

  complain(
    view: View,
    reason: ComplaintReason,
    { stopView }: { readonly stopView: boolean } = { stopView: false },
  ): void {
    this.#core.trace("controller", "complaint", { reason, view, leader: this.leader, stopView });
    this.#events.startViewChange(view, { stopView });
  }

  /** The forward timer of a request expired (section 11). */
  requestTimeout(request: Uint8Array, info: RequestInfo): void {
    const { leader, isLeader } = this;
    this.#core.trace("pool", "forwardTimeout", { ...info, leader, isLeader });
    if (!isLeader) this.#core.emit({ kind: "forward", to: leader, request });
  }

  /** The complain timer of a request expired: a follower complains, the leader falls silent. */
  leaderForwardTimeout(info: RequestInfo): void {
    const { leader, isLeader } = this;
    this.#core.trace("pool", "complainTimeout", { ...info, leader, isLeader });
    if (isLeader) this.#parts.monitor.silence();
    else this.complain(this.#view, "request", { stopView: true });
  }

  /** Also the timeout of a leader that fell silent, which the library ignores (docs/protocol.md, surprise 38). */
  heartbeatTimeout(_view: View, leader: NodeId): void {
    if (leader !== this.leader) return;
    if (this.isLeader) return this.#silentLeader();
    this.complain(this.#view, "heartbeat", { stopView: true });
  }

  /** Maybe the others are in a newer view, or wait for its vote to get there; its own View goes on. */
  #silentLeader(): void {
    if (!this.#core.improved) return;
    this.sync("a silent leader");
    this.complain(this.#view, "heartbeat");
  }

  decided(view: RunningView, decision: Decision, requests: readonly RequestInfo[]): void {
    this.#add({ kind: "decide", view, decision, requests });
  }

  /** The view changer is done: the new view takes the place of the running one. */
  viewChanged(view: View, sequence: Sequence): void {
    this.#core.trace("controller", "viewInstalled", { view, sequence });
    if (this.isLeader) this.batcher.close();
    this.#add({ kind: "install", view, sequence });
  }

  /**
   * ViewData for the next view is about to leave. The abort waits while a decision is delivered or a sync runs; what the View
   * votes for meanwhile its ViewData does not tell of. The library lets it (docs/protocol.md, surprise 37).
   */
  leaveView(view: View): void {
    const running = this.#running;
    if (this.#core.improved && running !== undefined && running.number <= view) running.stop();
    this.abortView(view);
  }

  abortView(view: View): void {
    this.batcher.close();
    this.#add({ kind: "abort", view });
  }

  sync(reason: string): void {
    this.#core.trace("controller", "syncRequested", { reason });
    // The wedge of section 15, item 13, begins here: after a sync that changes nothing nobody opens the batcher again.
    if (this.isLeader) this.batcher.close();
    if (this.#syncing) return;
    this.#syncing = true;
    this.#add({ kind: "sync" });
  }

  #add(job: Job): void {
    this.#jobs.push(job);
    this.#core.later(() => this.#run());
  }

  #run(): void {
    while (!this.#busy) {
      const job = this.#jobs.shift();
      if (job === undefined) break;
      this.batcher.stop();
      if (job.kind === "decide") this.#decide(job.view, job.decision, job.requests);
      else if (job.kind === "install") this.#install(job.view, job.sequence);
      else if (job.kind === "abort") this.#abort(job.view);
      else this.#sync();
    }
    if (!this.#busy && this.#token) this.batcher.ask();
  }

  #done(): void {
    this.#busy = false;
    this.#core.later(() => this.#run());
  }

  #propose(requests: readonly Uint8Array[]): void {
    const running = this.#running;
    this.#token = false;
    if (running === undefined || running.stopped) return;
    const { number: view, sequence, decisions } = running;
    const { options, application } = this.#core;
    const { checkpoint } = this.#parts;
    const proposer = { options, application, checkpoint, view, leader: running.leader };
    const bound = bindings(proposer, checkpoint.signatures);
    const metadata = encodeViewMetadata({ view, sequence, decisions, ...bound });
    this.#core.trace("view", "proposing", { view, sequence, count: requests.length });
    running.propose(application.assemble(metadata, requests));
  }

  #decide(view: RunningView, decision: Decision, requests: readonly RequestInfo[]): void {
    if (view.aborted) return;
    this.#busy = true;
    const decidedSequence = metadataOf(decision.proposal)?.sequence ?? sequence(0);
    const blacklistBefore = this.#parts.checkpoint.blacklist;
    this.#parts.delivery.deliver(decision, decidedSequence, ({ reconfigured }) => {
      this.#core.trace("controller", "delivered", {
        view: view.number,
        sequence: decidedSequence,
        count: requests.length,
      });
      this.#parts.pool.remove(requests);
      this.#tellBlacklist(blacklistBefore);
      if (reconfigured) return;
      this.#decisions += 1;
      this.#rotate(decidedSequence);
      // Released after the rotation: what the old View would begin now is the next leader's turn. A View that goes on
      // (a rotation may end where it began, when a shorter blacklist moves both terms) is not aborted.
      if (!view.aborted) view.release();
      this.#parts.pool.revalidate();
      if (this.isLeader) this.#token = true;
      this.#done();
    });
  }

  #tellBlacklist(before: readonly NodeId[]): void {
    const { view, sequence, blacklist } = this.#parts.checkpoint;
    if (blacklist.join() === before.join()) return;
    this.#core.trace("controller", "blacklist", { view, sequence, blacklist });
  }

  /**
   * Section 5.8, step 6. Both terms are computed under the new blacklist: when it shrinks in mid-tenure, the leader by
   * computation changes without a rotation, and nobody proposes (section 15, item 8).
   */
  #rotate(decided: Sequence): void {
    const [from, to] = [this.#leaderAfter(this.#decisions - 1), this.leader];
    if (from === to) return;
    this.#core.trace("controller", "rotating", { view: this.#view, sequence: decided, from, to });
    this.#change({ view: this.#view, sequence: sequence(decided + 1), decisions: this.#decisions });
    this.#parts.pool.restartTimers();
  }

  /**
   * A sync may have brought the view before, and the View that it started have decided since the place was asked for. The library
   * begins again at that place (docs/protocol.md, surprise 21).
   */
  #install(view: View, asked: Sequence): void {
    const isRunning = this.#core.improved && view === this.#view;
    if (!isRunning) return this.#change({ view, sequence: asked, decisions: 0 });
    this.#change({ view, sequence: sequence(this.#parts.checkpoint.sequence + 1), decisions: this.#decisions });
  }

  #abort(view: View): void {
    if (view < this.#view) return;
    this.#stopView();
  }

  #stopView(): void {
    this.#token = false;
    const running = this.#running;
    if (running === undefined || running.aborted) return;
    running.abort();
    this.#core.trace("controller", "viewAborted", { view: running.number });
  }

  /** Section 4.5. All that the old View holds is lost, the next pre-prepare included (section 15, item 10). */
  #change(next: { readonly view: View; readonly sequence: Sequence; readonly decisions: number }): void {
    if (next.view < this.#view) return;
    if (this.#core.improved && next.view < this.#events.promised()) return this.#stayAway(next);
    const running = this.#running;
    const already =
      running !== undefined &&
      !running.stopped &&
      running.number === next.view &&
      running.leader === this.leader &&
      this.#decisions === next.decisions;
    if (already) {
      if (this.#core.improved && this.isLeader) this.batcher.open();
      return;
    }
    this.#stopView();
    this.#view = next.view;
    this.#decisions = next.decisions;
    // The library forgets what it voted for here, and a leader may propose something else (section 15, item 21).
    const again = running?.number === next.view && running.sequence === next.sequence;
    this.#startView(next.sequence, this.#core.improved && again ? running.voted() : undefined);
    if (this.isLeader) this.batcher.open();
  }

  /**
   * Its ViewData said what it knew, and a NewView made of it may still come: who votes in an older view after that may take
   * part in two decisions at one sequence. The library goes back after a timeout (docs/protocol.md, surprise 37).
   */
  #stayAway(next: { readonly view: View; readonly sequence: Sequence; readonly decisions: number }): void {
    this.#stopView();
    this.#view = next.view;
    this.#decisions = next.decisions;
    this.#parts.published.sequence = next.sequence;
  }

  /** `viewAt`: only after a restart, where the log may know another place than the ledger (section 15, items 6 and 7). */
  #startView(from: Sequence, resume: ViewStart["resume"], viewAt?: ViewPlace): void {
    const { leader } = this;
    const at = { number: this.#view, leader, sequence: from, decisions: this.#decisions, ...viewAt };
    const running = new RunningView(this.#parts, this, resume === undefined ? at : { ...at, resume });
    this.#running = running;
    this.#parts.monitor.assign(this.#view, leader);
    const { sequence, decisions } = running;
    this.#core.trace("controller", "viewStarting", { view: this.#view, sequence, decisions, leader });
    running.start();
    this.#token = this.isLeader && running.phase === "committed";
    // Nothing was kept unless improved; each was told of when it came.
    for (const { from: sender, message } of this.#early.take(this.#view)) {
      if (message.sequence >= running.sequence) running.handle(sender, message);
    }
  }

  /** Section 9.2. */
  #sync(): void {
    const { checkpoint, inFlight } = this.#parts;
    this.#busy = true;
    this.#core.trace("controller", "syncStarted");
    this.#parts.delivery.synchronise((decision) => {
      const own = { view: this.#view, sequence: checkpoint.sequence, decisions: this.#decisions };
      const returned = decision === undefined ? undefined : metadataOf(decision.proposal);
      if (decision !== undefined && returned !== undefined && returned.sequence > own.sequence)
        checkpoint.set(decision);
      this.#parts.collector.collect((collected) => {
        const outcome = syncOutcome({ own, returned, collected });
        if (inFlight.sequence <= (returned?.sequence ?? 0)) inFlight.clear();
        this.#parts.pool.revalidate();
        this.#conclude(outcome);
      });
    });
  }

  #conclude(outcome: SyncOutcome): void {
    const { published, state, inFlight } = this.#parts;
    this.#core.trace("controller", "syncEnded", {
      view: outcome.kind === "nothing" ? this.#view : outcome.view,
      sequence: outcome.kind === "nothing" ? published.sequence : outcome.sequence,
      outcome: outcome.kind,
    });
    if (outcome.kind === "nothing") {
      this.#change({ view: this.#view, sequence: published.sequence, decisions: this.#decisions });
    } else {
      if (outcome.learnt) {
        state.saveNewView(outcome.view, sequence(outcome.sequence - 1));
        inFlight.voidBefore(outcome.view);
      }
      if (outcome.view > this.#view) this.#events.viewLearnt(outcome.view);
      this.#change(outcome);
    }
    this.#syncing = false;
    this.#done();
  }
}
