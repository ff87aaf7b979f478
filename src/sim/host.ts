// One node of the simulation: a replica and what its process would own, a disk, a ledger, a clock that wakes it.
//
// What it owes the contract: effects are carried out in order, a `persist` is durable before a later `send` leaves, and
// each question gets exactly one answer. A crash voids everything that is under way and keeps what the disk holds.
import {
  after,
  assertNever,
  microseconds,
  type Duration,
  type Instant,
  type NodeId,
  type Random,
} from "../base/index.js";
import {
  Ingress,
  Replica,
  type Application,
  Turncoat,
  type Decision,
  type IngressKind,
  type Input,
  type Insider,
  type Misbehaviour,
  type Options,
  type Reconfiguration,
  type SubmitOutcome,
  type Trace,
  type TurncoatInput,
  type Twin,
  type WrapperEffect,
} from "../smartbft/index.js";
import { Ledger, reconfigures } from "./ledger.js";
import type { Scheduler } from "./scheduler.js";
import { tinyApplication, tinyVerification } from "./tiny-application.js";

export interface HostTimes {
  /** Of one durable write, of the log or the ledger. */
  readonly fsync: Duration;
  readonly verify: Duration;
  readonly sync: Duration;
  /** Of the processor, for whatever another node sends: 0 where it never waits. */
  readonly handle: Duration;
}

/** What is fixed about a host when it is made. */
export interface HostSetup {
  /** The first members, of whom this one need not be. */
  readonly genesis: readonly NodeId[];
  readonly scheduler: Scheduler;
  readonly times: HostTimes;
  readonly ingress: IngressKind;
  /** Of what it does when it is Byzantine. */
  readonly random: Random;
  readonly around: Surroundings;
}

/** What lies beyond the node: the network, the other ledgers, the observer. */
export interface Surroundings {
  readonly send: (target: NodeId, bytes: Uint8Array) => void;
  readonly forward: (target: NodeId, request: Uint8Array) => void;
  /** A message in the name of `as`. */
  readonly sendAs: (as: NodeId, target: NodeId, bytes: Uint8Array) => void;
  /** Reads another's whole ledger; how many blocks came. */
  readonly pull: (from: NodeId) => number;
  /** The highest ledger within reach; undefined when none is. */
  readonly highest: () => Ledger | undefined;
  readonly submitted: (token: number, outcome: SubmitOutcome) => void;
  readonly trace: (trace: Trace) => void;
  /** Whether a sync tells which requests it brought in. */
  readonly syncPrunesPool: boolean;
  readonly emptyAuxiliary: boolean;
  /** Around each durable write: a test may crash the node on either side of it. */
  readonly writing: (write: Write) => void;
}

export interface Write {
  readonly node: NodeId;
  readonly kind: "persist" | "deliver";
  readonly when: "before" | "after";
}

export class Host {
  readonly id: NodeId;
  readonly ledger: Ledger;
  /** Of the next start, before what the ledger has made of them. */
  options: Options;
  readonly #setup: HostSetup;
  readonly #scheduler: Scheduler;
  readonly #times: HostTimes;
  readonly #around: Surroundings;
  /** Of one durable write, of the log or the ledger. */
  fsync: Duration;
  #ingress: Ingress<Input>;
  #isHandling = false;
  #replica: Turncoat | undefined;
  /** Survives a crash: who is faulty by order stays so. */
  #misbehaviour: Misbehaviour | "" = "";
  /** Durable records since the last truncation, which begins another array. */
  #log: Uint8Array[] = [];
  #life = 0;
  /** When the disk will have done what it was asked so far, and how many effects wait for it. */
  #diskFree: Instant;
  #deferred = 0;
  #wake: Instant | undefined;

  constructor(options: Options, setup: HostSetup) {
    this.id = options.selfId;
    this.ledger = new Ledger(setup.genesis);
    this.options = options;
    this.#setup = setup;
    this.#scheduler = setup.scheduler;
    this.#times = setup.times;
    this.fsync = setup.times.fsync;
    this.#around = setup.around;
    this.#ingress = this.#newIngress();
    this.#diskFree = setup.scheduler.now;
  }

  /** Durable records since the last truncation; grows, until a truncation begins another array. */
  get log(): readonly Uint8Array[] {
    return this.#log;
  }

  get replica(): Turncoat | undefined {
    return this.#replica;
  }

  start(): void {
    if (this.#replica !== undefined) return;
    const walEntries = [...this.#log];
    this.#replica = new Turncoat(this.#fromDisk(walEntries), this.#insider(), walEntries);
    this.input({ kind: "start" });
    if (this.#misbehaviour !== "") this.input({ kind: "misbehave", how: this.#misbehaviour });
  }

  /** Byzantine from now on, or honest again. */
  misbehave(how: Misbehaviour | ""): void {
    this.#misbehaviour = how;
    this.input({ kind: "misbehave", how });
  }

  crash(): void {
    this.#replica = undefined;
    this.#life += 1;
    this.#diskFree = this.#scheduler.now;
    this.#deferred = 0;
    this.#wake = undefined;
    this.#ingress = this.#newIngress();
    this.#isHandling = false;
  }

  /** What another node sent waits at the ingress until the processor has done with what came before. */
  arrive(from: NodeId, input: Input): void {
    if (this.#times.handle === 0) return this.input(input);
    this.#ingress.push(from, input);
    this.#handle();
  }

  #handle(): void {
    const next = this.#isHandling ? undefined : this.#ingress.take();
    if (next === undefined) return;
    this.#isHandling = true;
    this.#later(after(this.#scheduler.now, this.#times.handle), () => {
      this.#isHandling = false;
      this.input(next.item);
      this.#handle();
    });
  }

  /** Nothing happens to a node that does not run. */
  input(input: TurncoatInput): void {
    const replica = this.#replica;
    if (replica === undefined) return;
    for (const effect of replica.step(this.#scheduler.now, input)) {
      if (this.#replica !== replica) return;
      this.#perform(effect);
    }
    if (this.#replica !== replica) return;
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
  #perform(effect: WrapperEffect): void {
    if (effect.kind === "trace") return this.#around.trace(effect.trace);
    const { now } = this.#scheduler;
    if (this.#diskFree < now) this.#diskFree = now;
    if (effect.kind === "persist" || effect.kind === "deliver") this.#diskFree = after(this.#diskFree, this.fsync);
    if (this.#diskFree === now && this.#deferred === 0) return this.#carryOut(effect);
    this.#deferred += 1;
    this.#later(this.#diskFree, () => {
      this.#deferred -= 1;
      this.#carryOut(effect);
    });
  }

  #carryOut(effect: Exclude<WrapperEffect, { readonly kind: "trace" }>): void {
    switch (effect.kind) {
      case "persist":
        return this.#write(effect.kind, () => {
          if (effect.truncate) this.#log = [effect.record];
          else this.#log.push(effect.record);
        });
      case "send":
        return this.#around.send(effect.to, effect.bytes);
      case "forward":
        return this.#around.forward(effect.to, effect.request);
      case "deliver":
        return this.#write(effect.kind, () => {
          this.ledger.append(effect.decision, effect.sequence);
          const told = this.#reconfiguration([effect.decision]);
          this.#answer(microseconds(0), () => ({ kind: "delivered", sequence: effect.sequence, ...told }));
        });
      case "verify": {
        const results = effect.items.map(tinyVerification);
        return this.#answer(this.#times.verify, () => ({ kind: "verified", id: effect.id, results }));
      }
      case "synchronise":
        return this.#answer(this.#times.sync, () => this.#synchronised(effect.id));
      case "submitted":
        return this.#around.submitted(effect.token, effect.outcome);
      case "sendAs":
        return this.#around.sendAs(effect.as, effect.to, effect.bytes);
      case "pull": {
        const { id, from } = effect;
        return this.#answer(this.#times.sync, () => ({ kind: "pulled", id, blockCount: this.#around.pull(from) }));
      }
      default:
        assertNever(effect);
    }
  }

  /** Unless the node dies at it. */
  #write(kind: Write["kind"], act: () => void): void {
    const life = this.#life;
    this.#around.writing({ node: this.id, kind, when: "before" });
    if (this.#life !== life) return;
    act();
    this.#around.writing({ node: this.id, kind, when: "after" });
  }

  #reconfiguration(decisions: readonly Decision[]): { readonly reconfiguration?: Reconfiguration } {
    if (!decisions.some(reconfigures)) return {};
    const { nodes, options } = this.ledger.configuration;
    return { reconfiguration: { nodes, options } };
  }

  #answer(time: Duration, input: () => TurncoatInput): void {
    this.#later(after(this.#scheduler.now, time), () => this.input(input()));
  }

  #later(at: Instant, action: () => void): void {
    const life = this.#life;
    this.#scheduler.at(at, () => {
      if (this.#life === life) action();
    });
  }

  #application(ledger = this.ledger): Application {
    return tinyApplication(this.id, ledger, { emptyAuxiliary: this.#around.emptyAuxiliary });
  }

  #newIngress(): Ingress<Input> {
    return new Ingress(this.#setup.ingress, this.options.incomingMessageBufferSize);
  }

  /** As a process that starts now has them: the ledger may have changed members and rules since the last start. */
  #optionsNow(): Options {
    if (this.ledger.height === 0) return this.options;
    const { nodes, options } = this.ledger.configuration;
    return { ...this.options, ...options, nodes };
  }

  #fromDisk(walEntries: readonly Uint8Array[]): Replica {
    return new Replica(this.#optionsNow(), this.#application(), {
      lastDecision: this.ledger.last,
      walEntries,
    });
  }

  #insider(): Insider {
    return {
      self: this.id,
      options: this.#optionsNow(),
      application: this.#application(),
      random: this.#setup.random,
      restart: (walEntries) => this.#fromDisk(walEntries),
      twin: () => this.#twin(),
    };
  }

  #twin(): Twin {
    const ledger = new Ledger(this.#setup.genesis);
    ledger.decisions.push(...this.ledger.decisions);
    const recovery = { lastDecision: ledger.last, walEntries: [] };
    return {
      replica: new Replica(this.#optionsNow(), this.#application(ledger), recovery),
      deliver: (decision) => void ledger.decisions.push(decision),
      lastDecision: () => ledger.last,
    };
  }

  #synchronised(id: number): Input {
    const brought = this.#around.highest()?.decisions.slice(this.ledger.height) ?? [];
    this.ledger.decisions.push(...brought);
    const application = this.#application();
    const requests = this.#around.syncPrunesPool
      ? brought.flatMap(({ proposal }) => application.requestsOf(proposal))
      : [];
    return { kind: "synchronised", id, decision: this.ledger.last, requests, ...this.#reconfiguration(brought) };
  }
}
