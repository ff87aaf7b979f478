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
} from "../base/index.js";
import { Checkpoint, type Published } from "./checkpoint.js";
import { Collector } from "./collector.js";
import type { Application, Effect, Input, Recovery } from "./contract.js";
import { Controller } from "./controller.js";
import { Core, outline } from "./core.js";
import { Delivery } from "./delivery.js";
import { HeartbeatMonitor } from "./heartbeat-monitor.js";
import { InFlight } from "./in-flight.js";
import type { Options } from "./options.js";
import { Pool } from "./pool.js";
import { startingPoint, type StartingPoint } from "./recovery.js";
import { State } from "./state.js";
import type { Phase } from "./view.js";
import { ViewChanger } from "./view-changer.js";
import { decodeMessage } from "./wire/decode.js";
import type { Message, NormalMessage } from "./wire/message.js";

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
}

export class Replica {
  readonly #core: Core;
  readonly #checkpoint: Checkpoint;
  readonly #published: Published;
  readonly #inFlight = new InFlight();
  readonly #pool: Pool;
  readonly #monitor: HeartbeatMonitor;
  readonly #collector: Collector;
  readonly #delivery: Delivery;
  readonly #controller: Controller;
  readonly #viewChanger: ViewChanger;
  readonly #startingPoint: StartingPoint;
  #nextTick: Instant | undefined;

  /** Throws when the recovery cannot be this replica's: an unreadable record, or a log that is ahead of the ledger. */
  constructor(options: Options, application: Application, recovery: Recovery) {
    const core = new Core(options, application);
    this.#core = core;
    this.#checkpoint = new Checkpoint(recovery.lastDecision);
    this.#startingPoint = startingPoint(this.#checkpoint, recovery.walEntries, { keepInFlight: core.improved });
    const { sequence } = this.#startingPoint;
    const published: Published = { active: false, sequence };
    this.#published = published;
    const state = new State(core, this.#inFlight);
    this.#pool = new Pool(core, {
      forward: (request, info) => this.#controller.requestTimeout(request, info),
      complain: (info) => this.#controller.leaderForwardTimeout(info),
      admitted: () => this.#controller.batcher.submitted(),
    });
    this.#monitor = new HeartbeatMonitor(core, published, {
      timeout: (view, leader) => this.#controller.heartbeatTimeout(view, leader),
      sync: (reason) => this.#controller.sync(reason),
    });
    this.#collector = new Collector(core);
    this.#delivery = new Delivery(core, this.#checkpoint, (requests) => this.#pool.remove(requests));
    const parts = {
      core,
      state,
      checkpoint: this.#checkpoint,
      published,
      inFlight: this.#inFlight,
      delivery: this.#delivery,
      pool: this.#pool,
    };
    this.#controller = new Controller(
      { ...parts, monitor: this.#monitor, collector: this.#collector },
      {
        startViewChange: (view, how) => this.#viewChanger.startViewChange(view, how),
        viewLearnt: (view) => this.#viewChanger.learnView(view),
      },
    );
    this.#viewChanger = new ViewChanger(
      { ...parts, removeRequests: (requests) => this.#pool.remove(requests) },
      {
        abortView: (view) => this.#controller.abortView(view),
        viewChanged: (view, next) => this.#controller.viewChanged(view, next),
        sync: (reason) => this.#controller.sync(reason),
        broadcast: (message) => this.#controller.broadcast(message),
      },
    );
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
    return earliest(
      this.#nextTick,
      this.#pool.deadline(),
      this.#controller.batcher.deadline(),
      this.#collector.deadline(),
    );
  }

  status(): ReplicaStatus {
    const { running } = this.#controller;
    return {
      view: this.#controller.view,
      leader: this.#controller.leader,
      sequence: this.#checkpoint.sequence,
      phase: running?.phase ?? "aborted",
      poolCount: this.#pool.count,
      nextView: this.#viewChanger.nextView,
      realView: this.#viewChanger.realView,
      active: running !== undefined && !running.stopped,
      viewChanging: this.#viewChanger.changing,
    };
  }

  #fireDue(): void {
    for (let due = this.deadline(); due !== undefined && due <= this.#core.now; due = this.deadline()) {
      if (due === this.#nextTick) this.#tick(due);
      else if (due === this.#pool.deadline()) this.#pool.expire();
      else if (due === this.#controller.batcher.deadline()) this.#controller.batcher.expire();
      else this.#collector.expire();
      this.#core.runAgenda();
    }
  }

  /** Both tickers. A host that was paused gets one tick, the last one missed, as Go's tickers drop what nobody took. */
  #tick(due: Instant): void {
    const { tickInterval } = this.#core.options;
    const missed = Math.floor((this.#core.now - due) / tickInterval);
    const tick = after(due, (missed * tickInterval) as Duration); // whole microseconds
    this.#nextTick = after(tick, tickInterval);
    this.#monitor.tick(tick);
    this.#viewChanger.tick(tick);
  }

  #take(input: Input): void {
    if (input.kind === "start") return this.#start();
    const running = this.#nextTick !== undefined;
    switch (input.kind) {
      case "deadline":
        return;
      case "message":
        return this.#message(input.from, input.bytes);
      case "submit":
        if (running) return this.#pool.submit(input.request, input.token);
        this.#core.emit({ kind: "submitted", token: input.token, outcome: { kind: "refused", reason: "no leader" } });
        return;
      case "forwarded":
        return running ? this.#forwarded(input.from, input.request) : undefined;
      case "complain":
        return running ? this.#controller.complain(input.view, "application", { stopView: input.stopView }) : undefined;
      case "verified":
        return this.#core.verified(input.id, input.results);
      case "delivered":
        return this.#delivery.delivered(input.sequence);
      case "synchronised":
        return this.#delivery.synchronised(input.id, input.decision, input.requests);
      default:
        assertNever(input);
    }
  }

  /** In the library's order: collector, view changer, controller (section 4.2). */
  #start(): void {
    const { now, options } = this.#core;
    assert(this.#nextTick === undefined, "Expected to be started once");
    this.#nextTick = after(now, options.tickPhase > 0 ? options.tickPhase : options.tickInterval);
    const { number, sequence, decisions, resume, inFlight, viewChange, facts } = this.#startingPoint;
    this.#core.trace("state", "restored", facts);
    if (inFlight !== undefined) this.#inFlight.set(inFlight.proposal);
    if (inFlight?.prepared === true) this.#inFlight.markPrepared();
    this.#core.trace("collector", "started");
    this.#viewChanger.start(number, now);
    this.#monitor.start(now);
    this.#controller.start({ number, sequence, decisions, ...(resume === undefined ? {} : { resume }) });
    if (viewChange) this.#viewChanger.restore();
  }

  #message(from: NodeId, bytes: Uint8Array): void {
    const mark = this.#core.mark;
    const decoded = decodeMessage(bytes);
    if (decoded.kind === "bad") {
      return this.#core.received(mark, from, { type: "unknown" }, `rejected: ${decoded.reason}`);
    }
    const decision = this.#dispatch(from, decoded.value);
    this.#core.runAgenda();
    this.#core.received(mark, from, outline(decoded.value), decision);
  }

  #dispatch(from: NodeId, message: Message): string {
    if (this.#nextTick === undefined) return "dropped: not started";
    if (!this.#core.options.nodes.includes(from)) return "rejected: sender is not a member";
    if (from === this.#core.self) return "rejected: sender is this replica";
    switch (message.kind) {
      case "PrePrepare":
      case "Prepare":
      case "Commit":
        return this.#normal(from, message);
      case "ViewChange":
      case "ViewData":
      case "NewView":
        return this.#viewChanger.handle(from, message);
      case "HeartBeat":
        return this.#monitor.heartbeat(from, message, { artificial: false });
      case "HeartBeatResponse":
        return this.#monitor.response(from, message);
      case "StateTransferRequest":
        this.#core.send(from, {
          kind: "StateTransferResponse",
          view: this.#controller.view,
          sequence: this.#published.sequence,
        });
        return "answered";
      case "StateTransferResponse":
        return this.#collector.handle(from, message);
      default:
        return assertNever(message);
    }
  }

  /** To the View, to an in-flight View beside it, and, from the leader, as a sign of life. */
  #normal(from: NodeId, message: NormalMessage): string {
    const decision = this.#controller.handle(from, message);
    const inFlight = this.#viewChanger.handleNormal(from, message);
    if (from === this.#controller.leader) this.#monitor.heartbeat(from, message, { artificial: true });
    return inFlight === undefined ? decision : `${decision}; ${inFlight}`;
  }

  /** Only the leader takes a peer's requests, and checks them first: the peer did not (section 11). */
  #forwarded(from: NodeId, request: Uint8Array): void {
    const refuse = (reason: string): void => this.#core.trace("pool", "refused", { reason, from });
    if (!this.#controller.isLeader) return refuse("forwarded, but not the leader");
    const items = this.#core.application.requestItems(request);
    if (items === undefined) return refuse("malformed request");
    this.#core.verify(items, (results) => {
      if (results.every(Boolean)) this.#pool.submit(request, undefined);
      else refuse("bad signature");
    });
  }
}
