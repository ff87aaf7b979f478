// Carries a replica's effects out in the order in which the replica listed them: a record is on the disk before any later
// message leaves, a block before what follows its delivery. Consecutive records are written and synced together.
//
// Three kinds do not wait their turn: traces (they tell what has already happened), checks of signatures and answers to
// clients. None of them shows another node anything, so nothing can be seen before it is durable.
import type { Instant, NodeId, Sequence } from "../base/index.js";
import type { WrapperEffect } from "./byzantine/contract.js";
import type { Decision, SubmitOutcome, Trace, VerifyItem } from "./contract.js";

export type SentTrace = Extract<Trace, { kind: "sent" }>;

/** A record of the log, and whether the log begins anew with it. */
export interface WalRecord {
  readonly record: Uint8Array;
  readonly truncate: boolean;
}

/** What a host can do. What takes a `done` must have called it before the next effect in order is begun. */
export interface EffectPorts {
  persist(records: readonly WalRecord[], done: () => void): void;
  deliver(sequence: Sequence, decision: Decision, done: () => void): void;
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
  #queue: Ordered[] = [];
  /** A disk is at work, or effects are being carried out further up the stack. */
  #busy = false;
  #stopped = false;

  /** A disk that fails never calls `done`: the order can no longer be kept, so nothing more is carried out. */
  constructor(ports: EffectPorts) {
    this.#ports = ports;
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

  /** Forgets what waits: nothing after what a disk is doing now is carried out any more. */
  stop(): void {
    this.#queue = [];
    this.#stopped = true;
  }

  /** As far as it goes without waiting; what waits for a disk goes on when the disk is done. */
  #run(): void {
    while (!this.#busy && !this.#stopped) {
      const effect = this.#queue.shift();
      if (effect === undefined) return;
      this.#carryOut(effect);
    }
  }

  #carryOut(effect: Ordered): void {
    switch (effect.kind) {
      case "persist":
        return this.#wait((done) => this.#ports.persist([effect, ...this.#morePersists()], done));
      case "deliver":
        return this.#wait((done) => this.#ports.deliver(effect.sequence, effect.decision, done));
      case "send":
        return this.#ports.send(effect.to, effect.bytes, effect.told);
      case "forward":
        return this.#ports.forward(effect.to, effect.request);
      case "synchronise":
        return this.#ports.synchronise(effect.id);
    }
  }

  #wait(work: (done: () => void) => void): void {
    this.#busy = true;
    work(() => {
      this.#busy = false;
      this.#run();
    });
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
