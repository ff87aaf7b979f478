// What a replica's effects mean in an orderer's process: its log, its ledger, the other orderers, the signature checker
// and the catch-up. smartbft's EffectQueue calls these in the right order.
import type { Instant, NodeId, Sequence } from "../base/index.js";
import type { OrdererConfig } from "../boundary/index.js";
import { blockFrom, storedDecision, type Block, type OrdererApplication } from "../fabric/index.js";
import type {
  Decision,
  EffectPorts,
  RequestInfo,
  SentTrace,
  SubmitOutcome,
  Trace,
  TurncoatInput,
  VerifyItem,
  WalRecord,
} from "../smartbft/index.js";
import { catchUp } from "./catch-up.js";
import type { Chain } from "./chain.js";
import type { Cluster } from "./cluster.js";
import type { Surroundings } from "./host.js";
import type { Identity } from "./identity.js";
import type { SignatureChecker } from "./signatures.js";
import { pullChain } from "./pull-chain.js";
import type { Wal } from "./wal.js";

export interface OrdererParts extends Surroundings {
  readonly config: OrdererConfig;
  readonly identity: Identity;
  readonly chain: Chain;
  readonly wal: Wal;
  readonly application: OrdererApplication;
  readonly checker: SignatureChecker;
  readonly cluster: Cluster;
  /** An input for the replica, on its next turn. */
  readonly push: (input: TurncoatInput) => void;
  /** Aborted when the node stops. */
  readonly signal: AbortSignal;
}

export class OrdererPorts implements EffectPorts {
  readonly #parts: OrdererParts;
  readonly #submissions = new Map<number, (outcome: SubmitOutcome) => void>();
  #nextToken = 1;
  #disk: Promise<void> = Promise.resolve();

  constructor(parts: OrdererParts) {
    this.#parts = parts;
  }

  /** A client's request into the pool; resolves with what the replica made of it. */
  submit(request: Uint8Array, info: RequestInfo): Promise<SubmitOutcome> {
    const token = this.#nextToken++;
    return new Promise((resolve) => {
      this.#submissions.set(token, resolve);
      this.#parts.push({ kind: "submit", token, request, info });
    });
  }

  persist(records: readonly WalRecord[], done: () => void): void {
    this.#disk = this.#parts.wal.append(records).then(done, this.#parts.fail);
  }

  deliver(sequence: Sequence, decision: Decision, done: () => void): void {
    this.#disk = this.#delivered(sequence, decision).then(done, this.#parts.fail);
  }

  /** Resolves when what the queue has asked of a disk is done. */
  idle(): Promise<void> {
    return this.#disk;
  }

  send(to: NodeId, bytes: Uint8Array, told: SentTrace | undefined): void {
    this.#parts.cluster.send(to, bytes, told);
  }

  forward(to: NodeId, request: Uint8Array): void {
    this.#parts.cluster.forward(to, request);
  }

  verify(id: number, items: readonly VerifyItem[]): void {
    const { checker, push, fail } = this.#parts;
    checker.check(items).then((results) => push({ kind: "verified", id, results }), fail);
  }

  /** The replica goes on meanwhile, but neither delivers nor asks for another sync before this one is answered. */
  synchronise(id: number): void {
    const { application, chain, push, fail } = this.#parts;
    const store = (block: Block): Promise<void> => this.#store(block, "sync");
    catchUp({ ...this.#parts, head: application.head, store }).then(
      (requests) => push({ kind: "synchronised", id, decision: storedDecision(chain.last), requests }),
      fail,
    );
  }

  submitted(token: number, outcome: SubmitOutcome): void {
    this.#submissions.get(token)?.(outcome);
    this.#submissions.delete(token);
  }

  trace(at: Instant, trace: Trace): void {
    if (trace.kind === "step") this.#parts.emit({ at, ...trace });
    else if (trace.kind === "received") this.#parts.cluster.tellReceived(trace, at);
  }

  async #delivered(sequence: Sequence, decision: Decision): Promise<void> {
    const block = blockFrom(decision);
    if (block.kind === "bad") throw new Error(`Deliver decision ${sequence}: ${block.reason}`);
    await this.#store(block.value, "decision");
    this.#parts.push({ kind: "delivered", sequence });
  }

  sendAs(as: NodeId, to: NodeId, bytes: Uint8Array): void {
    this.#parts.cluster.sendAs(as, to, bytes);
  }

  pull(id: number, from: NodeId): void {
    const { push, fail } = this.#parts;
    pullChain({ ...this.#parts, from }).then((blockCount) => push({ kind: "pulled", id, blockCount }), fail);
  }

  async #store(block: Block, source: string): Promise<void> {
    await this.#parts.chain.append(block, source);
    this.#parts.application.advance(block);
  }
}
