// One ordered pair of orderers, seen from its source: a channel, and on it one Step stream that carries everything sent to
// the target. It stays idle until there is something to send: a channel that dials a node which is just starting would
// begin its life in back-off. It behaves as Fabric's does (fabric-wire.md 7.3): a stream is opened by the first send that finds none; on
// an idle channel that send waits for the connection, in any other state but ready sends are refused at once.
//
// A send is complete when the stream's bounded buffer has it, as in Fabric, where a goroutine carries the buffer to the
// wire. When the buffer is full a forwarded request is dropped, and a consensus message cancels the stream with all it
// holds; the next send opens another. Full means stalled as well: in one thread nothing is carried while a burst is being
// written, so a buffer that moved a moment ago may hold more for that moment.
import { Metadata } from "@grpc/grpc-js";
import { milliseconds, type NodeId } from "../base/index.js";
import type { TransportSettings } from "../boundary/index.js";
import { now } from "../system/index.js";
import { Channel, type ChannelTarget, type OutboundStream } from "./channel.js";
import type { Emit } from "./events.js";

export type SendResult = { readonly kind: "written" } | { readonly kind: "dropped"; readonly reason: string };

/** A buffer that gave nothing to the socket for this long is not moving. */
const stalledAfter = milliseconds(100);
/** A buffer that does move may hold this many times the setting, no more. */
const burstFactor = 10;

const written: SendResult = { kind: "written" };
const dropped = (reason: string): SendResult => ({ kind: "dropped", reason });

export interface LinkOptions {
  readonly self: NodeId;
  readonly target: ChannelTarget;
  readonly settings: TransportSettings;
  readonly emit: Emit;
}

export class ClusterLink implements Disposable {
  readonly #options: LinkOptions;
  readonly #channel: Channel;
  readonly #metadata = new Metadata();
  #stream: OutboundStream | undefined;
  #opening: Promise<SendResult> | undefined;
  /** Messages the stream has taken and not yet given to the socket. */
  #held = 0;
  /** When the stream last gave one to the socket, or took one while it held none. */
  #movedAt = now();
  /** Sends that wait for the stream being opened. */
  #waiting = 0;
  #droppedSince = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#channel = new Channel(options.target, "cluster", options.settings, options.emit);
    this.#metadata.set("sender", String(options.self));
  }

  /** Answers at once, or with a promise when it had to wait for a connection. Never rejects. */
  send(bytes: Buffer, content: "consensus" | "transaction"): SendResult | Promise<SendResult> {
    if (this.#stream !== undefined) return this.#write(this.#stream, bytes, content);
    const result = this.#opening === undefined ? this.#open() : this.#await(this.#opening);
    if (result instanceof Promise) return result.then((opened) => this.#afterOpening(opened, bytes, content));
    return this.#afterOpening(result, bytes, content);
  }

  [Symbol.dispose](): void {
    this.#stream?.cancel();
    this.#stream = undefined;
    this.#channel[Symbol.dispose]();
  }

  #afterOpening(opened: SendResult, bytes: Buffer, content: "consensus" | "transaction"): SendResult {
    if (opened.kind === "dropped") return this.#drop(opened.reason);
    // Another send's overflow may have cancelled it meanwhile.
    return this.#stream === undefined ? this.#drop("stream closed") : this.#write(this.#stream, bytes, content);
  }

  #open(): SendResult | Promise<SendResult> {
    const { state } = this.#channel;
    if (state === "ready") {
      this.#openStream();
      return written;
    }
    if (state !== "idle") return dropped(`channel is ${state}`);
    this.#opening = this.#openWhenConnected();
    return this.#opening;
  }

  async #openWhenConnected(): Promise<SendResult> {
    const state = await this.#channel.settled(this.#options.settings.connectTimeout);
    this.#opening = undefined;
    if (state === "ready") {
      this.#openStream();
      return written;
    }
    if (state === "connecting") this.#channel.tell("send-timeout", "no connection within connectTimeout");
    return dropped(`channel is ${state}`);
  }

  /** Sends that come while the stream is being opened wait for it; in Fabric's loop none do, it is blocked itself. */
  #await(opening: Promise<SendResult>): SendResult | Promise<SendResult> {
    const { broadcast, sendBufferMessages } = this.#options.settings;
    if (broadcast === "sequential") return dropped("channel is connecting");
    if (this.#waiting >= sendBufferMessages) return dropped("send queue overflown");
    this.#waiting++;
    return opening.finally(() => this.#waiting--);
  }

  #openStream(): void {
    const stream = this.#channel.open("step", this.#metadata);
    this.#stream = stream;
    this.#held = 0;
    this.#channel.tell("opened", this.#droppedSince === 0 ? "" : `${this.#droppedSince} messages dropped before`);
    this.#droppedSince = 0;
    const closed = (detail: string): void => {
      if (this.#stream !== stream) return;
      this.#stream = undefined;
      this.#channel.tell("closed", detail);
    };
    // The server never answers on this stream; reading is what makes its end visible.
    stream.resume();
    stream.on("error", (error) => closed(error.message));
    stream.on("end", () => closed("ended by the server"));
  }

  #write(stream: OutboundStream, bytes: Buffer, content: "consensus" | "transaction"): SendResult {
    if (this.#full()) {
      if (content === "consensus") {
        this.#stream = undefined;
        this.#channel.tell("closed", "send queue overflown");
        stream.cancel();
      }
      return this.#drop("send queue overflown");
    }
    if (this.#held === 0) this.#movedAt = now();
    this.#held++;
    stream.write(bytes, () => {
      if (this.#stream !== stream) return;
      this.#held--;
      this.#movedAt = now();
    });
    return written;
  }

  #full(): boolean {
    const { sendBufferMessages } = this.#options.settings;
    if (this.#held < sendBufferMessages) return false;
    return this.#held >= sendBufferMessages * burstFactor || now() - this.#movedAt > stalledAfter;
  }

  /** One event for the first message lost; the number of all stands in the next `opened`. */
  #drop(reason: string): SendResult {
    if (this.#droppedSince === 0) this.#channel.tell("dropped", reason);
    this.#droppedSince++;
    return dropped(reason);
  }
}
