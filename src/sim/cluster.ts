// A cluster of replicas in virtual time: links, disks, ledgers and a synchroniser around the same machine that the
// orderer process hosts. Messages travel as bytes. What the host owes the contract: effects are carried out in order, a
// `persist` is durable before a later `send` leaves, and each question gets one answer. Everything random is from the seed.
import { after, assert, assertNever, microseconds, nodeId, present, randomFrom, seconds } from "../base/index.js";
import type { Duration, Instant, NodeId, Random } from "../base/index.js";
import {
  libraryOptions,
  Replica,
  type Decision,
  type Effect,
  type Input,
  type Options,
  type ProtocolOptions,
  type RequestInfo,
  type SubmitOutcome,
  type Trace,
} from "../smartbft/index.js";
import { Ledger } from "./ledger.js";
import { Links } from "./links.js";
import { Scheduler } from "./scheduler.js";
import { tinyApplication, tinyRequest, tinyVerification } from "./tiny-application.js";

export interface ClusterOptions {
  readonly size: number;
  readonly seed: number | string;
  readonly protocol?: Partial<ProtocolOptions>;
  readonly linkDelay?: Duration;
  /** Of one durable write, of the log or the ledger. */
  readonly fsync?: Duration;
  /** From `verify` to its answer; by node where one is slower than the others. */
  readonly verifyTime?: (node: NodeId) => Duration;
  readonly syncTime?: Duration;
  /** Of every node; drawn from the seed when absent. */
  readonly tickPhase?: Duration;
  /** Whether a sync tells the replica which requests it brought in (section 2: it must; case I of 16.2: it did not). */
  readonly syncPrunesPool?: boolean;
}

export interface LogEntry {
  readonly at: Instant;
  readonly node: NodeId;
  readonly trace: Trace;
}

interface Member {
  readonly id: NodeId;
  readonly options: Options;
  readonly ledger: Ledger;
  /** Records since the last truncation, durable ones only. */
  log: Uint8Array[];
  replica: Replica | undefined;
  /** Effects of an earlier life are void. */
  life: number;
  /** When the disk has done what it was asked so far; and effects that wait for it. */
  diskFree: Instant;
  deferred: number;
  wake: Instant | undefined;
}

export class Cluster {
  readonly scheduler = new Scheduler();
  readonly nodes: readonly NodeId[];
  readonly links: Links;
  readonly random: Random;
  /** Steps of all nodes in order; `onTrace` sees every trace, messages included. */
  readonly steps: LogEntry[] = [];
  readonly outcomes = new Map<number, SubmitOutcome>();
  onTrace: (entry: LogEntry) => void = () => undefined;
  /** A Byzantine network or node: other bytes, or undefined for none. */
  tamper: (bytes: Uint8Array, link: { readonly source: NodeId; readonly target: NodeId }) => Uint8Array | undefined = (
    bytes,
  ) => bytes;
  readonly #options: ClusterOptions;
  readonly #members: ReadonlyMap<NodeId, Member>;
  #tokens = 0;

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.random = randomFrom(options.seed, "cluster");
    this.nodes = Array.from({ length: options.size }, (_, index) => nodeId(index + 1));
    this.links = new Links(this.nodes, options.linkDelay ?? microseconds(0), this.random.stream("links"));
    const phases = this.random.stream("tickPhase");
    this.#members = new Map(this.nodes.map((id) => [id, this.#member(id, phases)]));
  }

  get now(): Instant {
    return this.scheduler.now;
  }

  replica(id: NodeId): Replica {
    return present(this.#of(id).replica, `a running replica ${id}`);
  }

  isRunning(id: NodeId): boolean {
    return this.#of(id).replica !== undefined;
  }

  ledger(id: NodeId): Ledger {
    return this.#of(id).ledger;
  }

  /** Starts the nodes that do not run, from what their disks hold. */
  start(ids: readonly NodeId[] = this.nodes): void {
    for (const member of ids.map((id) => this.#of(id)).filter(({ replica }) => replica === undefined)) {
      const { id, options, ledger, log } = member;
      member.replica = new Replica(options, tinyApplication(id, ledger), {
        lastDecision: ledger.last,
        walEntries: log,
      });
      this.#step(member, { kind: "start" });
    }
  }

  /** The process dies; what was not durable is lost. */
  crash(id: NodeId): void {
    const member = this.#of(id);
    Object.assign(member, {
      replica: undefined,
      life: member.life + 1,
      diskFree: this.now,
      deferred: 0,
      wake: undefined,
    });
  }

  /** A client's request at the nodes given; answers the tokens under which `outcomes` will hold what became of it. */
  submit(requestId: string, to: readonly NodeId[] = this.nodes): readonly number[] {
    return to.map((id) => {
      const token = this.#tokens++;
      this.#input(this.#of(id), { kind: "submit", token, request: tinyRequest("client", requestId) });
      return token;
    });
  }

  /** Submits "r1", "r2", … in an even rhythm from now on. */
  load(ratePerSecond: number, duration: Duration, to: readonly NodeId[] = this.nodes): void {
    const count = Math.floor((ratePerSecond * duration) / 1_000_000);
    for (let index = 1; index <= count; index++) {
      const at = after(this.now, microseconds((index * 1_000_000) / ratePerSecond));
      const name = `${this.now}-${index}`;
      this.scheduler.at(at, () => this.submit(name, to));
    }
  }

  run(duration: Duration, until?: () => boolean): void {
    this.scheduler.run(after(this.now, duration), until);
  }

  /** Runs for a second at most between looks, until it holds; throws when it does not in time. */
  runUntil(what: string, holds: () => boolean, within: Duration = seconds(300)): void {
    this.run(within, holds);
    assert(holds(), `${what}: not within ${within} µs, seed ${this.#options.seed}`);
  }

  /** Hands bytes to a node as if `from` had sent them. */
  inject(from: NodeId, to: NodeId, bytes: Uint8Array): void {
    this.#input(this.#of(to), { kind: "message", from, bytes });
  }

  complain(id: NodeId, stopView = true): void {
    const { view } = this.replica(id).status();
    this.#input(this.#of(id), { kind: "complain", view, stopView });
  }

  #member(id: NodeId, phases: Random): Member {
    const protocol = { ...libraryOptions, ...this.#options.protocol };
    const tickPhase = this.#options.tickPhase ?? microseconds(phases.integer(0, protocol.tickInterval - 1));
    const options = { ...protocol, selfId: id, nodes: this.nodes, tickPhase };
    const { now } = this.scheduler;
    return {
      id,
      options,
      ledger: new Ledger(),
      log: [],
      replica: undefined,
      life: 0,
      diskFree: now,
      deferred: 0,
      wake: undefined,
    };
  }

  #of(id: NodeId): Member {
    return present(this.#members.get(id), `node ${id}`);
  }

  #input(member: Member, input: Input): void {
    if (member.replica !== undefined) this.#step(member, input);
  }

  #step(member: Member, input: Input): void {
    const replica = present(member.replica, "a running replica");
    for (const effect of replica.step(this.now, input)) this.#perform(member, effect);
    const deadline = replica.deadline();
    if (deadline === undefined || (member.wake !== undefined && member.wake <= deadline)) return;
    member.wake = deadline;
    this.#later(member, deadline, () => {
      if (member.wake !== deadline) return;
      member.wake = undefined;
      this.#step(member, { kind: "deadline" });
    });
  }

  /** In order: what follows a write waits for the disk. */
  #perform(member: Member, effect: Effect): void {
    if (effect.kind === "trace") return this.#record(member, effect.trace);
    if (member.diskFree < this.now) member.diskFree = this.now;
    if (effect.kind === "persist" || effect.kind === "deliver") {
      member.diskFree = after(member.diskFree, this.#options.fsync ?? microseconds(0));
    }
    if (member.diskFree === this.now && member.deferred === 0) return this.#carryOut(member, effect);
    member.deferred++;
    this.#later(member, member.diskFree, () => {
      member.deferred--;
      this.#carryOut(member, effect);
    });
  }

  #carryOut(member: Member, effect: Exclude<Effect, { readonly kind: "trace" }>): void {
    const { id, ledger } = member;
    const zero = microseconds(0);
    switch (effect.kind) {
      case "persist":
        member.log = effect.truncate ? [effect.record] : [...member.log, effect.record];
        return;
      case "send":
        return this.#send(id, effect.to, effect.bytes);
      case "forward":
        return this.#travel(id, effect.to, (target) => {
          this.#input(target, { kind: "forwarded", from: id, request: effect.request });
        });
      case "deliver":
        ledger.append(effect.decision, effect.sequence);
        return this.#answer(member, zero, () => ({ kind: "delivered", sequence: effect.sequence }));
      case "verify": {
        const results = effect.items.map(tinyVerification);
        return this.#answer(member, this.#options.verifyTime?.(id) ?? zero, () => ({
          kind: "verified",
          id: effect.id,
          results,
        }));
      }
      case "synchronise":
        return this.#answer(member, this.#options.syncTime ?? zero, () => this.#synchronised(member, effect.id));
      case "submitted":
        this.outcomes.set(effect.token, effect.outcome);
        return;
      default:
        assertNever(effect);
    }
  }

  #answer(member: Member, time: Duration, input: () => Input): void {
    this.#later(member, after(this.now, time), () => this.#step(member, input()));
  }

  #later(member: Member, at: Instant, action: () => void): void {
    const { life } = member;
    this.scheduler.at(at, () => {
      if (member.life === life) action();
    });
  }

  #send(source: NodeId, target: NodeId, bytes: Uint8Array): void {
    const sent = this.tamper(bytes, { source, target });
    if (sent === undefined) return;
    this.#travel(source, target, (member) =>
      this.#input(member, { kind: "message", from: source, bytes: sent.slice() }),
    );
  }

  #travel(source: NodeId, target: NodeId, arrive: (target: Member) => void): void {
    const at = this.links.arrival(source, target, this.now);
    if (at === undefined) return;
    this.scheduler.at(at, () => {
      if (this.links.link(source, target).up) arrive(this.#of(target));
    });
  }

  /** Copies what the highest reachable ledger has more than the own one. */
  #synchronised(member: Member, id: number): Input {
    const { ledger, options } = member;
    const brought: Decision[] = [];
    const reachable = this.nodes.filter((other) => this.isRunning(other) && this.links.connected(member.id, other));
    const highest = reachable
      .map((other) => this.ledger(other))
      .toSorted((left, right) => right.height - left.height)[0];
    brought.push(...(highest?.decisions.slice(ledger.height) ?? []));
    ledger.decisions.push(...brought);
    const { requestsOf } = tinyApplication(options.selfId, ledger);
    const prune = this.#options.syncPrunesPool ?? true;
    const requests: readonly RequestInfo[] = prune ? brought.flatMap(({ proposal }) => requestsOf(proposal)) : [];
    return { kind: "synchronised", id, decision: ledger.last, requests };
  }

  #record(member: Member, trace: Trace): void {
    const entry = { at: this.now, node: member.id, trace };
    if (trace.kind === "step") this.steps.push(entry);
    this.onTrace(entry);
  }
}
