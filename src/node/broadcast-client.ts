// Client side of Broadcast towards one orderer. Fabric's gateway opens a stream for every transaction; here streams are
// kept and used again, but each carries one send at a time, because an orderer ends the stream at the first answer that is
// not 200, and whatever was written behind it would be lost without a word.
import { Metadata } from "@grpc/grpc-js";
import type { TransportSettings } from "../boundary/index.js";
import { decodeBroadcastResponse, type ClientInput } from "../fabric/index.js";
import { Channel, type ChannelTarget, type OutboundStream } from "./channel.js";
import type { Emit } from "./events.js";

type Answer = Extract<ClientInput, { kind: "answered" | "failed" }>;

/** `stream` is undefined while the send waits for a connection. */
interface Sending {
  stream: OutboundStream | undefined;
}

export class BroadcastClient implements Disposable {
  readonly #channel: Channel;
  readonly #settings: TransportSettings;
  readonly #answer: (answer: Answer) => void;
  readonly #idle: OutboundStream[] = [];
  readonly #sending = new Map<number, Sending>();
  readonly #tokens = new Map<OutboundStream, number>();

  constructor(target: ChannelTarget, settings: TransportSettings, emit: Emit, answer: (answer: Answer) => void) {
    this.#channel = new Channel(target, "broadcast", settings, emit);
    this.#settings = settings;
    this.#answer = answer;
  }

  /** Answered once, unless given up. In state "transient-failure" it fails at once, as a gRPC call does. */
  send(token: number, bytes: Uint8Array): void {
    const sending: Sending = { stream: undefined };
    this.#sending.set(token, sending);
    const { state } = this.#channel;
    if (state === "ready") this.#write(token, sending, bytes);
    else if (state === "idle" || state === "connecting") void this.#sendWhenConnected(token, sending, bytes);
    else this.#settle({ kind: "failed", token, reason: `channel is ${state}` });
  }

  giveUp(token: number): void {
    const sending = this.#sending.get(token);
    this.#sending.delete(token);
    if (sending?.stream === undefined) return;
    this.#tokens.delete(sending.stream);
    sending.stream.cancel();
  }

  [Symbol.dispose](): void {
    this.#sending.clear();
    for (const stream of [...this.#idle, ...this.#tokens.keys()]) stream.cancel();
    this.#channel[Symbol.dispose]();
  }

  async #sendWhenConnected(token: number, sending: Sending, bytes: Uint8Array): Promise<void> {
    const state = await this.#channel.settled(this.#settings.connectTimeout);
    if (this.#sending.get(token) !== sending) return;
    if (state === "ready") this.#write(token, sending, bytes);
    else this.#settle({ kind: "failed", token, reason: `channel is ${state}` });
  }

  #write(token: number, sending: Sending, bytes: Uint8Array): void {
    const stream = this.#idle.pop() ?? this.#open();
    sending.stream = stream;
    this.#tokens.set(stream, token);
    stream.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }

  #open(): OutboundStream {
    const stream = this.#channel.open("broadcast", new Metadata());
    stream.on("data", (bytes: Buffer) => this.#answered(stream, bytes));
    stream.on("error", (error) => this.#ended(stream, error.message));
    stream.on("end", () => this.#ended(stream, "ended by the server"));
    return stream;
  }

  #answered(stream: OutboundStream, bytes: Buffer): void {
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
    if (response.value.status === 200) this.#idle.push(stream);
    else stream.end();
    this.#settle({ kind: "answered", token, ...response.value });
  }

  #ended(stream: OutboundStream, reason: string): void {
    const place = this.#idle.indexOf(stream);
    if (place >= 0) this.#idle.splice(place, 1);
    const token = this.#tokens.get(stream);
    this.#tokens.delete(stream);
    if (token !== undefined) this.#settle({ kind: "failed", token, reason });
  }

  #settle(answer: Answer): void {
    this.#sending.delete(answer.token);
    this.#answer(answer);
  }
}
