// An orderer's place among the others: a link to each for what its replica sends, and the server side of their Step
// streams for what it receives. The sender is named in the stream's metadata (`sender`); certificates come later.
import { status } from "@grpc/grpc-js";
import { nodeId, type NodeId } from "../base/index.js";
import type { MessageEvent, OrdererConfig } from "../boundary/index.js";
import { decodeClusterStep, encodeClusterStep } from "../fabric/index.js";
import type { Input, Trace } from "../smartbft/index.js";
import { ClusterLink, type SendResult } from "./cluster-link.js";
import type { Emit } from "./events.js";
import { serveInbound } from "./inbound.js";
import { laneOf, Outbox } from "./outbox.js";
import type { InboundStream } from "./rpc.js";

export type SentTrace = Extract<Trace, { kind: "sent" }>;
export type FromOthers = Extract<Input, { kind: "message" | "forwarded" }>;

export class Cluster implements Disposable {
  readonly #config: OrdererConfig;
  readonly #emit: Emit;
  readonly #names: ReadonlyMap<number, string>;
  readonly #links: ReadonlyMap<NodeId, ClusterLink>;
  readonly #outbox: Outbox;
  readonly #aside = new Map<string, ClusterLink>();
  /** A broadcast gives the same bytes to every target: framed once. */
  readonly #framed = new WeakMap<Uint8Array, Buffer>();

  constructor(config: OrdererConfig, emit: Emit) {
    this.#config = config;
    this.#emit = emit;
    this.#names = new Map(config.consenters.map(({ id, name }) => [id, name]));
    const others = config.consenters.filter(({ id }) => id !== config.id);
    const link = { self: config.id, settings: config.transport, emit };
    this.#links = new Map(others.map((target) => [target.id, new ClusterLink({ ...link, target })]));
    this.#outbox = new Outbox(this.#links, config.transport.broadcast);
  }

  nameOf(id: number): string {
    return this.#names.get(id) ?? `consenter ${id}`;
  }

  send(to: NodeId, message: Uint8Array, told: SentTrace | undefined): void {
    let bytes = this.#framed.get(message);
    if (bytes === undefined) {
      bytes = Buffer.from(encodeClusterStep({ kind: "consensus", message }));
      this.#framed.set(message, bytes);
    }
    this.#outbox.send({ to, lane: laneOf(message), bytes, done: (result) => this.#tellSent(told, result) });
  }

  forward(to: NodeId, envelope: Uint8Array): void {
    const bytes = Buffer.from(encodeClusterStep({ kind: "transaction", envelope }));
    this.#outbox.send({ to, lane: "pool", bytes, done: () => {} });
  }

  /**
   * Sends in the name of `as`, on a stream beside the replica's own: what a Byzantine node may try, for nothing but the
   * stream's metadata names a sender. As for requests, what finds no room is dropped and the stream goes on.
   */
  sendAs(as: NodeId, to: NodeId, message: Uint8Array): void {
    const { id, consenters, transport } = this.#config;
    const key = `${as}>${to}`;
    const target = consenters.find((consenter) => consenter.id === to && to !== id);
    if (target === undefined) return;
    const link = this.#aside.get(key) ?? new ClusterLink({ self: as, target, settings: transport, emit: this.#emit });
    this.#aside.set(key, link);
    void link.send(Buffer.from(encodeClusterStep({ kind: "consensus", message })), "transaction");
  }

  /** Serves another orderer's stream to its end. Bytes that are no step are dropped, as data that anybody may send. */
  async receive(stream: InboundStream, take: (input: FromOthers) => Promise<void> | undefined): Promise<void> {
    const from = this.#senderOf(stream);
    if (from === undefined) {
      stream.emit("error", { code: status.UNAUTHENTICATED, details: "access denied" });
      return;
    }
    const options = { peer: this.nameOf(from), service: "cluster", emit: this.#emit } as const;
    await serveInbound(stream, options, (bytes) => {
      const step = decodeClusterStep(bytes);
      if (step.kind === "bad") {
        this.#tellRejected(from, step.reason);
        return "next";
      }
      const room =
        step.value.kind === "consensus"
          ? take({ kind: "message", from, bytes: step.value.message })
          : take({ kind: "forwarded", from, request: step.value.envelope });
      return room === undefined ? "next" : room.then(() => "next");
    });
  }

  /** `message` events of what came in: the replica's decision on it. */
  tellReceived(trace: Extract<Trace, { kind: "received" }>, at: MessageEvent["at"]): void {
    if (!this.#config.messageTrace) return;
    const { from, decision, effects } = trace;
    this.#emit({
      kind: "message",
      at,
      direction: "in",
      other: this.nameOf(from),
      ...outlineOf(trace),
      decision,
      effects,
    });
  }

  [Symbol.dispose](): void {
    for (const link of [...this.#links.values(), ...this.#aside.values()]) link[Symbol.dispose]();
  }

  #senderOf(stream: InboundStream): NodeId | undefined {
    const [sender] = stream.metadata.get("sender");
    const id = nodeId(Number(sender));
    return this.#links.has(id) ? id : undefined;
  }

  #tellSent(told: SentTrace | undefined, result: SendResult): void {
    if (told === undefined || !this.#config.messageTrace) return;
    const lost = result.kind === "dropped" ? { decision: `dropped: ${result.reason}` } : {};
    this.#emit({ kind: "message", direction: "out", other: this.nameOf(told.to), ...outlineOf(told), ...lost });
  }

  #tellRejected(from: NodeId, reason: string): void {
    const decision = `rejected: ${reason}`;
    this.#emit({ kind: "message", direction: "in", other: this.nameOf(from), type: "unknown", decision, effects: [] });
  }
}

/** What both directions say of a message; parts that it does not have are absent. */
function outlineOf<T extends string>({ type, view, sequence, assist, digest }: Outline<T>): Outline<T> {
  return {
    type,
    ...(view === undefined ? {} : { view }),
    ...(sequence === undefined ? {} : { sequence }),
    ...(assist === undefined ? {} : { assist }),
    ...(digest === undefined ? {} : { digest }),
  };
}

interface Outline<T extends string> {
  readonly type: T;
  readonly view?: number;
  readonly sequence?: number;
  readonly assist?: boolean;
  readonly digest?: string;
}
