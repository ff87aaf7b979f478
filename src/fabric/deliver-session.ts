// The serving side of one Deliver stream, as a machine (fabric-wire.md section 5.2): seeks come in, and it says which
// blocks and statuses go out. The host reads blocks from its ledger and writes to the transport; one block is on its way
// at a time, and `sent` asks for the next, so a slow reader holds back its own stream and nothing else.
//
// Not checked: the seek's signature and its time (readers are not listed in the configuration, and a machine has no wall
// clock). As in Fabric, an orderer that lost its quorum goes on serving what it has, and an idle stream waits for ever.
import { assert, type Instant } from "../base/index.js";
import { decodeSeekEnvelope, status, type Content, type Seek, type SeekPosition } from "./deliver.js";

export type DeliverInput =
  /** An envelope from the reader. */
  | { readonly kind: "seek"; readonly bytes: Uint8Array }
  /** The ledger has this many blocks. */
  | { readonly kind: "height"; readonly height: number }
  /** The last `sendBlock` was taken by a transport that has room for another. */
  | { readonly kind: "sent" };

export type DeliverEffect =
  | { readonly kind: "sendBlock"; readonly number: number; readonly content: Content }
  | { readonly kind: "sendStatus"; readonly status: number }
  /** End the stream with gRPC's OK. Nothing follows. */
  | { readonly kind: "end" };

/** Seeks that may wait behind the one being served; the next one ends the stream. */
const seeksMax = 16;

interface Range {
  next: number;
  readonly stop: number;
  readonly failIfNotReady: boolean;
  readonly content: Content;
}

export class DeliverSession {
  readonly #channel: string;
  readonly #waiting: Seek[] = [];
  #height: number;
  #range: Range | undefined;
  #sending = false;
  #ended = false;

  constructor({ channel, height }: { readonly channel: string; readonly height: number }) {
    this.#channel = channel;
    this.#height = height;
  }

  step(_now: Instant, input: DeliverInput): readonly DeliverEffect[] {
    if (this.#ended) return [];
    const effects: DeliverEffect[] = [];
    switch (input.kind) {
      case "seek":
        this.#takeSeek(input.bytes, effects);
        break;
      case "height":
        this.#height = Math.max(this.#height, input.height);
        break;
      case "sent":
        assert(this.#sending, "`sent` answers a `sendBlock`");
        this.#sending = false;
        break;
    }
    this.#serve(effects);
    return effects;
  }

  /** Nothing here depends on time. */
  deadline(): Instant | undefined {
    return undefined;
  }

  #takeSeek(bytes: Uint8Array, effects: DeliverEffect[]): void {
    const opened = decodeSeekEnvelope(bytes);
    if (opened.kind === "bad") return this.#end(status.badRequest, effects);
    if (opened.value.channel !== this.#channel) return this.#end(status.notFound, effects);
    if (this.#waiting.length >= seeksMax) return this.#end(status.badRequest, effects);
    this.#waiting.push(opened.value.seek);
  }

  #serve(effects: DeliverEffect[]): void {
    while (!this.#ended && !this.#sending) {
      this.#range ??= this.#nextRange(effects);
      if (this.#range === undefined) return;
      const { next, stop, content, failIfNotReady } = this.#range;
      if (next > stop) {
        effects.push({ kind: "sendStatus", status: status.success });
        this.#range = undefined;
      } else if (next < this.#height) {
        effects.push({ kind: "sendBlock", number: next, content });
        this.#range.next += 1;
        this.#sending = true;
      } else if (failIfNotReady) this.#end(status.notFound, effects);
      else return;
    }
  }

  /** Positions are resolved when their seek begins to be served, and once: "newest" does not move. */
  #nextRange(effects: DeliverEffect[]): Range | undefined {
    const seek = this.#waiting.shift();
    if (seek === undefined) return undefined;
    const start = this.#numberOf(seek.start);
    const stop = this.#numberOf(seek.stop);
    // A start equal to the height waits for the block; one beyond it is refused even to readers who would wait.
    if (start > this.#height) this.#end(status.notFound, effects);
    else if (stop < start) this.#end(status.badRequest, effects);
    else return { next: start, stop, failIfNotReady: seek.failIfNotReady, content: seek.content };
    return undefined;
  }

  #numberOf(position: SeekPosition): number {
    switch (position.kind) {
      case "oldest":
        return 0;
      case "newest":
        return Math.max(0, this.#height - 1);
      case "nextCommit":
        return this.#height;
      case "specified":
        return position.number;
    }
  }

  /** Every status but success ends the stream. */
  #end(code: number, effects: DeliverEffect[]): void {
    this.#ended = true;
    effects.push({ kind: "sendStatus", status: code }, { kind: "end" });
  }
}
