// One participant of SmartBFT as a deterministic machine: same inputs, same effects. It wires the components together,
// hands each message to the one it is for (reference section 11), and is the one clock of them all.
//
// Everything due is fired before an input is looked at, one timer at a time and each to its end, so that what a timer
// stops (a complaint stops all request timers) is stopped before the next one fires. Messages are data: whatever they
// hold, a step never throws because of one; it throws `AssertionError` when the host breaks the contract.
import {
  after,
  assert,
  assertNever,
  earliest,
  type Duration,
  type Instant,
  type NodeId,
  type Sequence,
  type View,
  view as toView,
} from "../base/index.js";
import { Checkpoint } from "./checkpoint.js";
import { Components, type Lasting } from "./components.js";
import type { Application, Effect, Input, Reconfiguration, Recovery } from "./contract.js";
import { Core, outline } from "./core.js";
import { InFlight } from "./in-flight.js";
import { optionProblems, type Options } from "./options.js";
import { Pool } from "./pool.js";
import { startingPoint, type StartingPoint } from "./recovery.js";
import { State } from "./state.js";
import { syncOutcome } from "./synchronisation.js";
import type { Phase } from "./view.js";
import type { ViewChanger } from "./view-changer.js";
import { decodeMessage } from "./wire/decode.js";
import type { Decoded, Message } from "./wire/message.js";

/** A look inside, for status displays and tests; nothing of the protocol reads it. */
export interface ReplicaStatus {
  readonly view: View;
  readonly leader: NodeId;
  /** Of the last delivered decision. */
  readonly sequence: Sequence;
  readonly phase: Phase;
  readonly poolCount: number;
  readonly nextView: View;
  readonly realView: View;
  /** Whether a View runs and has not stopped itself. */
  readonly active: boolean;
  readonly viewChanging: boolean;
  /** Messages and jobs that wait here for something, beyond the votes of a View: bounded, whatever others send. */
  readonly held: number;
}

/** Answers of the host: they are never held back. */
type Answer = Extract<Input, { readonly kind: "verified" | "delivered" | "synchronised" }>;
type Outside = Exclude<Input, Answer | { readonly kind: "start" | "deadline" }>;

/** `syncing`: the library's SyncOnStart, during which nothing from outside is heard (section 15, item 14). */
type Stage = "new" | "syncing" | "running" | "evicted";

export class Replica {
  readonly #core: Core;
  readonly #lasting: Lasting;
  #components: Components;
  readonly #walEntries: readonly Uint8Array[];
  #startingPoint: StartingPoint;
  #stage: Stage = "new";
  #nextTick: Instant | undefined;
  /** What came while syncing; policy when full: dropped by name. */
  readonly #unheard: Outside[] = [];

  /** Throws when the recovery cannot be this replica's: an unreadable record, or a log that is ahead of the ledger. */
  constructor(options: Options, application: Application, recovery: Recovery) {
    const core = new Core(options, application);
    this.#core = core;
    this.#walEntries = recovery.walEntries;
    const checkpoint = new Checkpoint(recovery.lastDecision);
    this.#startingPoint = startingPoint(checkpoint, recovery.walEntries, core);
    const inFlight = new InFlight(core);
    const pool = new Pool(core, {
      forward: (request, info) => this.#components.controller.requestTimeout(request, info),
      complain: (info) => this.#components.controller.leaderForwardTimeout(info),
      admitted: () => this.#components.controller.batcher.submitted(),
    });
    this.#lasting = { core, state: new State(core, inFlight), checkpoint, inFlight, pool };
    this.#components = new Components(this.#lasting, this.#startingPoint.sequence);
  }

  /** Never goes back in time. The effects are to be carried out in order, a `persist` before any later `send`. */
  step(now: Instant, input: Input): readonly Effect[] {
    assert(now >= this.#core.now, `Time went back from ${this.#core.now} to ${now}`);
    this.#core.now = now;
    this.#fireDue();
    this.#take(input);
    this.#core.runAgenda();
    return this.#core.take();
  }

  /** The earliest instant at which `step` must be called, be it with `deadline`. */
  deadline(): Instant | undefined {
    if (this.#stage === "evicted") return undefined;
    const { controller, collector } = this.#components;
    return earliest(this.#nextTick, this.#lasting.pool.deadline(), controller.batcher.deadline(), collector.deadline());
  }

  status(): ReplicaStatus {
    const { controller, viewChanger } = this.#components;
    const { checkpoint, pool } = this.#lasting;
    const { running } = controller;
    return {
      view: controller.view,
      leader: controller.leader,
      sequence: checkpoint.sequence,
      phase: running?.phase ?? "aborted",
      poolCount: pool.count,
      nextView: viewChanger.nextView,
      realView: viewChanger.realView,
      active: this.#stage === "running" && running !== undefined && !running.stopped,
      viewChanging: viewChanger.changing,
      held: viewChanger.held + controller.held + this.#unheard.length,
    };
  }

  #fireDue(): void {
    for (let due = this.deadline(); due !== undefined && due <= this.#core.now; due = this.deadline()) {
      if (due === this.#nextTick) this.#tick(due);
      else if (due === this.#lasting.pool.deadline()) this.#lasting.pool.expire();
      else if (due === this.#components.controller.batcher.deadline()) this.#components.controller.batcher.expire();
      else this.#components.collector.expire();
      this.#core.runAgenda();
    }
  }

  /** Both tickers. A host that was paused gets one tick, the last one missed, as Go's tickers drop what nobody took. */
  #tick(due: Instant): void {
    const { tickInterval } = this.#core.options;
    const missed = Math.floor((this.#core.now - due) / tickInterval);
    const tick = after(due, (missed * tickInterval) as Duration); // whole microseconds
    this.#nextTick = after(tick, tickInterval);
    if (this.#stage !== "running") return;
    this.#components.monitor.tick(tick);
    this.#components.viewChanger.tick(tick);
  }

  #take(input: Input): void {
    switch (input.kind) {
      case "start":
        return this.#start();
      case "deadline":
        return;
      case "verified":
        return this.#core.verified(input.id, input.results);
      case "delivered":
        this.#components.delivery.delivered(input.sequence, { reconfigured: input.reconfiguration !== undefined });
        return this.#reconfigure(input.reconfiguration);
      case "synchronised":
        this.#components.delivery.synchronised(input, { reconfigured: input.reconfiguration !== undefined });
        if (input.reconfiguration !== undefined) this.#clearStaleInFlight();
        return this.#reconfigure(input.reconfiguration);
      case "message":
      case "submit":
      case "forwarded":
      case "complain":
        if (this.#stage !== "syncing") return this.#hear(input);
        if (this.#unheard.length < this.#core.options.incomingMessageBufferSize) this.#unheard.push(input);
        else if (input.kind === "submit") this.#refuse(input.token);
        return;
      default:
        assertNever(input);
    }
  }

  /** As every sync does that reached it; the controller that would do it is gone. */
  #clearStaleInFlight(): void {
    const { inFlight, checkpoint } = this.#lasting;
    if (inFlight.sequence <= checkpoint.sequence) inFlight.clear();
  }

  #hear(input: Outside): void {
    const running = this.#stage === "running";
    if (input.kind === "message") return this.#message(input.from, input.decoded ?? decodeMessage(input.bytes));
    if (input.kind === "submit") {
      return running ? this.#lasting.pool.submit(input.request, input) : this.#refuse(input.token);
    }
    if (!running) return;
    if (input.kind === "forwarded") return this.#forwarded(input.from, input.request);
    this.#components.controller.complain(input.view, "application", { stopView: input.stopView });
  }

  #refuse(token: number): void {
    this.#core.emit({ kind: "submitted", token, outcome: { kind: "refused", reason: "no leader" } });
  }

  #start(): void {
    const { now, options, improved } = this.#core;
    assert(this.#stage === "new", "Expected to be started once");
    this.#nextTick = after(now, options.tickPhase > 0 ? options.tickPhase : options.tickInterval);
    if (options.syncOnStart && !improved) return this.#syncFirst();
    this.#begin();
    // The library syncs before its first View, deaf to state transfer (section 15, item 14); here the View runs meanwhile.
    if (options.syncOnStart) this.#components.controller.sync("start");
  }

  /** Section 4.2: what the ledgers of others hold counts where it is higher; nobody's answer is heard, so the wait is in vain. */
  #syncFirst(): void {
    this.#stage = "syncing";
    const { delivery, collector } = this.#components;
    const { checkpoint } = this.#lasting;
    const { view, sequence, decisions } = checkpoint;
    this.#core.trace("controller", "syncStarted");
    delivery.synchronise((decision) => {
      if (decision !== undefined) checkpoint.set(decision);
      collector.collect((collected) => {
        const returned = checkpoint.metadata;
        const outcome = syncOutcome({ own: { view, sequence, decisions }, returned, collected });
        this.#core.trace("controller", "syncEnded", { view: checkpoint.view, sequence: checkpoint.sequence });
        const point = this.#startingPoint;
        if (outcome.kind === "continue") {
          const { number, sequence: first, decisions: made } = point;
          const newer = outcome.sequence > first;
          this.#startingPoint = {
            ...point,
            number: outcome.view > number ? outcome.view : number,
            sequence: newer ? outcome.sequence : first,
            decisions: newer ? outcome.decisions : made,
          };
        }
        this.#begin();
      });
    });
  }

  #begin(): void {
    this.#stage = "running";
    const { facts, inFlight } = this.#startingPoint;
    this.#core.trace("state", "restored", facts);
    if (inFlight !== undefined) this.#lasting.inFlight.restore(inFlight);
    this.#components.start(this.#startingPoint);
    for (const input of this.#unheard.splice(0)) this.#hear(input);
  }

  /**
   * Section 4.6. The library reads the log's entries of the process's start again, however old they are by now (section
   * 15, item 5), and knows no view but the ledger's: a node that learns in the middle of a view change that the members
   * changed falls back in its numbers, and nobody helps it, for it asked for more before (docs/protocol.md, surprise 34).
   * Improved, the new components start from the ledger and from the view that was installed or under negotiation.
   */
  #reconfigure(reconfiguration: Reconfiguration | undefined): void {
    if (reconfiguration === undefined || this.#stage === "evicted") return;
    const core = this.#core;
    const { pool, checkpoint } = this.#lasting;
    const nodes = reconfiguration.nodes.toSorted((left, right) => left - right);
    const options = { ...core.options, ...reconfiguration.options, nodes };
    const problems = optionProblems(options);
    assert(problems.length === 0, `Cannot be reconfigured: ${problems.join("; ")}`);
    pool.stopTimers();
    core.adopt(options);
    if (!nodes.includes(core.self)) {
      core.trace("consensus", "evicted", { nodes });
      this.#stage = "evicted";
      return pool.close();
    }
    core.trace("consensus", "reconfigured", { nodes });
    this.#startingPoint = core.improved
      ? viewKept(startingPoint(checkpoint, [], core), this.#components.viewChanger)
      : startingPoint(checkpoint, this.#walEntries, core);
    this.#components = new Components(this.#lasting, this.#startingPoint.sequence);
    this.#begin();
    pool.restartTimers();
    pool.revalidate();
  }

  #message(from: NodeId, decoded: Decoded<Message>): void {
    const mark = this.#core.mark;
    if (decoded.kind === "bad") {
      return this.#core.received(mark, from, { type: "unknown" }, `rejected: ${decoded.reason}`);
    }
    const decision = this.#dispatch(from, decoded.value);
    this.#core.runAgenda();
    this.#core.received(mark, from, outline(decoded.value), decision);
  }

  #dispatch(from: NodeId, message: Message): string {
    if (this.#stage !== "running") return this.#stage === "evicted" ? "dropped: evicted" : "dropped: not started";
    if (!this.#core.options.nodes.includes(from)) return "rejected: sender is not a member";
    if (from === this.#core.self) return "rejected: sender is this replica";
    const { viewChanger, monitor, collector, published } = this.#components;
    switch (message.kind) {
      case "PrePrepare":
      case "Prepare":
      case "Commit":
        return this.#components.handleNormal(from, message);
      case "ViewChange":
      case "ViewData":
      case "NewView":
        return viewChanger.handle(from, message);
      case "HeartBeat":
        return monitor.heartbeat(from, message, { artificial: false });
      case "HeartBeatResponse":
        return monitor.response(from, message);
      case "StateTransferRequest": {
        const view = this.#components.viewToTell;
        this.#core.send(from, { kind: "StateTransferResponse", view, sequence: published.sequence });
        return "answered";
      }
      case "StateTransferResponse":
        return collector.handle(from, message);
      default:
        return assertNever(message);
    }
  }

  /** Only the leader takes a peer's requests, and checks them first: the peer did not (section 11). */
  #forwarded(from: NodeId, request: Uint8Array): void {
    const refuse = (reason: string): void => this.#core.trace("pool", "refused", { reason, from });
    if (!this.#components.controller.isLeader) return refuse("forwarded, but not the leader");
    const items = this.#core.application.requestItems(request);
    if (items === undefined) return refuse("malformed request");
    this.#core.verify(items, (results) => {
      if (results.every(Boolean)) this.#lasting.pool.submit(request);
      else refuse("bad signature");
    });
  }
}

/**
 * As after a restart in the middle of a view change (section 8.12): it is taken up again where it was. Not one that the
 * ledger is past: others are in that view, and nobody has asked this replica for the next.
 */
function viewKept(point: StartingPoint, { realView, currentView }: ViewChanger): StartingPoint {
  const isNewer = realView > point.number;
  const installed = isNewer ? { ...point, number: realView, entered: realView, decisions: 0 } : point;
  if (currentView <= installed.number) return installed;
  return { ...installed, number: toView(currentView - 1), viewChange: true };
}
