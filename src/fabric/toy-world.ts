// Orderers in virtual time for tests of the machines that read from them: each serves its part of one chain through a
// real DeliverSession, a step away; a test makes one unreachable, silent, or a liar. Never part of a running node.
import { after, assert, instant, milliseconds, type Duration, type Instant } from "../base/index.js";
import type { VerifyItem } from "../smartbft/index.js";
import { encodeBlock, type Block } from "./block.js";
import { blockResponse, toyCheck, toyClient, toySign } from "./toy-chain.js";
import { DeliverSession } from "./deliver-session.js";
import { deliverBlock, deliverStatus, seekEnvelope } from "./deliver.js";
import type { StreamEffect, StreamInput } from "./deliver-stream.js";
import { creatorOf } from "./envelope.js";

export interface ToyOrderer {
  height: number;
  /** `refuse`: a stream fails at once; `hang`: it never opens; `silent`: it opens and nothing comes. */
  how: "well" | "refuse" | "hang" | "silent";
  /** What it gives for a block; itself by default. */
  give: (block: Block, header: boolean) => Block;
}

export type WorldInput =
  | { readonly kind: "deadline" }
  | { readonly kind: "verified"; readonly id: number; readonly results: readonly boolean[] }
  | StreamInput;

export interface WorldEffect {
  readonly kind: string;
}

interface Machine<E> {
  step(now: Instant, input: WorldInput): readonly E[];
  deadline(): Instant | undefined;
}

type KnownEffect =
  | StreamEffect
  | { readonly kind: "verify"; readonly id: number; readonly items: readonly VerifyItem[] };
const isKnown = (effect: WorldEffect | KnownEffect): effect is KnownEffect =>
  ["open", "close", "pause", "resume", "verify"].includes(effect.kind);

const hop = milliseconds(1);

/** Runs a machine; `others` takes the effects that are not streams or checks, and may answer with a step. */
export class World<E extends WorldEffect> {
  readonly orderers = new Map<string, ToyOrderer>();
  now: Instant = instant(0);
  readonly #chain: readonly Block[];
  readonly #machine: Machine<E>;
  readonly #others: (effect: E, now: Instant) => void;
  readonly #streams = new Map<number, { readonly to: string; readonly session: DeliverSession }>();
  readonly #queue: { readonly at: Instant; readonly order: number; readonly run: () => void }[] = [];
  #order = 0;

  constructor(
    names: readonly string[],
    chain: readonly Block[],
    machine: Machine<E>,
    others: (effect: E, now: Instant) => void,
  ) {
    for (const name of names) this.orderers.set(name, { height: chain.length, how: "well", give: (block) => block });
    this.#chain = chain;
    this.#machine = machine;
    this.#others = others;
  }

  orderer(name: string): ToyOrderer {
    const orderer = this.orderers.get(name);
    assert(orderer !== undefined, `no ${name}`);
    return orderer;
  }

  /** Blocks that an orderer has now; its readers learn of them. */
  grow(name: string, height: number): void {
    this.orderer(name).height = height;
    for (const [stream, { to, session }] of this.#streams) {
      if (to === name) this.#serve(stream, session.step(this.now, { kind: "height", height }));
    }
  }

  growAll(height: number): void {
    for (const name of this.orderers.keys()) this.grow(name, height);
  }

  /** Every stream from this orderer fails, as when a keepalive notices. */
  cut(name: string): void {
    for (const [stream, { to }] of this.#streams) {
      if (to !== name) continue;
      this.#streams.delete(stream);
      this.#tell({ kind: "ended", stream, reason: "connection dropped" });
    }
  }

  carry(effects: readonly E[]): void {
    for (const effect of effects) {
      if (isKnown(effect)) this.#carryKnown(effect);
      else this.#others(effect, this.now);
    }
  }

  later(delay: Duration, run: () => void): void {
    this.#queue.push({ at: after(this.now, delay), order: this.#order++, run });
  }

  /** Until nothing is left to do before `end`; virtual time is `end` then. */
  runUntil(end: Instant): void {
    for (let steps = 0; steps < 100_000; steps++) {
      this.#queue.sort((left, right) => left.at - right.at || left.order - right.order);
      const deadline = this.#machine.deadline();
      const next = this.#queue[0];
      const due = Math.min(next?.at ?? Number.POSITIVE_INFINITY, deadline ?? Number.POSITIVE_INFINITY);
      if (due > end) {
        this.now = end;
        return;
      }
      this.now = instant(Math.max(this.now, due));
      if (next !== undefined && next.at <= this.now) {
        this.#queue.shift();
        next.run();
      } else this.carry(this.#machine.step(this.now, { kind: "deadline" }));
    }
    throw new Error("The machine does not come to rest");
  }

  #tell(input: WorldInput): void {
    this.later(hop, () => this.carry(this.#machine.step(this.now, input)));
  }

  #carryKnown(effect: KnownEffect): void {
    if (effect.kind === "verify") this.#tell({ kind: "verified", id: effect.id, results: effect.items.map(toyCheck) });
    else if (effect.kind === "close") this.#streams.delete(effect.stream);
    else if (effect.kind === "open") this.#open(effect);
  }

  #open({ stream, to, seek }: Extract<StreamEffect, { kind: "open" }>): void {
    const orderer = this.orderer(to);
    if (orderer.how === "hang") return;
    if (orderer.how === "refuse") return this.#tell({ kind: "ended", stream, reason: "connection refused" });
    this.#tell({ kind: "opened", stream });
    const session = new DeliverSession({ channel: "vec", height: orderer.height });
    this.#streams.set(stream, { to, session });
    const bytes = seekEnvelope(seek, {
      channel: "vec",
      creator: creatorOf(toyClient),
      nonce: new Uint8Array(24),
      timestamp: { seconds: 0, nanoseconds: 0 },
      sign: toySign(toyClient.publicKey),
    });
    this.#serve(stream, session.step(this.now, { kind: "seek", bytes }));
  }

  #serve(stream: number, effects: ReturnType<DeliverSession["step"]>): void {
    const served = this.#streams.get(stream);
    if (served === undefined || this.orderer(served.to).how !== "well") return;
    for (const effect of effects) {
      if (effect.kind === "sendStatus") this.#tell({ kind: "response", stream, bytes: deliverStatus(effect.status) });
      else if (effect.kind === "end") this.#tell({ kind: "ended", stream, reason: "ended by the server" });
      else {
        const block = this.#chain[effect.number];
        assert(block !== undefined, `no block ${effect.number}`);
        const given = this.orderer(served.to).give(block, effect.content === "header");
        const whole = effect.content === "block";
        const bytes = whole ? blockResponse(given) : deliverBlock(encodeBlock(given), "header");
        this.#tell({ kind: "response", stream, bytes });
        this.later(hop, () => this.#serve(stream, served.session.step(this.now, { kind: "sent" })));
      }
    }
  }
}
