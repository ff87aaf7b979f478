// A client's load, as a machine: open loop, so transactions have intended times that no slow orderer can move, and one
// envelope goes to every orderer (fabric-wire.md section 4.1). Each orderer's answer is an outcome of its own: accepted,
// refused ("request already exists" and "request already processed" are ordinary refusals: another orderer was faster)
// or unanswered. Whether a transaction was committed is for peers to say; the machine never sends anything twice.
import { after, earliest, instant, type Duration, type Instant } from "../base/index.js";
import { status } from "./deliver.js";

export interface ClientOptions {
  readonly orderers: readonly string[];
  /** A fresh signed envelope; `counter` is different in each. */
  readonly transaction: (counter: number) => { readonly transactionId: string; readonly bytes: Uint8Array };
  /** Sends to one orderer that may wait for their answers; further ones are not sent there and count as unanswered. */
  readonly outstandingMax: number;
  /** An answer that takes longer is none. */
  readonly answerTimeout: Duration;
}

export type ClientInput =
  /** The first transaction is intended for this instant. A workload that runs is replaced. */
  | { readonly kind: "workload"; readonly ratePerSecond: number }
  /** No new transactions; answers are still waited for. */
  | { readonly kind: "stop" }
  | { readonly kind: "deadline" }
  /** The orderer's BroadcastResponse to the send of this token. */
  | { readonly kind: "answered"; readonly token: number; readonly status: number; readonly info: string }
  /** The send could not be made, or its stream ended before an answer came. */
  | { readonly kind: "failed"; readonly token: number; readonly reason: string };

export type ClientEffect =
  | { readonly kind: "invoked"; readonly transaction: string; readonly intendedAt: Instant }
  /** Broadcast the envelope to the orderer; answered by one `answered` or `failed`, unless given up first. */
  | { readonly kind: "send"; readonly token: number; readonly orderer: string; readonly bytes: Uint8Array }
  /** The answer is no longer waited for: a stream made for this send may be cancelled. */
  | { readonly kind: "giveUp"; readonly token: number; readonly orderer: string }
  | {
      readonly kind: "outcome";
      readonly transaction: string;
      readonly intendedAt: Instant;
      readonly orderer: string;
      readonly outcome: "accepted" | "refused" | "unanswered";
      readonly detail: string;
    };

interface Sent {
  readonly transaction: string;
  readonly intendedAt: Instant;
  readonly orderer: string;
  readonly giveUpAt: Instant;
}

/** Transactions made in one step: a host that was stopped for long catches up in several steps, not in one endless one. */
const burstMax = 256;

export class ClientMachine {
  readonly #options: ClientOptions;
  /** By token. Tokens ascend and every send has the same time limit, so the first entry is the first to expire. */
  readonly #sent = new Map<number, Sent>();
  readonly #outstanding = new Map<string, number>();
  #workload: { readonly start: Instant; readonly ratePerSecond: number; count: number } | undefined;
  #nextToken = 1;
  #nextCounter = 0;
  #effects: ClientEffect[] = [];

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  step(now: Instant, input: ClientInput): readonly ClientEffect[] {
    this.#effects = [];
    switch (input.kind) {
      case "workload":
        this.#workload =
          input.ratePerSecond > 0 ? { start: now, ratePerSecond: input.ratePerSecond, count: 0 } : undefined;
        break;
      case "stop":
        this.#workload = undefined;
        break;
      case "answered":
        this.#settle(input.token, input.status === status.success ? "accepted" : "refused", input.info);
        break;
      case "failed":
        this.#settle(input.token, "unanswered", input.reason);
        break;
      case "deadline":
        break;
    }
    this.#expire(now);
    this.#invokeDue(now);
    return this.#effects;
  }

  deadline(): Instant | undefined {
    const [oldest] = this.#sent.values();
    return earliest(this.#nextIntended(), oldest?.giveUpAt);
  }

  /** Sends that wait for an answer, over all orderers. */
  get outstanding(): number {
    return this.#sent.size;
  }

  /** Computed from the start, not from the last one: rounding does not add up and the rate is exact. */
  #nextIntended(): Instant | undefined {
    if (this.#workload === undefined) return undefined;
    const { start, ratePerSecond, count } = this.#workload;
    return instant(start + (count * 1_000_000) / ratePerSecond);
  }

  #invokeDue(now: Instant): void {
    for (let made = 0; made < burstMax; made++) {
      const intendedAt = this.#nextIntended();
      if (this.#workload === undefined || intendedAt === undefined || intendedAt > now) return;
      this.#workload.count += 1;
      this.#invoke(now, intendedAt);
    }
  }

  #invoke(now: Instant, intendedAt: Instant): void {
    const { transactionId: transaction, bytes } = this.#options.transaction(this.#nextCounter++);
    this.#effects.push({ kind: "invoked", transaction, intendedAt });
    for (const orderer of this.#options.orderers) {
      const outstanding = this.#outstanding.get(orderer) ?? 0;
      if (outstanding >= this.#options.outstandingMax) {
        const detail = `not sent: ${outstanding} sends wait for this orderer`;
        this.#effects.push({ kind: "outcome", transaction, intendedAt, orderer, outcome: "unanswered", detail });
        continue;
      }
      const token = this.#nextToken++;
      const giveUpAt = after(now, this.#options.answerTimeout);
      this.#sent.set(token, { transaction, intendedAt, orderer, giveUpAt });
      this.#outstanding.set(orderer, outstanding + 1);
      this.#effects.push({ kind: "send", token, orderer, bytes });
    }
  }

  #expire(now: Instant): void {
    for (const [token, { giveUpAt, orderer }] of this.#sent) {
      if (giveUpAt > now) return;
      this.#effects.push({ kind: "giveUp", token, orderer });
      this.#settle(token, "unanswered", "no answer in time");
    }
  }

  /** An answer to a send that was given up comes too late to count. */
  #settle(token: number, outcome: "accepted" | "refused" | "unanswered", detail: string): void {
    const sent = this.#sent.get(token);
    if (sent === undefined) return;
    this.#sent.delete(token);
    const { transaction, intendedAt, orderer } = sent;
    this.#outstanding.set(orderer, (this.#outstanding.get(orderer) ?? 1) - 1);
    this.#effects.push({ kind: "outcome", transaction, intendedAt, orderer, outcome, detail });
  }
}
