// The ingress of an orderer: what other orderers send, handed to the replica a bounded number of messages in each turn of its
// process's event loop, so that timers, disks and other sockets get theirs in between. As long as less comes, nothing waits.
//
// A sender that is held back is not to be read any further; flow control carries that back to it. What a turn is, the host
// says: a process asks its event loop for the next one, the simulator the queue of a process.
import type { NodeId } from "../base/index.js";
import { Ingress, type IngressKind } from "./ingress.js";

/** Messages in one turn: about 2 ms of work. */
const perTurn = 64;

export interface TurnsOptions {
  readonly kind: IngressKind;
  /** Of the shared queue, or of each sender's. */
  readonly limit: number;
  /** Calls back once, behind all that is ready to be read now. */
  readonly nextTurn: (turn: () => void) => void;
}

export class IngressTurns<T> {
  readonly #ingress: Ingress<T>;
  readonly #nextTurn: TurnsOptions["nextTurn"];
  readonly #push: (item: T) => void;
  /** Of each sender, who may have several streams; anybody may open one in another's name. */
  readonly #heldBack = new Map<NodeId, (() => void)[]>();
  #left = perTurn;
  #turning = false;
  #stopped = false;

  constructor({ kind, limit, nextTurn }: TurnsOptions, push: (item: T) => void) {
    this.#ingress = new Ingress(kind, limit);
    this.#nextTurn = nextTurn;
    this.#push = push;
  }

  /** Takes an item. False: the sender is to be held back until `room` is called. */
  offer(from: NodeId, item: T, room: () => void): boolean {
    if (this.#stopped) return true;
    this.#ingress.push(from, item);
    this.#serve();
    if (!this.#ingress.isHeldBack(from)) return true;
    const waiting = this.#heldBack.get(from) ?? [];
    this.#heldBack.set(from, waiting);
    waiting.push(room);
    return false;
  }

  /** Forgets what waits; nobody is held back any more. */
  stop(): void {
    this.#stopped = true;
    for (const waiting of this.#heldBack.values()) for (const room of waiting) room();
    this.#heldBack.clear();
  }

  #serve(): void {
    for (; this.#left > 0; this.#left--) {
      const next = this.#ingress.take();
      if (next === undefined) break;
      this.#push(next.item);
    }
    if (this.#left === perTurn || this.#turning) return;
    this.#turning = true;
    this.#nextTurn(() => this.#turn());
  }

  #turn(): void {
    if (this.#stopped) return;
    this.#turning = false;
    this.#left = perTurn;
    this.#serve();
    for (const [from, waiting] of this.#heldBack) {
      if (this.#ingress.isHeldBack(from)) continue;
      this.#heldBack.delete(from);
      for (const room of waiting) room();
    }
  }
}
