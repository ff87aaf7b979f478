// Checks on whose word an honest node enters a view: that of the one that leads it, by the node's ledger at some time since
// that one's NewView came, or, where the node makes the NewView itself, since it sent its ViewData. Which of several NewViews
// it has taken no trace tells; that none of them was the leader's is what is wrong.
//
// A node may hold a NewView for the view after the next, take it from a queue, and hear others' copies of its own while its
// own is still examined: so what came is kept by view, until the node has entered a later one.
import type { NodeId } from "../../base/index.js";
import type { Raise } from "./alarm.js";

/** What the checker asks of the cluster. */
export interface NewViewSurroundings {
  /** Who leads a view in which nothing was decided yet, by this node's ledger as it is now. */
  readonly firstLeader: (node: NodeId, view: number) => NodeId | undefined;
  readonly raise: Raise;
}

/** Of one node and one view. */
interface Word {
  readonly senders: Set<NodeId>;
  /** One of them led the view. */
  isRightful: boolean;
  isAsked: boolean;
  /** The node itself led it at some time since it was asked for its ViewData. */
  hasLed: boolean;
}

export class NewViewChecker {
  readonly #around: NewViewSurroundings;
  readonly #words = new Map<NodeId, Map<number, Word>>();

  constructor(around: NewViewSurroundings) {
    this.#around = around;
  }

  /** It sends its ViewData for a view, or keeps it as the one that leads. */
  asked(node: NodeId, view: number): void {
    this.#word(node, view).isAsked = true;
    this.grown(node);
  }

  /** A NewView has reached it. */
  came(node: NodeId, from: NodeId, view: number): void {
    this.#word(node, view).senders.add(from);
    this.grown(node);
  }

  /** It has made a NewView, and examines it as it would another's. */
  sent(node: NodeId, view: number): void {
    const word = this.#word(node, view);
    word.senders.add(node);
    word.isRightful ||= word.hasLed;
    this.grown(node);
  }

  /** Its ledger may be another: so may who leads. */
  grown(node: NodeId): void {
    for (const [view, word] of this.#words.get(node) ?? []) {
      if (word.isRightful) continue;
      const leader = this.#around.firstLeader(node, view);
      if (leader === undefined) continue;
      word.hasLed ||= word.isAsked && leader === node;
      word.isRightful = word.senders.has(leader);
    }
  }

  /** It enters the view. */
  accepted(node: NodeId, view: number): void {
    this.grown(node);
    const { senders, isRightful } = this.#word(node, view);
    const words = this.#words.get(node);
    for (const before of words?.keys() ?? []) if (before < view) words?.delete(before);
    if (isRightful) return;
    const found = senders.size === 0 ? "no NewView" : `NewViews from ${[...senders].join(", ")}`;
    this.#around.raise("foreign-new-view", node, `view ${view}: ${found}, but another leads`);
  }

  /** What it held is gone. */
  died(node: NodeId): void {
    this.#words.delete(node);
  }

  #word(node: NodeId, view: number): Word {
    let words = this.#words.get(node);
    if (words === undefined) this.#words.set(node, (words = new Map()));
    let word = words.get(view);
    if (word === undefined)
      words.set(view, (word = { senders: new Set(), isRightful: false, isAsked: false, hasLed: false }));
    return word;
  }
}
