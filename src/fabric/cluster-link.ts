// One ordered pair of orderers, seen from its source: a channel, and on it one Step stream that carries everything sent to
// the target. It stays idle until there is something to send: a channel that dials a node which is just starting would
// begin its life in back-off. It behaves as Fabric's does (fabric-wire.md 7.3): a stream is opened by the first send that finds none; on
// an idle channel that send waits for the connection, in any other state but ready sends are refused at once.
//
// A send is complete when the stream's bounded buffer has it, as in Fabric, where a goroutine carries the buffer to the
// wire. When the buffer is full a forwarded request is dropped, and a consensus message cancels the stream with all it
// holds; the next send opens another. Full means stalled as well: in one thread nothing is carried while a burst is being
// written, so a buffer that moved a moment ago may hold more for that moment.
import { milliseconds, type Instant, type NodeId } from "../base/index.js";
import type { TransportSettings } from "../boundary/index.js";
import type { OutboundChannel, OutboundStream } from "./outbound.js";

export type SendResult = { readonly kind: "written" } | { readonly kind: "dropped"; readonly reason: string };

/** A buffer that gave nothing to the socket for this long is not moving. */
const stalledAfter = milliseconds(100);
/** A buffer that does move may hold this many times the setting, no more. */
const burstFactor = 10;

const written: SendResult = { kind: "written" };
const dropped = (reason: string): SendResult => ({ kind: "dropped", reason });

export interface LinkOptions {
  readonly self: NodeId;
  readonly channel: OutboundChannel;
  readonly settings: TransportSettings;
  readonly now: () => Instant;
}

type Content = "consensus" | "transaction";
type Opened = (result: SendResult) => void;

export class ClusterLink implements Disposable {
  readonly #options: LinkOptions;
  #stream: OutboundStream | undefined;
  /** Sends that wait for the stream being opened, the one that opens it first. */
  #opening: Opened[] | undefined;
  /** Messages the stream has taken and not yet given to the socket. */
  #held = 0;
  /** When the stream last gave one to the socket, or took one while it held none. */
  #movedAt: Instant;
  #droppedSince = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#movedAt = options.now();
  }

  /** Calls `done` once: at once, or later when the send had to wait for a connection. */
  send(bytes: Uint8Array, content: Content, done: (result: SendResult) => void): void {
    if (this.#stream !== undefined) return done(this.#write(this.#stream, bytes, content));
    const opened: Opened = (result) => done(this.#afterOpening(result, bytes, content));
    if (this.#opening === undefined) this.#open(opened);
    else this.#queueFor(this.#opening, opened);
  }

  [Symbol.dispose](): void {
    this.#stream?.cancel();
    this.#stream = undefined;
    this.#options.channel[Symbol.dispose]();
  }

  #afterOpening(opened: SendResult, bytes: Uint8Array, content: Content): SendResult {
    if (opened.kind === "dropped") return this.#drop(opened.reason);
    // Another send's overflow may have cancelled it meanwhile.
    return this.#stream === undefined ? this.#drop("stream closed") : this.#write(this.#stream, bytes, content);
  }

  #open(opened: Opened): void {
    const { channel, settings } = this.#options;
    if (channel.state === "ready") {
      this.#openStream();
      return opened(written);
    }
    if (channel.state !== "idle") return opened(dropped(`channel is ${channel.state}`));
    this.#opening = [opened];
    channel.settled(settings.connectTimeout, (state) => {
      const waiting = this.#opening ?? [];
      this.#opening = undefined;
      if (state === "ready") this.#openStream();
      else if (state === "connecting") channel.tell("send-timeout", "no connection within connectTimeout");
      const result = state === "ready" ? written : dropped(`channel is ${state}`);
      for (const each of waiting) each(result);
    });
  }

  /** Sends that come while the stream is being opened wait for it; in Fabric's loop none do, it is blocked itself. */
  #queueFor(opening: Opened[], opened: Opened): void {
    const { broadcast, sendBufferMessages } = this.#options.settings;
    if (broadcast === "sequential") opened(dropped("channel is connecting"));
    else if (opening.length > sendBufferMessages) opened(dropped("send queue overflown"));
    else opening.push(opened);
  }

  #openStream(): void {
    const { channel, self } = this.#options;
    const closed = (detail: string): void => {
      if (this.#stream !== stream) return;
      this.#stream = undefined;
      channel.tell("closed", detail);
    };
    // The server never answers on this stream; listening is what makes its end visible.
    const listener = { data: () => undefined, failed: closed, ended: () => closed("ended by the server") };
    const stream = channel.open("step", listener, self);
    this.#stream = stream;
    this.#held = 0;
    channel.tell("opened", this.#droppedSince === 0 ? "" : `${this.#droppedSince} messages dropped before`);
    this.#droppedSince = 0;
  }

  #write(stream: OutboundStream, bytes: Uint8Array, content: Content): SendResult {
    const { channel, now } = this.#options;
    if (this.#full()) {
      if (content === "consensus") {
        this.#stream = undefined;
        channel.tell("closed", "send queue overflown");
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
    const { settings, now } = this.#options;
    const { sendBufferMessages } = settings;
    if (this.#held < sendBufferMessages) return false;
    return this.#held >= sendBufferMessages * burstFactor || now() - this.#movedAt > stalledAfter;
  }

  /** One event for the first message lost; the number of all stands in the next `opened`. */
  #drop(reason: string): SendResult {
    if (this.#droppedSince === 0) this.#options.channel.tell("dropped", reason);
    this.#droppedSince++;
    return dropped(reason);
  }
}
