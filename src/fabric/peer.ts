// A peer's way to its blocks, as a machine (fabric-wire.md section 6): full blocks from one orderer, headers from all
// others, each block checked against the chain and a quorum's signatures and committed in order, the next orderer when
// this one fails, lies or holds blocks back. A transaction that the chain has already is marked, never refused: after a
// view change the library orders some twice (smartbft.md section 15, item 1).
import { after, earliest, toSeconds, between, type Duration, type Instant } from "../base/index.js";
import type { SourceEvent } from "../boundary/index.js";
import type { VerifyItem } from "../smartbft/index.js";
import type { ConsenterKey } from "./block-verification.js";
import { validationSlot, type Block, type Head } from "./block.js";
import { CensorshipMonitor } from "./censorship-monitor.js";
import { ChainIntake } from "./chain-intake.js";
import { decodeDeliverResponse, seekFrom } from "./deliver.js";
import { backoffAfter, type Backoff, type StreamEffect, type StreamInput } from "./deliver-stream.js";
import { validationCode, validationOf } from "./envelope.js";

export interface PeerOptions {
  readonly consenters: readonly (ConsenterKey & { readonly name: string })[];
  /** Names of orderers in order of preference; those not named follow in the order of their ids. */
  readonly preferred: readonly string[];
  /** Last block of the own ledger: genesis at least. */
  readonly head: Head;
  /** Transactions of the own ledger. */
  readonly committed: Iterable<string>;
  readonly censorshipTimeout: Duration;
  /** How long a stream may take to open (Fabric's connTimeout: 3 s). */
  readonly connectTimeout: Duration;
  readonly backoff: Backoff;
}

export type PeerInput =
  | { readonly kind: "start" }
  /** Pull from this orderer from now on. */
  | { readonly kind: "prefer"; readonly orderer: string }
  | { readonly kind: "verified"; readonly id: number; readonly results: readonly boolean[] }
  /** The block of a `commit` is durable. */
  | { readonly kind: "committed"; readonly number: number }
  | { readonly kind: "deadline" }
  | StreamInput;

export type PeerEffect =
  | { readonly kind: "verify"; readonly id: number; readonly items: readonly VerifyItem[] }
  /** Store the block, whose slot 2 holds the validation codes, durably; then answer `committed`. In order. */
  | {
      readonly kind: "commit";
      readonly block: Block;
      readonly source: string;
      /** Transaction ids in block order; "" for an entry that has none. */
      readonly transactions: readonly string[];
      /** Indexes of transactions that the chain had already. */
      readonly duplicates: readonly number[];
    }
  | {
      readonly kind: "source";
      readonly orderer: string;
      readonly state: SourceEvent["state"];
      readonly reason: string;
    }
  | StreamEffect;

/** Blocks that may wait for their check or for the disk before the source is paused, and when it goes on. */
const heldMax = 64;
const heldLow = 16;

interface Pull {
  readonly stream: number;
  readonly orderer: string;
  openBy: Instant | undefined;
  /** A block of it has passed. */
  proven: boolean;
  paused: boolean;
}

export class PeerMachine {
  readonly #options: PeerOptions;
  readonly #sources: readonly string[];
  readonly #intake: ChainIntake;
  readonly #monitor: CensorshipMonitor;
  readonly #known: Set<string>;
  #position = 0;
  #failures = 0;
  #pull: Pull | undefined;
  #retryAt: Instant | undefined;
  #uncommitted = 0;
  #nextId = 1;
  #effects: PeerEffect[] = [];

  constructor(options: PeerOptions) {
    this.#options = options;
    this.#sources = sourceOrder(options);
    this.#known = new Set(options.committed);
    const newId = (): number => this.#nextId++;
    this.#intake = new ChainIntake(options.consenters, options.head, newId);
    const { consenters, censorshipTimeout, connectTimeout, backoff } = options;
    const emit = (effect: PeerEffect): void => void this.#effects.push(effect);
    const monitorOptions = { consenters, censorshipTimeout, connectTimeout, backoff, newId, emit };
    this.#monitor = new CensorshipMonitor(monitorOptions, options.head.number);
  }

  step(now: Instant, input: PeerInput): readonly PeerEffect[] {
    this.#effects = [];
    this.#take(now, input);
    return this.#effects;
  }

  deadline(): Instant | undefined {
    return earliest(this.#retryAt, this.#pull?.openBy, this.#monitor.deadline());
  }

  /** The orderer that blocks come from; undefined between two attempts. */
  get source(): string | undefined {
    return this.#pull?.orderer;
  }

  #take(now: Instant, input: PeerInput): void {
    switch (input.kind) {
      case "start":
        return this.#begin(now);
      case "prefer":
        return this.#prefer(now, input.orderer);
      case "opened":
        if (this.#pull?.stream === input.stream) this.#pull.openBy = undefined;
        else this.#monitor.opened(input.stream);
        return;
      case "response":
        return this.#response(now, input.stream, input.bytes);
      case "ended":
        if (this.#pull?.stream === input.stream) return this.#fail(now, input.reason);
        return this.#monitor.ended(now, input.stream);
      case "verified":
        return this.#verified(now, input.id, input.results);
      case "committed":
        this.#uncommitted -= 1;
        return this.#throttle();
      case "deadline":
        return this.#expire(now);
    }
  }

  #begin(now: Instant): void {
    const orderer = this.#sources[this.#position];
    if (orderer === undefined) return;
    this.#retryAt = undefined;
    const stream = this.#nextId++;
    const openBy = after(now, this.#options.connectTimeout);
    this.#pull = { stream, orderer, openBy, proven: false, paused: false };
    this.#effects.push({ kind: "source", orderer, state: "trying", reason: "" });
    this.#effects.push({ kind: "open", stream, to: orderer, seek: seekFrom(this.#intake.head.number + 1, "block") });
    this.#monitor.restart(
      now,
      this.#sources.filter((name) => name !== orderer),
    );
  }

  #prefer(now: Instant, orderer: string): void {
    const position = this.#sources.indexOf(orderer);
    if (position < 0 || this.#pull?.orderer === orderer) return;
    this.#leave("asked to");
    this.#position = position;
    this.#begin(now);
  }

  #response(now: Instant, stream: number, bytes: Uint8Array): void {
    const pull = this.#pull;
    if (pull?.stream !== stream) return this.#monitor.response(now, stream, bytes);
    pull.openBy = undefined;
    const response = decodeDeliverResponse(bytes);
    if (response.kind === "bad") return this.#fail(now, response.reason);
    // The seek never completes, so that even "success" is an error of the source.
    if (response.value.kind === "status") return this.#fail(now, `status ${response.value.status}`);
    this.#intake.offer(response.value.block);
    this.#throttle();
    this.#check(now);
  }

  #check(now: Instant): void {
    const check = this.#intake.next();
    if (check === undefined) return;
    if (check.kind === "refused") return this.#fail(now, check.reason);
    this.#effects.push(check);
  }

  #verified(now: Instant, id: number, results: readonly boolean[]): void {
    const outcome = this.#intake.verified(id, results);
    if (outcome === undefined) return this.#monitor.verified(now, id, results);
    if (outcome.kind === "refused") return this.#fail(now, outcome.reason);
    this.#failures = 0;
    if (this.#pull !== undefined) {
      if (!this.#pull.proven) {
        this.#effects.push({ kind: "source", orderer: this.#pull.orderer, state: "pulling", reason: "" });
      }
      this.#pull.proven = true;
      this.#commit(outcome.block, this.#pull.orderer);
    }
    this.#monitor.fetched(outcome.block.header.number);
    this.#check(now);
  }

  #commit(block: Block, source: string): void {
    const codes = new Uint8Array(block.data.length);
    const transactions: string[] = [];
    const duplicates: number[] = [];
    for (const [index, bytes] of block.data.entries()) {
      const { code, transactionId } = validationOf(bytes);
      transactions.push(transactionId);
      codes[index] = code;
      if (code !== validationCode.valid) continue;
      if (this.#known.has(transactionId)) {
        codes[index] = validationCode.duplicateTransactionId;
        duplicates.push(index);
      }
      this.#known.add(transactionId);
    }
    const metadata = block.metadata.with(validationSlot, codes);
    this.#uncommitted += 1;
    this.#effects.push({ kind: "commit", block: { ...block, metadata }, source, transactions, duplicates });
    this.#throttle();
  }

  /** The transport holds the source back while the checks or the disk are behind. */
  #throttle(): void {
    if (this.#pull === undefined) return;
    const held = this.#intake.size + this.#uncommitted;
    if (!this.#pull.paused && held >= heldMax) this.#effects.push({ kind: "pause", stream: this.#pull.stream });
    else if (this.#pull.paused && held <= heldLow) this.#effects.push({ kind: "resume", stream: this.#pull.stream });
    else return;
    this.#pull.paused = !this.#pull.paused;
  }

  #expire(now: Instant): void {
    if (this.#retryAt !== undefined && this.#retryAt <= now) return this.#begin(now);
    if (this.#pull?.openBy !== undefined && this.#pull.openBy <= now) return this.#fail(now, "no connection in time");
    this.#monitor.expire(now);
    const verdict = this.#monitor.verdict(now);
    if (verdict === undefined) return;
    const { number, since, witness } = verdict;
    const age = toSeconds(between(since, now)).toFixed(3);
    const last = this.#intake.head.number;
    this.#fail(now, `censorship: header ${number} came from ${witness} ${age} s ago, last block is ${last}`);
  }

  #fail(now: Instant, reason: string): void {
    this.#leave(reason);
    this.#position = (this.#position + 1) % this.#sources.length;
    this.#failures += 1;
    this.#retryAt = after(now, backoffAfter(this.#failures, this.#sources.length, this.#options.backoff));
  }

  #leave(reason: string): void {
    if (this.#pull !== undefined) {
      this.#effects.push({ kind: "close", stream: this.#pull.stream });
      this.#effects.push({ kind: "source", orderer: this.#pull.orderer, state: "left", reason });
    }
    this.#pull = undefined;
    this.#intake.clear();
    this.#monitor.stop();
  }
}

function sourceOrder({ consenters, preferred }: PeerOptions): readonly string[] {
  const names = consenters.toSorted((left, right) => left.id - right.id).map(({ name }) => name);
  const first = preferred.filter((name) => names.includes(name));
  return [...new Set([...first, ...names])];
}
