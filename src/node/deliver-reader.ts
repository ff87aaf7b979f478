// Reading side of Deliver for the machines that pull blocks, a peer or an orderer that catches up: carries out their
// stream effects and hands each response over as bytes. Each stream has a connection of its own, as in Fabric, so that a
// dead path takes one source away and not all.
import { Metadata } from "@grpc/grpc-js";
import { randomBytes } from "node:crypto";
import { assert, type Duration } from "../base/index.js";
import type { Consenter, TransportSettings } from "../boundary/index.js";
import { nonceSize, seekEnvelope, type Seek, type StreamEffect, type StreamInput } from "../fabric/index.js";
import { Channel, type OutboundStream } from "./channel.js";
import type { Emit } from "./events.js";
import { wallTime } from "./wall-time.js";

export interface ReaderOptions {
  readonly channel: string;
  /** Serialised identity that signs seeks. */
  readonly creator: Uint8Array;
  readonly sign: (bytes: Uint8Array) => Uint8Array;
  readonly consenters: readonly Consenter[];
  readonly transport: TransportSettings;
  readonly connectTimeout: Duration;
  readonly emit: Emit;
}

interface Reading {
  readonly channel: Channel;
  stream: OutboundStream | undefined;
}

export class DeliverReader implements Disposable {
  readonly #options: ReaderOptions;
  readonly #push: (input: StreamInput) => void;
  readonly #readings = new Map<number, Reading>();

  constructor(options: ReaderOptions, push: (input: StreamInput) => void) {
    this.#options = options;
    this.#push = push;
  }

  carryOut(effect: StreamEffect): void {
    const reading = this.#readings.get(effect.stream);
    switch (effect.kind) {
      case "open":
        void this.#open(effect.stream, effect.to, effect.seek);
        return;
      case "close":
        this.#forget(effect.stream);
        return;
      case "pause":
        reading?.stream?.pause();
        return;
      case "resume":
        reading?.stream?.resume();
        return;
    }
  }

  [Symbol.dispose](): void {
    for (const number of this.#readings.keys()) this.#forget(number);
  }

  async #open(number: number, to: string, seek: Seek): Promise<void> {
    const target = this.#options.consenters.find(({ name }) => name === to);
    assert(target !== undefined, `Open a stream to "${to}": no such consenter`);
    const channel = new Channel(target, "deliver", this.#options.transport, this.#options.emit);
    const reading: Reading = { channel, stream: undefined };
    this.#readings.set(number, reading);
    const state = await channel.settled(this.#options.connectTimeout);
    if (this.#readings.get(number) !== reading) return;
    if (state !== "ready") return this.#ended(number, reading, `channel is ${state}`);
    const stream = channel.open("deliver", new Metadata());
    reading.stream = stream;
    channel.tell("opened", "");
    stream.on("data", (bytes: Buffer) => this.#push({ kind: "response", stream: number, bytes }));
    stream.on("error", (error) => this.#ended(number, reading, error.message));
    stream.on("end", () => this.#ended(number, reading, "ended by the server"));
    const { channel: name, creator, sign } = this.#options;
    const content = { channel: name, creator, sign, nonce: randomBytes(nonceSize), timestamp: wallTime() };
    stream.write(Buffer.from(seekEnvelope(seek, content)));
    this.#push({ kind: "opened", stream: number });
  }

  #ended(number: number, reading: Reading, reason: string): void {
    if (this.#readings.get(number) !== reading) return;
    this.#forget(number);
    this.#push({ kind: "ended", stream: number, reason });
  }

  #forget(number: number): void {
    const reading = this.#readings.get(number);
    if (reading === undefined) return;
    this.#readings.delete(number);
    if (reading.stream !== undefined) {
      reading.channel.tell("closed", "");
      reading.stream.cancel();
    }
    reading.channel[Symbol.dispose]();
  }
}
