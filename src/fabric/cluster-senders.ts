// What an orderer's replica says to the others: a link to each, one outbox before them, and beside them the streams on which
// a Byzantine node speaks for itself or for others.
import type { Instant, NodeId } from "../base/index.js";
import type { Consenter, TransportSettings } from "../boundary/index.js";
import type { SentTrace } from "../smartbft/index.js";
import { ClusterLink, type SendResult } from "./cluster-link.js";
import { encodeClusterStep } from "./deliver.js";
import type { OutboundChannel } from "./outbound.js";
import { laneOf, Outbox } from "./outbox.js";

export interface SendersOptions {
  readonly self: NodeId;
  readonly consenters: readonly Consenter[];
  readonly settings: TransportSettings;
  readonly channelTo: (target: Consenter) => OutboundChannel;
  readonly now: () => Instant;
  /** What became of a message that the replica told of. */
  readonly sent: (told: SentTrace, result: SendResult) => void;
}

export class ClusterSenders implements Disposable {
  readonly #options: SendersOptions;
  readonly #links: ReadonlyMap<NodeId, ClusterLink>;
  readonly #outbox: Outbox;
  readonly #aside = new Map<string, ClusterLink>();
  /** A broadcast gives the same bytes to every target: framed once. */
  readonly #framed = new WeakMap<Uint8Array, Uint8Array>();

  constructor(options: SendersOptions) {
    this.#options = options;
    const { self, consenters, settings } = options;
    const others = consenters.filter(({ id }) => id !== self);
    this.#links = new Map(others.map((target) => [target.id, this.#linkTo(target, self)]));
    this.#outbox = new Outbox(this.#links, settings.broadcast);
  }

  /** Whether it is another orderer of the channel. */
  knows(id: NodeId): boolean {
    return this.#links.has(id);
  }

  send(to: NodeId, message: Uint8Array, told: SentTrace | undefined): void {
    let bytes = this.#framed.get(message);
    if (bytes === undefined) {
      bytes = encodeClusterStep({ kind: "consensus", message });
      this.#framed.set(message, bytes);
    }
    const done = (result: SendResult): void => {
      if (told !== undefined) this.#options.sent(told, result);
    };
    this.#outbox.send({ to, lane: laneOf(message), bytes, done });
  }

  forward(to: NodeId, envelope: Uint8Array): void {
    const bytes = encodeClusterStep({ kind: "transaction", envelope });
    this.#outbox.send({ to, lane: "pool", bytes, done: () => undefined });
  }

  /**
   * Sends in the name of `as`, on a stream beside the replica's own: what a Byzantine node may try, for nothing but the
   * stream's metadata names a sender. As for requests, what finds no room is dropped and the stream goes on.
   */
  sendAs(as: NodeId, to: NodeId, message: Uint8Array): void {
    const target = this.#options.consenters.find(({ id }) => id === to);
    if (target === undefined || !this.#links.has(to)) return;
    const key = `${as}>${to}`;
    const link = this.#aside.get(key) ?? this.#linkTo(target, as);
    this.#aside.set(key, link);
    link.send(encodeClusterStep({ kind: "consensus", message }), "transaction", () => undefined);
  }

  [Symbol.dispose](): void {
    for (const link of [...this.#links.values(), ...this.#aside.values()]) link[Symbol.dispose]();
  }

  #linkTo(target: Consenter, self: NodeId): ClusterLink {
    const { settings, channelTo, now } = this.#options;
    return new ClusterLink({ self, channel: channelTo(target), settings, now });
  }
}
