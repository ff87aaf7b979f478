// An orderer's place among the others: a link to each for what its replica sends, and the server side of their Step
// streams for what it receives. The sender is named in the stream's metadata (`sender`); certificates come later.
import { status } from "@grpc/grpc-js";
import { nodeId, type NodeId } from "../base/index.js";
import type { MessageEvent, OrdererConfig } from "../boundary/index.js";
import { ClusterSenders, decodeClusterStep, receivedEvent, rejectedEvent, sentEvent } from "../fabric/index.js";
import type { Input, SentTrace, Trace } from "../smartbft/index.js";
import { now } from "../system/index.js";
import { Channel } from "./channel.js";
import type { Emit } from "./events.js";
import { serveInbound } from "./inbound.js";
import type { InboundStream } from "./rpc.js";

export type FromOthers = Extract<Input, { kind: "message" | "forwarded" }>;

export class Cluster implements Disposable {
  readonly #config: OrdererConfig;
  readonly #emit: Emit;
  readonly #names: ReadonlyMap<number, string>;
  readonly #senders: ClusterSenders;

  constructor(config: OrdererConfig, emit: Emit) {
    this.#config = config;
    this.#emit = emit;
    const { id: self, consenters, transport: settings, messageTrace } = config;
    this.#names = new Map(consenters.map(({ id, name }) => [id, name]));
    this.#senders = new ClusterSenders({
      self,
      consenters,
      settings,
      channelTo: (target) => new Channel(target, "cluster", settings, emit),
      now,
      sent: (told, result) => {
        if (messageTrace) emit(sentEvent(told, this.nameOf(told.to), result));
      },
    });
  }

  nameOf(id: number): string {
    return this.#names.get(id) ?? `consenter ${id}`;
  }

  send(to: NodeId, message: Uint8Array, told: SentTrace | undefined): void {
    this.#senders.send(to, message, told);
  }

  forward(to: NodeId, envelope: Uint8Array): void {
    this.#senders.forward(to, envelope);
  }

  /** In the name of `as`. */
  sendAs(as: NodeId, to: NodeId, message: Uint8Array): void {
    this.#senders.sendAs(as, to, message);
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
    this.#emit({ at, ...receivedEvent(trace, this.nameOf(trace.from)) });
  }

  [Symbol.dispose](): void {
    this.#senders[Symbol.dispose]();
  }

  #senderOf(stream: InboundStream): NodeId | undefined {
    const [sender] = stream.metadata.get("sender");
    const id = nodeId(Number(sender));
    return this.#senders.knows(id) ? id : undefined;
  }

  #tellRejected(from: NodeId, reason: string): void {
    this.#emit(rejectedEvent(this.nameOf(from), reason));
  }
}
