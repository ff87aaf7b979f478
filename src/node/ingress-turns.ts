// The ingress of an orderer: what other orderers send, handed to the replica a bounded number of messages in each turn of the
// event loop, so that timers, disks and other sockets get theirs in between. As long as less comes, nothing waits.
//
// A sender that is held back is not read any further; gRPC's flow control and TCP carry that back to it.
import type { NodeId } from "../base/index.js";
import { Ingress, type IngressKind } from "../smartbft/index.js";

/** Messages in one turn of the event loop: about 2 ms of work. */
const perTurn = 64;

export class IngressTurns<T> implements Disposable {
  readonly #ingress: Ingress<T>;
  readonly #push: (item: T) => void;
  /** Of each sender, who may have several streams; anybody may open one in another's name. */
  readonly #heldBack = new Map<NodeId, (() => void)[]>();
  #left = perTurn;
  #turn: NodeJS.Immediate | undefined;
  #stopped = false;

  constructor(options: { readonly kind: IngressKind; readonly limit: number }, push: (item: T) => void) {
    this.#ingress = new Ingress(options.kind, options.limit);
    this.#push = push;
  }

  /** Takes an item; the promise, if there is one, resolves when the sender may go on. */
  offer(from: NodeId, item: T): Promise<void> | undefined {
    if (this.#stopped) return undefined;
    this.#ingress.push(from, item);
    this.#serve();
    if (!this.#ingress.isHeldBack(from)) return undefined;
    return new Promise((resolve) => {
      const waiting = this.#heldBack.get(from) ?? [];
      this.#heldBack.set(from, waiting);
      waiting.push(resolve);
    });
  }

  /** Forgets what waits; nobody is held back any more. */
  [Symbol.dispose](): void {
    this.#stopped = true;
    clearImmediate(this.#turn);
    for (const waiting of this.#heldBack.values()) for (const resolve of waiting) resolve();
    this.#heldBack.clear();
  }

  #serve(): void {
    for (; this.#left > 0; this.#left--) {
      const next = this.#ingress.take();
      if (next === undefined) break;
      this.#push(next.item);
    }
    if (this.#left < perTurn) this.#turn ??= setImmediate(() => this.#nextTurn());
  }

  #nextTurn(): void {
    this.#turn = undefined;
    this.#left = perTurn;
    this.#serve();
    for (const [from, waiting] of this.#heldBack) {
      if (this.#ingress.isHeldBack(from)) continue;
      this.#heldBack.delete(from);
      for (const resolve of waiting) resolve();
    }
  }
}
