// One node of the simulation: a replica and what its process would own, a disk, a ledger, a clock that wakes it.
//
// What it owes the contract: effects are carried out in order, a `persist` is durable before a later `send` leaves, and
// each question gets exactly one answer. A crash voids everything that is under way and keeps what the disk holds.
import { after, assertNever, microseconds, type Duration, type Instant, type NodeId } from "../base/index.js";
import { Replica, type Effect, type Input, type Options, type SubmitOutcome, type Trace } from "../smartbft/index.js";
import { Ledger } from "./ledger.js";
import type { Scheduler } from "./scheduler.js";
import { tinyApplication, tinyVerification } from "./tiny-application.js";

export interface HostTimes {
  /** Of one durable write, of the log or the ledger. */
  readonly fsync: Duration;
  readonly verify: Duration;
  readonly sync: Duration;
}

/** What lies beyond the node: the network, the other ledgers, the observer. */
export interface Surroundings {
  readonly send: (target: NodeId, bytes: Uint8Array) => void;
  readonly forward: (target: NodeId, request: Uint8Array) => void;
  /** The highest ledger within reach; undefined when none is. */
  readonly highest: () => Ledger | undefined;
  readonly submitted: (token: number, outcome: SubmitOutcome) => void;
  readonly trace: (trace: Trace) => void;
  /** Whether a sync tells which requests it brought in. */
  readonly syncPrunesPool: boolean;
}

export class Host {
  readonly id: NodeId;
  readonly ledger = new Ledger();
  readonly #options: Options;
  readonly #scheduler: Scheduler;
  readonly #times: HostTimes;
  readonly #around: Surroundings;
  #replica: Replica | undefined;
  /** Durable records since the last truncation. */
  #log: readonly Uint8Array[] = [];
  #life = 0;
  /** When the disk will have done what it was asked so far, and how many effects wait for it. */
  #diskFree: Instant;
  #deferred = 0;
  #wake: Instant | undefined;

  constructor(options: Options, scheduler: Scheduler, times: HostTimes, around: Surroundings) {
    this.id = options.selfId;
    this.#options = options;
    this.#scheduler = scheduler;
    this.#times = times;
    this.#around = around;
    this.#diskFree = scheduler.now;
  }

  get replica(): Replica | undefined {
    return this.#replica;
  }

  start(): void {
    if (this.#replica !== undefined) return;
    const recovery = { lastDecision: this.ledger.last, walEntries: this.#log };
    this.#replica = new Replica(this.#options, tinyApplication(this.id, this.ledger), recovery);
    this.input({ kind: "start" });
  }

  crash(): void {
    this.#replica = undefined;
    this.#life += 1;
    this.#diskFree = this.#scheduler.now;
    this.#deferred = 0;
    this.#wake = undefined;
  }

  /** Nothing happens to a node that does not run. */
  input(input: Input): void {
    const replica = this.#replica;
    if (replica === undefined) return;
    for (const effect of replica.step(this.#scheduler.now, input)) this.#perform(effect);
    const deadline = replica.deadline();
    if (deadline === undefined || (this.#wake !== undefined && this.#wake <= deadline)) return;
    this.#wake = deadline;
    this.#later(deadline, () => {
      if (this.#wake !== deadline) return;
      this.#wake = undefined;
      this.input({ kind: "deadline" });
    });
  }

  /** In order: what follows a write waits for the disk. */
  #perform(effect: Effect): void {
    if (effect.kind === "trace") return this.#around.trace(effect.trace);
    const { now } = this.#scheduler;
    if (this.#diskFree < now) this.#diskFree = now;
    if (effect.kind === "persist" || effect.kind === "deliver")
      this.#diskFree = after(this.#diskFree, this.#times.fsync);
    if (this.#diskFree === now && this.#deferred === 0) return this.#carryOut(effect);
    this.#deferred += 1;
    this.#later(this.#diskFree, () => {
      this.#deferred -= 1;
      this.#carryOut(effect);
    });
  }

  #carryOut(effect: Exclude<Effect, { readonly kind: "trace" }>): void {
    switch (effect.kind) {
      case "persist":
        this.#log = effect.truncate ? [effect.record] : [...this.#log, effect.record];
        return;
      case "send":
        return this.#around.send(effect.to, effect.bytes);
      case "forward":
        return this.#around.forward(effect.to, effect.request);
      case "deliver":
        this.ledger.append(effect.decision, effect.sequence);
        return this.#answer(microseconds(0), () => ({ kind: "delivered", sequence: effect.sequence }));
      case "verify": {
        const results = effect.items.map(tinyVerification);
        return this.#answer(this.#times.verify, () => ({ kind: "verified", id: effect.id, results }));
      }
      case "synchronise":
        return this.#answer(this.#times.sync, () => this.#synchronised(effect.id));
      case "submitted":
        return this.#around.submitted(effect.token, effect.outcome);
      default:
        assertNever(effect);
    }
  }

  #answer(time: Duration, input: () => Input): void {
    this.#later(after(this.#scheduler.now, time), () => this.input(input()));
  }

  #later(at: Instant, action: () => void): void {
    const life = this.#life;
    this.#scheduler.at(at, () => {
      if (this.#life === life) action();
    });
  }

  #synchronised(id: number): Input {
    const brought = this.#around.highest()?.decisions.slice(this.ledger.height) ?? [];
    this.ledger.decisions.push(...brought);
    const application = tinyApplication(this.id, this.ledger);
    const requests = this.#around.syncPrunesPool
      ? brought.flatMap(({ proposal }) => application.requestsOf(proposal))
      : [];
    return { kind: "synchronised", id, decision: this.ledger.last, requests };
  }
}
