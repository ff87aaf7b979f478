// Carries a replica's effects out in the order in which the replica listed them: a record is on the disk before any later
// message leaves, a block before what follows its delivery. Consecutive records are written and synced together.
//
// Three kinds do not wait their turn: traces (they tell what has already happened), checks of signatures and answers to
// clients. None of them shows another node anything, so nothing can be seen before it is durable.
import type { Instant, NodeId, Sequence } from "../base/index.js";
import type { Decision, SubmitOutcome, Trace, VerifyItem, WrapperEffect } from "../smartbft/index.js";
import type { WalRecord } from "./wal.js";

type SentTrace = Extract<Trace, { kind: "sent" }>;

/** What a host can do. What is asynchronous here must be finished before the next effect in order. */
export interface EffectPorts {
  persist(records: readonly WalRecord[]): Promise<void>;
  deliver(sequence: Sequence, decision: Decision): Promise<void>;
  /** `told` is the trace that belongs to the message: it becomes true when the message is handed over. */
  send(to: NodeId, bytes: Uint8Array, told: SentTrace | undefined): void;
  forward(to: NodeId, request: Uint8Array): void;
  synchronise(id: number): void;
  verify(id: number, items: readonly VerifyItem[]): void;
  submitted(token: number, outcome: SubmitOutcome): void;
  trace(at: Instant, trace: Trace): void;
  /** Of a Byzantine node only: bytes beside the replica's own, maybe in another's name, and reading a whole chain. */
  sendAs(as: NodeId, to: NodeId, bytes: Uint8Array): void;
  pull(id: number, from: NodeId): void;
}

type Ordered = Extract<WrapperEffect, { kind: "persist" | "deliver" | "send" | "forward" | "synchronise" }> & {
  readonly told?: SentTrace;
};

export class EffectQueue {
  readonly #ports: EffectPorts;
  readonly #failed: (error: unknown) => void;
  readonly #queue: Ordered[] = [];
  #waiting: Promise<void> | undefined;

  /** `failed` is called when a disk fails: the order can no longer be kept, so nothing more is carried out. */
  constructor(ports: EffectPorts, failed: (error: unknown) => void) {
    this.#ports = ports;
    this.#failed = failed;
  }

  /** Takes the effects of one step, made at `at`. */
  push(at: Instant, effects: readonly WrapperEffect[]): void {
    let told: SentTrace | undefined;
    for (const effect of effects) {
      if (effect.kind === "verify") this.#ports.verify(effect.id, effect.items);
      else if (effect.kind === "submitted") this.#ports.submitted(effect.token, effect.outcome);
      else if (effect.kind === "sendAs") this.#ports.sendAs(effect.as, effect.to, effect.bytes);
      else if (effect.kind === "pull") this.#ports.pull(effect.id, effect.from);
      else if (effect.kind !== "trace")
        this.#queue.push(effect.kind === "send" && told !== undefined ? { ...effect, told } : effect);
      else if (effect.trace.kind !== "sent") this.#ports.trace(at, effect.trace);
      // The replica lists the trace of a message right before the message.
      told = effect.kind === "trace" && effect.trace.kind === "sent" ? effect.trace : undefined;
    }
    this.#run();
  }

  /** Resolves when what waits for a disk now is done. Nothing after it is carried out any more. */
  async idle(): Promise<void> {
    this.#queue.length = 0;
    await this.#waiting;
  }

  /** As far as it goes without waiting; what waits for a disk goes on when the disk is done. */
  #run(): void {
    while (this.#waiting === undefined) {
      const effect = this.#queue.shift();
      if (effect === undefined) return;
      const waiting = this.#carryOut(effect);
      if (waiting === undefined) continue;
      this.#waiting = waiting.then(() => {
        this.#waiting = undefined;
        this.#run();
      }, this.#failed);
    }
  }

  #carryOut(effect: Ordered): Promise<void> | undefined {
    switch (effect.kind) {
      case "persist":
        return this.#ports.persist([effect, ...this.#morePersists()]);
      case "deliver":
        return this.#ports.deliver(effect.sequence, effect.decision);
      case "send":
        this.#ports.send(effect.to, effect.bytes, effect.told);
        return undefined;
      case "forward":
        this.#ports.forward(effect.to, effect.request);
        return undefined;
      case "synchronise":
        this.#ports.synchronise(effect.id);
        return undefined;
    }
  }

  #morePersists(): readonly WalRecord[] {
    const records: WalRecord[] = [];
    for (let next = this.#queue[0]; next?.kind === "persist"; next = this.#queue[0]) {
      records.push(next);
      this.#queue.shift();
    }
    return records;
  }
}
