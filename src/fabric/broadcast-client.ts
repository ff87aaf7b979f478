// Client side of Broadcast towards one orderer. Fabric's gateway opens a stream for every transaction; here streams are
// kept and used again, but each carries one send at a time, because an orderer ends the stream at the first answer that is
// not 200, and whatever was written behind it would be lost without a word. Sends beyond `streamsMax` wait in line: an orderer
// that does not answer costs that many streams, and when its connection breaks, that many errors at once and not thousands.
import type { TransportSettings } from "../boundary/index.js";
import type { ClientInput } from "./client.js";
import { decodeBroadcastResponse } from "./deliver.js";
import type { OutboundChannel, OutboundStream } from "./outbound.js";

type Answer = Extract<ClientInput, { kind: "answered" | "failed" }>;

/** An answer takes a few milliseconds, so this many streams carry thousands of sends a second. */
const usualStreams = 16;

/** `stream` is undefined while the send waits for a connection or for its turn. */
interface Sending {
  readonly token: number;
  readonly bytes: Uint8Array;
  stream: OutboundStream | undefined;
}

export class BroadcastClient implements Disposable {
  readonly #channel: OutboundChannel;
  readonly #settings: TransportSettings;
  readonly #answer: (answer: Answer) => void;
  readonly #streamsMax: number;
  readonly #idle: OutboundStream[] = [];
  readonly #sending = new Map<number, Sending>();
  readonly #tokens = new Map<OutboundStream, number>();
  /** Bounded by what the client's machine lets be outstanding. */
  #line: Sending[] = [];

  /** Owns the channel from here on. At most `streamsMax` sends are under way at one time. */
  constructor(
    channel: OutboundChannel,
    settings: TransportSettings,
    answer: (answer: Answer) => void,
    streamsMax = usualStreams,
  ) {
    this.#channel = channel;
    this.#settings = settings;
    this.#answer = answer;
    this.#streamsMax = streamsMax;
  }

  /** Answered once, unless given up. In state "transient-failure" it fails at once, as a gRPC call does. */
  send(token: number, bytes: Uint8Array): void {
    const sending: Sending = { token, bytes, stream: undefined };
    this.#sending.set(token, sending);
    this.#dispatch(sending);
  }

  #dispatch(sending: Sending): void {
    const { state } = this.#channel;
    if (state === "ready") this.#write(sending);
    else if (state === "idle" || state === "connecting") this.#sendWhenConnected(sending);
    else this.#settle({ kind: "failed", token: sending.token, reason: `channel is ${state}` });
  }

  giveUp(token: number): void {
    const sending = this.#sending.get(token);
    this.#sending.delete(token);
    if (sending?.stream === undefined) return;
    this.#tokens.delete(sending.stream);
    sending.stream.cancel();
    this.#refill();
  }

  [Symbol.dispose](): void {
    this.#sending.clear();
    this.#line = [];
    for (const stream of [...this.#idle, ...this.#tokens.keys()]) stream.cancel();
    this.#channel[Symbol.dispose]();
  }

  #sendWhenConnected(sending: Sending): void {
    this.#channel.settled(this.#settings.connectTimeout, (state) => {
      if (this.#sending.get(sending.token) !== sending) return;
      if (state === "ready") this.#write(sending);
      else this.#settle({ kind: "failed", token: sending.token, reason: `channel is ${state}` });
    });
  }

  #write(sending: Sending): void {
    const stream = this.#idle.pop() ?? (this.#tokens.size < this.#streamsMax ? this.#open() : undefined);
    if (stream === undefined) this.#line.push(sending);
    else this.#writeOn(stream, sending);
  }

  #writeOn(stream: OutboundStream, sending: Sending): void {
    const { token, bytes } = sending;
    sending.stream = stream;
    this.#tokens.set(stream, token);
    stream.write(bytes);
  }

  /** The next in line that was not given up. */
  #next(): Sending | undefined {
    let next = this.#line.shift();
    while (next !== undefined && this.#sending.get(next.token) !== next) next = this.#line.shift();
    return next;
  }

  #open(): OutboundStream {
    const stream: OutboundStream = this.#channel.open("broadcast", {
      data: (bytes) => this.#answered(stream, bytes),
      failed: (reason) => this.#broken(stream, reason),
      ended: () => this.#ended(stream, "ended by the server"),
    });
    return stream;
  }

  #answered(stream: OutboundStream, bytes: Uint8Array): void {
    const token = this.#tokens.get(stream);
    if (token === undefined) return;
    this.#tokens.delete(stream);
    const response = decodeBroadcastResponse(bytes);
    if (response.kind === "bad") {
      stream.cancel();
      this.#settle({ kind: "failed", token, reason: response.reason });
      return;
    }
    // Anything but 200 is the stream's last word.
    if (response.value.status === 200) this.#reuse(stream);
    else {
      stream.end();
      this.#refill();
    }
    this.#settle({ kind: "answered", token, ...response.value });
  }

  #reuse(stream: OutboundStream): void {
    const next = this.#next();
    if (next === undefined) this.#idle.push(stream);
    else this.#writeOn(stream, next);
  }

  /** A stream is gone: whoever is first in line may open another, or learns what became of the channel. */
  #refill(): void {
    const next = this.#next();
    if (next !== undefined) this.#dispatch(next);
  }

  #ended(stream: OutboundStream, reason: string): void {
    const place = this.#idle.indexOf(stream);
    if (place >= 0) this.#idle.splice(place, 1);
    const token = this.#tokens.get(stream);
    this.#tokens.delete(stream);
    if (token === undefined) return;
    this.#settle({ kind: "failed", token, reason });
    this.#refill();
  }

  /**
   * The connection broke, or this stream alone: whoever stands in line fails with it, as a call does that waits on a broken
   * connection. Kept for the next connection they would arrive half a minute late, when orderers have forgotten them.
   */
  #broken(stream: OutboundStream, reason: string): void {
    const line = this.#line;
    this.#line = [];
    this.#ended(stream, reason);
    for (const sending of line) {
      if (this.#sending.get(sending.token) === sending) this.#settle({ kind: "failed", token: sending.token, reason });
    }
  }

  #settle(answer: Answer): void {
    this.#sending.delete(answer.token);
    this.#answer(answer);
  }
}
