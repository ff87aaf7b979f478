// Reading side of Deliver for the machines that pull blocks, a peer or an orderer that catches up: carries out their
// stream effects and hands each response over as bytes. Each stream has a connection of its own, as in Fabric, so that a
// dead path takes one source away and not all.
import { assert, type Duration } from "../base/index.js";
import { seekEnvelope, type Seek } from "./deliver.js";
import type { StreamEffect, StreamInput } from "./deliver-stream.js";
import type { EnvelopeContent } from "./envelope.js";
import type { ChannelTarget, OutboundChannel, OutboundStream } from "./outbound.js";

export interface ReaderOptions {
  readonly orderers: readonly ChannelTarget[];
  readonly connectTimeout: Duration;
  /** A channel of its own for one stream; the reader disposes it. */
  readonly connect: (target: ChannelTarget) => OutboundChannel;
  /** What signs a seek: fresh for each. */
  readonly seekContent: () => Omit<EnvelopeContent, "data">;
}

interface Reading {
  readonly channel: OutboundChannel;
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
        this.#open(effect.stream, effect.to, effect.seek);
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

  #open(number: number, to: string, seek: Seek): void {
    const { orderers, connect, connectTimeout } = this.#options;
    const target = orderers.find(({ name }) => name === to);
    assert(target !== undefined, `Open a stream to "${to}": no such orderer`);
    const reading: Reading = { channel: connect(target), stream: undefined };
    this.#readings.set(number, reading);
    reading.channel.settled(connectTimeout, (state) => {
      if (this.#readings.get(number) !== reading) return;
      if (state === "ready") this.#read(number, reading, seek);
      else this.#ended(number, reading, `channel is ${state}`);
    });
  }

  #read(number: number, reading: Reading, seek: Seek): void {
    const stream = reading.channel.open("deliver", {
      data: (bytes) => this.#push({ kind: "response", stream: number, bytes }),
      failed: (reason) => this.#ended(number, reading, reason),
      ended: () => this.#ended(number, reading, "ended by the server"),
    });
    reading.stream = stream;
    reading.channel.tell("opened", "");
    stream.write(seekEnvelope(seek, this.#options.seekContent()));
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
