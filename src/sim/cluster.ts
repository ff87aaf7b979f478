// A cluster of replicas in virtual time: hosts (host.ts) joined by links (links.ts). Messages travel as bytes. Everything
// random is drawn from the seed, so a cluster is a function of its options and of what a test does to it.
import { after, assert, microseconds, nodeId, present, randomFrom, seconds } from "../base/index.js";
import type { Duration, Instant, NodeId, Random } from "../base/index.js";
import {
  libraryOptions,
  type Decoded,
  type IngressKind,
  type Message,
  type Misbehaviour,
  type ProtocolOptions,
  type SubmitOutcome,
  type Trace,
  type Turncoat,
} from "../smartbft/index.js";
import { Host, type Surroundings, type Write } from "./host.js";
import type { Ledger } from "./ledger.js";
import { Links } from "./links.js";
import { messageReader } from "./message-reading.js";
import { Scheduler } from "./scheduler.js";
import { tinyRequest } from "./tiny-application.js";

export interface ClusterOptions {
  readonly size: number;
  /** Nodes that are no members yet; `join` starts them. */
  readonly spare?: number;
  readonly seed: number | string;
  readonly protocol?: Partial<ProtocolOptions>;
  readonly linkDelay?: Duration;
  /** Of one durable write, of the log or the ledger. */
  readonly fsync?: Duration;
  /** From `verify` to its answer; by node where one is slower than the others. */
  readonly verifyTime?: (node: NodeId) => Duration;
  readonly syncTime?: Duration;
  /** What the processor spends on each thing that another node sends; nothing by default, and then nothing ever waits. */
  readonly handleTime?: Duration;
  /** Where what others send waits for the processor; shared by default. */
  readonly ingress?: IngressKind;
  /** Of every node; drawn from the seed when absent. */
  readonly tickPhase?: Duration;
  /** Whether a sync tells the replica which requests it brought in (section 2: it must; case I of 16.2: it did not). */
  readonly syncPrunesPool?: boolean;
  /** As in Fabric: commit signatures carry no auxiliary data, so nobody is redeemed. */
  readonly emptyAuxiliary?: boolean;
  /** Whether `steps` remembers them, as it does by default: a long run that nobody asks about it afterwards grows by them. */
  readonly remembersSteps?: boolean;
}

export interface LogEntry {
  readonly at: Instant;
  readonly node: NodeId;
  readonly trace: Trace;
}

export interface Direction {
  readonly source: NodeId;
  readonly target: NodeId;
}

type Tamper = (bytes: Uint8Array, link: Direction) => Uint8Array | undefined;

export class Cluster {
  readonly scheduler = new Scheduler();
  #nodes: readonly NodeId[];
  readonly links: Links;
  readonly random: Random;
  /** Steps of all nodes in order, if they are remembered; `onTrace` sees every trace, messages included. */
  readonly steps: LogEntry[] = [];
  readonly outcomes = new Map<number, SubmitOutcome>();
  onTrace: (entry: LogEntry) => void = () => undefined;
  /** A Byzantine network or node: other bytes, or undefined for none. */
  tamper: Tamper = (bytes) => bytes;
  onWrite: (write: Write) => void = () => undefined;
  /** What an honest replica hands to its network, before anything tampers with it, and what reaches one. */
  onSend: (bytes: Uint8Array, link: Direction) => void = () => undefined;
  onArrival: (bytes: Uint8Array, link: Direction, says: Decoded<Message>) => void = () => undefined;
  /** What bytes say that leave now. */
  readonly read = messageReader();
  /** Blocks that endless synchronisations have read, by whose they were. */
  readonly pulledBlocks = new Map<NodeId, number>();
  readonly #options: ClusterOptions;
  readonly #hosts: ReadonlyMap<NodeId, Host>;
  #tokens = 0;

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.random = randomFrom(options.seed, "cluster");
    const all = Array.from({ length: options.size + (options.spare ?? 0) }, (_, index) => nodeId(index + 1));
    this.#nodes = all.slice(0, options.size);
    this.links = new Links(all, options.linkDelay ?? microseconds(0), this.random.stream("links"));
    const phases = this.random.stream("tickPhase");
    this.#hosts = new Map(all.map((id) => [id, this.#host(id, phases)]));
  }

  /** All that have been members so far. */
  get nodes(): readonly NodeId[] {
    return this.#nodes;
  }

  get now(): Instant {
    return this.scheduler.now;
  }

  replica(id: NodeId): Turncoat {
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
    for (const id of ids) this.#of(id).start();
  }

  /** A node that a decision added starts with an empty disk; it knows who the members are. */
  join(id: NodeId): void {
    const highest = this.nodes
      .map((other) => this.ledger(other))
      .toSorted((left, right) => right.height - left.height)[0];
    const host = this.#of(id);
    host.options = { ...host.options, ...highest?.configuration.options, nodes: highest?.configuration.nodes ?? [] };
    this.#nodes = [...this.#nodes, id];
    host.start();
  }

  /** Other options from the next start on. */
  configure(id: NodeId, protocol: Partial<ProtocolOptions>): void {
    const host = this.#of(id);
    host.options = { ...host.options, ...protocol };
  }

  /** A configuration request, see ledger.ts. */
  order(order: string, to: readonly NodeId[] = this.nodes): void {
    for (const id of to) {
      this.#of(id).input({ kind: "submit", token: this.#tokens++, request: tinyRequest("config", order) });
    }
  }

  /** A node becomes Byzantine, in one of the ways of smartbft/byzantine, or with "" honest again. */
  misbehave(id: NodeId, how: Misbehaviour | ""): void {
    this.#of(id).misbehave(how);
  }

  /** The process dies; what was not durable is lost. */
  crash(id: NodeId): void {
    this.#of(id).crash();
  }

  /** A client's request at the nodes given; answers the tokens under which `outcomes` will hold what became of it. */
  submit(requestId: string, to: readonly NodeId[] = this.nodes, clientId = "client"): readonly number[] {
    const request = tinyRequest(clientId, requestId);
    return to.map((id) => {
      const token = this.#tokens++;
      this.#of(id).input({ kind: "submit", token, request });
      return token;
    });
  }

  /** Submits requests in an even rhythm from now on; their names begin with the instant of this call. */
  load(ratePerSecond: number, duration: Duration, to: readonly NodeId[] = this.nodes): void {
    const count = Math.floor((ratePerSecond * duration) / 1_000_000);
    const since = this.now;
    for (let index = 1; index <= count; index++) {
      const at = after(since, microseconds((index * 1_000_000) / ratePerSecond));
      this.scheduler.at(at, () => this.submit(`${since}-${index}`, to));
    }
  }

  /** Lets time pass; stops early once `until` holds. */
  run(duration: Duration, until?: () => boolean): void {
    this.scheduler.run(after(this.now, duration), until);
  }

  /** Lets time pass until it holds; throws, naming the seed, when it does not in time. */
  runUntil(what: string, holds: () => boolean, within: Duration = seconds(300)): void {
    this.run(within, holds);
    assert(holds(), `${what}: not within ${within} µs, seed ${this.#options.seed}`);
  }

  /** Sends bytes over the network, as a node that makes up messages would; `as`: whom it claims to be. */
  post(source: NodeId, target: NodeId, bytes: Uint8Array, as = source): void {
    const decoded = this.read(bytes);
    this.#travel(source, target, (host) => {
      this.onArrival(bytes, { source: as, target }, decoded);
      host.arrive(source, { kind: "message", from: as, bytes, decoded });
    });
  }

  /** Records of a node's log that are durable, since the last truncation; grows, until a truncation begins another array. */
  log(id: NodeId): readonly Uint8Array[] {
    return this.#of(id).log;
  }

  /** Of one durable write from now on. */
  slowDisk(id: NodeId, fsync: Duration): void {
    this.#of(id).fsync = fsync;
  }

  /** Hands bytes to a node as if `from` had sent them. */
  inject(from: NodeId, to: NodeId, bytes: Uint8Array): void {
    this.#of(to).input({ kind: "message", from, bytes });
  }

  /** The application of a node complains about the leader of its view. */
  complain(id: NodeId): void {
    const { view } = this.replica(id).status();
    this.#of(id).input({ kind: "complain", view, stopView: true });
  }

  #host(id: NodeId, phases: Random): Host {
    const { protocol, tickPhase, fsync, verifyTime, syncTime, handleTime, ingress } = this.#options;
    const chosen = { ...libraryOptions, ...protocol };
    const phase = tickPhase ?? microseconds(phases.integer(0, chosen.tickInterval - 1));
    const options = { ...chosen, selfId: id, nodes: this.nodes, tickPhase: phase };
    const none = microseconds(0);
    const times = {
      fsync: fsync ?? none,
      verify: verifyTime?.(id) ?? none,
      sync: syncTime ?? none,
      handle: handleTime ?? none,
    };
    return new Host(options, {
      genesis: this.#nodes,
      scheduler: this.scheduler,
      times,
      ingress: ingress ?? "shared",
      random: this.random.stream(`byzantine/${id}`),
      around: this.#around(id),
    });
  }

  #around(id: NodeId): Surroundings {
    const { remembersSteps = true } = this.#options;
    return {
      send: (target, bytes) => this.#send({ source: id, target, as: id }, bytes),
      sendAs: (as, target, bytes) => this.#send({ source: id, target, as }, bytes),
      forward: (target, request) => {
        this.#travel(id, target, (host) => host.arrive(id, { kind: "forwarded", from: id, request }));
      },
      pull: (from) => {
        if (!this.isRunning(from) || !this.links.connected(id, from)) return 0;
        const { height } = this.ledger(from);
        this.pulledBlocks.set(from, (this.pulledBlocks.get(from) ?? 0) + height);
        return height;
      },
      highest: () => {
        const reachable = this.nodes.filter((other) => this.isRunning(other) && this.links.connected(id, other));
        return reachable.map((other) => this.ledger(other)).toSorted((left, right) => right.height - left.height)[0];
      },
      submitted: (token, outcome) => this.outcomes.set(token, outcome),
      trace: (trace) => {
        const entry = { at: this.now, node: id, trace };
        if (trace.kind === "step" && remembersSteps) this.steps.push(entry);
        this.onTrace(entry);
      },
      syncPrunesPool: this.#options.syncPrunesPool ?? true,
      emptyAuxiliary: this.#options.emptyAuxiliary ?? false,
      writing: (write) => this.onWrite(write),
    };
  }

  #send({ source, target, as }: Record<"source" | "target" | "as", NodeId>, bytes: Uint8Array): void {
    this.onSend(bytes, { source, target });
    const sent = this.tamper(bytes, { source, target });
    if (sent !== undefined) this.post(source, target, sent, as);
  }

  #travel(source: NodeId, target: NodeId, arrive: (target: Host) => void): void {
    const link = this.links.link(source, target);
    const host = this.#of(target);
    for (const at of this.links.arrivals(source, target, this.now)) {
      this.scheduler.at(at, () => {
        if (link.up) arrive(host);
      });
    }
  }

  #of(id: NodeId): Host {
    return present(this.#hosts.get(id), `node ${id}`);
  }
}
