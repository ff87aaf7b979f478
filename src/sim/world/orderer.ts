// An orderer of the world: the same machines that node/orderer.ts puts together, on simulated disks, streams and time.
import { assert, AssertionError, nodeId, type Instant, type NodeId, type Sequence } from "../../base/index.js";
import {
  blockFrom,
  ClusterLink,
  decisionFrom,
  decodeClusterStep,
  encodeClusterStep,
  headOf,
  laneOf,
  membersOf,
  OrdererApplication,
  Outbox,
  receivedEvent,
  rejectedEvent,
  sentEvent,
  type Block,
} from "../../fabric/index.js";
import {
  EffectQueue,
  Replica,
  type Decision,
  type Effect,
  type EffectPorts,
  type Input,
  type SentTrace,
  type SubmitOutcome,
  type Trace,
  type VerifyItem,
  type WalRecord,
} from "../../smartbft/index.js";
import { CatchUp } from "./catch-up.js";
import { Chain } from "./chain.js";
import { Channel } from "./channel.js";
import { MachineLoop } from "./machine-loop.js";
import { Server, type InboundStream, type Serving } from "./server.js";
import type { ConfigOf, Disks, Service } from "./service.js";
import { serveBroadcast, serveDeliver } from "./serving.js";
import { check, nonceFrom, signer, type Site } from "./site.js";

export class Orderer implements Service, EffectPorts {
  readonly detail: string;
  readonly #site: Site;
  readonly #config: ConfigOf<"orderer">;
  readonly #disks: Disks;
  readonly #chain: Chain;
  readonly #application: OrdererApplication;
  readonly #replica: Replica;
  readonly #loop: MachineLoop<Input, Effect>;
  readonly #channels: Channel[] = [];
  readonly #outbox: Outbox;
  readonly #server: Server;
  readonly #names: ReadonlyMap<number, string>;
  readonly #submissions = new Map<number, (outcome: SubmitOutcome) => void>();
  /** A broadcast gives the same bytes to every target: framed once. */
  readonly #framed = new WeakMap<Uint8Array, Uint8Array>();
  /** Steps that this process has taken before. */
  readonly #warm = new Set<string>();
  #syncs: CatchUp[] = [];
  #nextToken = 1;

  constructor(site: Site, config: ConfigOf<"orderer">, disks: Disks) {
    this.#site = site;
    this.#config = config;
    this.#disks = disks;
    const { channel, consenters, clients, id, transport } = config;
    this.detail = `${config.address}:${config.port}`;
    this.#names = new Map(consenters.map((each) => [each.id, each.name]));
    this.#chain = new Chain({ site, file: disks.blocks, role: "orderer", channel, consenters });
    const members = membersOf(channel, clients);
    const nonce = (): Uint8Array => nonceFrom(site.random);
    const head = headOf(this.#chain.last);
    this.#application = new OrdererApplication({ id, consenters, members, head, sign: signer(site), nonce });
    this.#replica = this.#newReplica();
    const queue = new EffectQueue(this);
    this.#loop = new MachineLoop<Input, Effect>(site.process, this.#replica, {
      due: { kind: "deadline" },
      stepUs: site.costs.stepUs,
      carryOut: (at, effects) => queue.push(at, effects),
    });
    this.#outbox = new Outbox(this.#linksTo(consenters.filter((each) => each.id !== id)), transport.broadcast);
    const submit = (request: Uint8Array, then: (outcome: SubmitOutcome) => void): void => this.#submit(request, then);
    this.#server = new Server(site, transport, {
      step: (stream) => this.#serveStep(stream),
      broadcast: (stream) => serveBroadcast(stream, { site, members, submit }),
      deliver: (stream) => serveDeliver(stream, { site, channel, chain: this.#chain }),
    });
  }

  start(): void {
    this.#loop.push({ kind: "start" });
  }

  status(): ReturnType<Service["status"]> {
    return { ...this.#replica.status(), height: this.#chain.height };
  }

  abandon(): void {
    this.#loop.stop();
    this.#server.abandon();
    for (const channel of this.#channels) channel.abandon();
    for (const sync of this.#syncs) sync.abandon();
  }

  persist(records: readonly WalRecord[], done: () => void): void {
    const sizeBytes = records.reduce((sum, { record }) => sum + record.length, 0);
    this.#disks.log.append(records, sizeBytes, done);
  }

  deliver(sequence: Sequence, decision: Decision, done: () => void): void {
    const block = blockFrom(decision);
    assert(block.kind === "good", `Deliver decision ${sequence}: it makes no block`);
    this.#store(block.value, "decision", () => {
      this.#loop.push({ kind: "delivered", sequence });
      done();
    });
  }

  send(to: NodeId, message: Uint8Array, told: SentTrace | undefined): void {
    let bytes = this.#framed.get(message);
    if (bytes === undefined) {
      bytes = encodeClusterStep({ kind: "consensus", message });
      this.#framed.set(message, bytes);
    }
    const lane = laneOf(message);
    this.#outbox.send({
      to,
      lane,
      bytes,
      done: (result) => {
        if (told !== undefined && this.#config.messageTrace)
          this.#site.emit(sentEvent(told, this.#nameOf(told.to), result));
      },
    });
  }

  forward(to: NodeId, envelope: Uint8Array): void {
    const bytes = encodeClusterStep({ kind: "transaction", envelope });
    this.#outbox.send({ to, lane: "pool", bytes, done: () => undefined });
  }

  verify(id: number, items: readonly VerifyItem[]): void {
    check(this.#site, items, (results) => this.#loop.push({ kind: "verified", id, results }));
  }

  synchronise(id: number): void {
    const sync = new CatchUp({
      site: this.#site,
      config: this.#config,
      head: this.#application.head,
      store: (block, done) => this.#store(block, "sync", done),
      done: (requests) => {
        this.#syncs = this.#syncs.filter((each) => each !== sync);
        this.#loop.push({ kind: "synchronised", id, decision: decisionOf(this.#chain.last), requests });
      },
    });
    this.#syncs.push(sync);
    sync.start();
  }

  submitted(token: number, outcome: SubmitOutcome): void {
    this.#submissions.get(token)?.(outcome);
    this.#submissions.delete(token);
  }

  trace(at: Instant, trace: Trace): void {
    if (trace.kind === "step") {
      if (!this.#warm.has(trace.step)) this.#site.process.charge(this.#site.costs.coldUs);
      this.#warm.add(trace.step);
      this.#site.emit({ at, ...trace });
    } else if (trace.kind === "received" && this.#config.messageTrace)
      this.#site.emit({ at, ...receivedEvent(trace, this.#nameOf(trace.from)) });
  }

  /** What only a Byzantine node's wrapper asks for: there are none in a world yet. */
  sendAs(): void {
    throw new AssertionError("A replica without a wrapper speaks for itself");
  }

  pull(): void {
    throw new AssertionError("A replica without a wrapper pulls nothing");
  }

  #newReplica(): Replica {
    const { id, consenters, options: chosen, tickPhase } = this.#config;
    const nodes = consenters.map((each) => each.id).toSorted((left, right) => left - right);
    const options = { ...chosen, selfId: id, nodes, tickPhase };
    const records = this.#disks.log.durable.flat();
    const since = Math.max(
      0,
      records.findLastIndex(({ truncate }) => truncate),
    );
    const walEntries = records.slice(since).map(({ record }) => record);
    return new Replica(options, this.#application, { lastDecision: decisionOf(this.#chain.last), walEntries });
  }

  #linksTo(targets: ConfigOf<"orderer">["consenters"]): ReadonlyMap<NodeId, ClusterLink> {
    const { id: self, transport: settings } = this.#config;
    const site = this.#site;
    const now = (): Instant => site.process.now();
    return new Map(
      targets.map((target) => {
        const channel = new Channel({ site, target, service: "cluster", settings });
        this.#channels.push(channel);
        return [target.id, new ClusterLink({ self, channel, settings, now })];
      }),
    );
  }

  #serveStep(stream: InboundStream): Serving {
    const from = nodeId(stream.sender ?? 0);
    const peer = this.#nameOf(from);
    const received = (bytes: Uint8Array): void => {
      const step = decodeClusterStep(bytes);
      if (step.kind === "bad") this.#site.emit(rejectedEvent(peer, step.reason));
      else if (step.value.kind === "consensus") this.#loop.push({ kind: "message", from, bytes: step.value.message });
      else this.#loop.push({ kind: "forwarded", from, request: step.value.envelope });
    };
    return { peer, received, closed: () => undefined };
  }

  #submit(request: Uint8Array, then: (outcome: SubmitOutcome) => void): void {
    const token = this.#nextToken++;
    this.#submissions.set(token, then);
    this.#loop.push({ kind: "submit", token, request });
  }

  #store(block: Block, source: string, done: () => void): void {
    this.#chain.append(block, source, [], () => {
      this.#application.advance(block);
      done();
    });
  }

  #nameOf(id: number): string {
    return this.#names.get(id) ?? `consenter ${id}`;
  }
}

/** The decision in a stored block; genesis was decided by nobody. */
function decisionOf(block: Block): Decision | undefined {
  if (block.header.number === 0) return undefined;
  const decision = decisionFrom(block);
  assert(decision.kind === "good", `Block ${block.header.number} holds no decision`);
  return decision.value;
}
