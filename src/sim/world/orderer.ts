// An orderer of the world: the same machines that node/orderer.ts puts together, on simulated disks, streams and time.
import { assert, nodeId, type Instant, type NodeId, type Sequence } from "../../base/index.js";
import {
  blockFrom,
  ClusterSenders,
  decodeClusterStep,
  membersOf,
  ordererMachines,
  receivedEvent,
  rejectedEvent,
  sentEvent,
  storedDecision,
  type Block,
  type OrdererMachines,
} from "../../fabric/index.js";
import {
  EffectQueue,
  IngressTurns,
  type Decision,
  type EffectPorts,
  type Input,
  type Misbehaviour,
  type SentTrace,
  type SubmitOutcome,
  type Trace,
  type TurncoatInput,
  type VerifyItem,
  type WalRecord,
  type WrapperEffect,
} from "../../smartbft/index.js";
import { CatchUp } from "./catch-up.js";
import { Chain } from "./chain.js";
import { Channel } from "./channel.js";
import { MachineLoop } from "./machine-loop.js";
import { PullChain } from "./pull-chain.js";
import { Server, type InboundStream, type Serving } from "./server.js";
import type { ConfigOf, Disks, Service } from "./service.js";
import { serveBroadcast, serveDeliver } from "./serving.js";
import { check, nonceFrom, signer, type Site } from "./site.js";

type FromOthers = Extract<Input, { readonly kind: "message" | "forwarded" }>;

export class Orderer implements Service, EffectPorts {
  readonly detail: string;
  readonly #site: Site;
  readonly #config: ConfigOf<"orderer">;
  readonly #disks: Disks;
  readonly #chain: Chain;
  readonly #machines: OrdererMachines;
  readonly #loop: MachineLoop<TurncoatInput, WrapperEffect>;
  readonly #channels: Channel[] = [];
  readonly #senders: ClusterSenders;
  readonly #ingress: IngressTurns<FromOthers>;
  readonly #server: Server;
  readonly #names: ReadonlyMap<number, string>;
  readonly #submissions = new Map<number, (outcome: SubmitOutcome) => void>();
  /** Steps that this process has taken before. */
  readonly #warm = new Set<string>();
  #syncs: readonly (CatchUp | PullChain)[] = [];
  #nextToken = 1;

  constructor(site: Site, config: ConfigOf<"orderer">, disks: Disks) {
    this.#site = site;
    this.#config = config;
    this.#disks = disks;
    const { channel, consenters, clients, transport, options } = config;
    this.detail = `${config.address}:${config.port}`;
    this.#names = new Map(consenters.map((each) => [each.id, each.name]));
    this.#chain = new Chain({ site, file: disks.blocks, role: "orderer", channel, consenters });
    const members = membersOf(channel, clients);
    this.#machines = this.#newMachines();
    const queue = new EffectQueue(this);
    this.#loop = new MachineLoop<TurncoatInput, WrapperEffect>(site.process, this.#machines.replica, {
      due: { kind: "deadline" },
      stepUs: site.costs.stepUs,
      carryOut: (at, effects) => queue.push(at, effects),
    });
    this.#senders = this.#newSenders();
    const limit = options.incomingMessageBufferSize;
    const nextTurn = (turn: () => void): void => site.process.run(turn);
    this.#ingress = new IngressTurns({ kind: transport.ingress, limit, nextTurn }, (input) => this.#loop.push(input));
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
    const { replica } = this.#machines;
    return { ...replica.status(), height: this.#chain.height, misbehaviour: replica.misbehaviour };
  }

  readonly misbehave = (how: Misbehaviour | ""): void => this.#loop.push({ kind: "misbehave", how });

  abandon(): void {
    this.#loop.stop();
    this.#ingress.stop();
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
    this.#senders.send(to, message, told);
  }

  forward(to: NodeId, envelope: Uint8Array): void {
    this.#senders.forward(to, envelope);
  }

  verify(id: number, items: readonly VerifyItem[]): void {
    check(this.#site, items, (results) => this.#loop.push({ kind: "verified", id, results }));
  }

  synchronise(id: number): void {
    const sync = new CatchUp({
      site: this.#site,
      config: this.#config,
      head: this.#machines.application.head,
      store: (block, done) => this.#store(block, "sync", done),
      done: (requests) => {
        this.#syncs = this.#syncs.filter((each) => each !== sync);
        this.#loop.push({ kind: "synchronised", id, decision: storedDecision(this.#chain.last), requests });
      },
    });
    this.#syncs = [...this.#syncs, sync];
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

  sendAs(as: NodeId, to: NodeId, bytes: Uint8Array): void {
    this.#senders.sendAs(as, to, bytes);
  }

  pull(id: number, from: NodeId): void {
    const last = this.#chain.height - 1;
    const pull = new PullChain(this.#site, this.#config, { from, last }, (blockCount) => {
      this.#syncs = this.#syncs.filter((each) => each !== pull);
      this.#loop.push({ kind: "pulled", id, blockCount });
    });
    this.#syncs = [...this.#syncs, pull];
    pull.start();
  }

  #newMachines(): OrdererMachines {
    const records = this.#disks.log.durable.flat();
    const since = Math.max(
      0,
      records.findLastIndex(({ truncate }) => truncate),
    );
    return ordererMachines({
      config: this.#config,
      sign: signer(this.#site),
      nonce: () => nonceFrom(this.#site.random),
      last: () => this.#chain.last,
      walEntries: records.slice(since).map(({ record }) => record),
    });
  }

  #newSenders(): ClusterSenders {
    const { id: self, consenters, transport: settings, messageTrace } = this.#config;
    const site = this.#site;
    return new ClusterSenders({
      self,
      consenters,
      settings,
      channelTo: (target) => {
        const channel = new Channel({ site, target, service: "cluster", settings });
        this.#channels.push(channel);
        return channel;
      },
      now: () => site.process.now(),
      sent: (told, result) => {
        if (messageTrace) site.emit(sentEvent(told, this.#nameOf(told.to), result));
      },
    });
  }

  #serveStep(stream: InboundStream): Serving {
    const from = nodeId(stream.sender ?? 0);
    const peer = this.#nameOf(from);
    const offer = (input: FromOthers): void => {
      if (!this.#ingress.offer(from, input, () => stream.resume())) stream.pause();
    };
    const received = (bytes: Uint8Array): void => {
      const step = decodeClusterStep(bytes);
      if (step.kind === "bad") this.#site.emit(rejectedEvent(peer, step.reason));
      else if (step.value.kind === "consensus") offer({ kind: "message", from, bytes: step.value.message });
      else offer({ kind: "forwarded", from, request: step.value.envelope });
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
      this.#machines.application.advance(block);
      done();
    });
  }

  #nameOf(id: number): string {
    return this.#names.get(id) ?? `consenter ${id}`;
  }
}
