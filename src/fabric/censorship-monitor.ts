// Is the peer's block source holding blocks back? The monitor reads headers with signatures from every other orderer; a
// header ahead of the last block raises a suspicion, which only a block that far clears and which, after the censorship
// timeout, is the verdict (fabric-wire.md section 6). It is a part of the peer machine and names streams by its numbers.
//
// Deviations: Fabric looks every hundredth of the timeout, this knows the instant; Fabric verifies every header, this
// only those that are ahead, since no other can raise a suspicion.
import { after, earliest, type Duration, type Instant } from "../base/index.js";
import type { VerifyItem } from "../smartbft/index.js";
import { judge, verifyHeader, type BlockSignatures, type ConsenterKey } from "./block-verification.js";
import type { Block } from "./block.js";
import { decodeDeliverResponse, seekFrom } from "./deliver.js";
import { backoffAfter, type Backoff, type StreamEffect } from "./deliver-stream.js";

export interface MonitorOptions {
  readonly consenters: readonly ConsenterKey[];
  readonly censorshipTimeout: Duration;
  readonly connectTimeout: Duration;
  readonly backoff: Backoff;
  readonly newId: () => number;
  readonly emit: (effect: StreamEffect | MonitorCheck) => void;
}

export type MonitorCheck = { readonly kind: "verify"; readonly id: number; readonly items: readonly VerifyItem[] };

interface Header {
  readonly block: Block;
  readonly arrivedAt: Instant;
}

interface Receiver {
  readonly orderer: string;
  stream: number | undefined;
  openBy: Instant | undefined;
  retryAt: Instant | undefined;
  failures: number;
  checking: (Header & { readonly id: number; readonly signatures: BlockSignatures }) | undefined;
  /** The newest header that arrived during a check: those between it and the checked one are as good as that one. */
  waiting: Header | undefined;
  /** Last verified header. */
  last: Header | undefined;
}

export interface Suspicion {
  /** A quorum signed this block, and the source has not given it. */
  readonly number: number;
  readonly since: Instant;
  readonly witness: string;
}

export class CensorshipMonitor {
  readonly #options: MonitorOptions;
  #receivers: Receiver[] = [];
  #fetched: number;
  #suspicion: Suspicion | undefined;

  constructor(options: MonitorOptions, fetched: number) {
    this.#options = options;
    this.#fetched = fetched;
  }

  /** New receivers for these orderers; the old ones and what they saw are forgotten. */
  restart(now: Instant, orderers: readonly string[]): void {
    this.stop();
    this.#receivers = orderers.map((orderer) => ({
      orderer,
      stream: undefined,
      openBy: undefined,
      retryAt: undefined,
      failures: 0,
      checking: undefined,
      waiting: undefined,
      last: undefined,
    }));
    for (const receiver of this.#receivers) this.#open(now, receiver);
  }

  stop(): void {
    for (const receiver of this.#receivers) this.#close(receiver);
    this.#receivers = [];
    this.#suspicion = undefined;
  }

  /** The source gave this block. */
  fetched(number: number): void {
    this.#fetched = number;
    if (this.#suspicion === undefined || this.#suspicion.number > number) return;
    this.#suspicion = undefined;
    for (const receiver of this.#receivers) this.#suspect(receiver);
  }

  opened(stream: number): void {
    const receiver = this.#receiverOf(stream);
    if (receiver !== undefined) receiver.openBy = undefined;
  }

  response(now: Instant, stream: number, bytes: Uint8Array): void {
    const receiver = this.#receiverOf(stream);
    if (receiver === undefined) return;
    receiver.openBy = undefined;
    const response = decodeDeliverResponse(bytes);
    if (response.kind === "bad" || response.value.kind === "status") return this.#fail(now, receiver);
    if (response.value.block.header.number <= this.#fetched) return;
    receiver.waiting = { block: response.value.block, arrivedAt: now };
    this.#check(now, receiver);
  }

  ended(now: Instant, stream: number): void {
    const receiver = this.#receiverOf(stream);
    if (receiver !== undefined) this.#fail(now, receiver);
  }

  verified(now: Instant, id: number, results: readonly boolean[]): void {
    const receiver = this.#receivers.find(({ checking }) => checking?.id === id);
    if (receiver?.checking === undefined) return;
    const { block, arrivedAt, signatures } = receiver.checking;
    receiver.checking = undefined;
    if (judge(block, signatures, results).kind === "refused") return this.#fail(now, receiver);
    receiver.failures = 0;
    receiver.last = { block, arrivedAt };
    this.#suspect(receiver);
    this.#check(now, receiver);
  }

  /** Reopens what is due. Whether the suspicion is due is the caller's to ask. */
  expire(now: Instant): void {
    for (const receiver of this.#receivers) {
      if (receiver.openBy !== undefined && receiver.openBy <= now) this.#fail(now, receiver);
      if (receiver.retryAt !== undefined && receiver.retryAt <= now) this.#open(now, receiver);
    }
  }

  /** The suspicion that has lasted for the censorship timeout. */
  verdict(now: Instant): Suspicion | undefined {
    const end = this.#suspicionEnd();
    return end !== undefined && end <= now ? this.#suspicion : undefined;
  }

  deadline(): Instant | undefined {
    const instants = this.#receivers.flatMap(({ openBy, retryAt }) => [openBy, retryAt]);
    return earliest(this.#suspicionEnd(), ...instants);
  }

  #suspicionEnd(): Instant | undefined {
    return this.#suspicion === undefined ? undefined : after(this.#suspicion.since, this.#options.censorshipTimeout);
  }

  /** Timed from the header's arrival; the earliest of those ahead counts. */
  #suspect({ orderer, last }: Receiver): void {
    if (last === undefined || last.block.header.number <= this.#fetched) return;
    if (this.#suspicion !== undefined && this.#suspicion.since <= last.arrivedAt) return;
    this.#suspicion = { number: last.block.header.number, since: last.arrivedAt, witness: orderer };
  }

  #check(now: Instant, receiver: Receiver): void {
    const { waiting } = receiver;
    if (waiting === undefined || receiver.checking !== undefined) return;
    receiver.waiting = undefined;
    const signatures = verifyHeader(waiting.block, this.#options.consenters);
    if (signatures.kind === "refused") return this.#fail(now, receiver);
    const id = this.#options.newId();
    receiver.checking = { ...waiting, id, signatures };
    this.#options.emit({ kind: "verify", id, items: signatures.items });
  }

  #receiverOf(stream: number): Receiver | undefined {
    return this.#receivers.find((receiver) => receiver.stream === stream);
  }

  #open(now: Instant, receiver: Receiver): void {
    receiver.stream = this.#options.newId();
    receiver.openBy = after(now, this.#options.connectTimeout);
    receiver.retryAt = undefined;
    const seek = seekFrom(this.#fetched + 1, "header");
    this.#options.emit({ kind: "open", stream: receiver.stream, to: receiver.orderer, seek });
  }

  #close(receiver: Receiver): void {
    if (receiver.stream !== undefined) this.#options.emit({ kind: "close", stream: receiver.stream });
    receiver.stream = undefined;
    receiver.openBy = undefined;
    receiver.checking = undefined;
    receiver.waiting = undefined;
  }

  /** What it verified so far stays known: a witness need not stay reachable. */
  #fail(now: Instant, receiver: Receiver): void {
    this.#close(receiver);
    receiver.retryAt = after(now, backoffAfter(receiver.failures, 1, this.#options.backoff));
    receiver.failures += 1;
  }
}
