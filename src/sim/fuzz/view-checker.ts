// Checks how each honest node goes from view to view. A quorum of members asks for a view; that the old one is left is in the
// log before the ViewData leaves, and no vote in an older view follows it; the view is entered once, by a NewView whose entries
// their signers have signed; and that it was entered is in the log before the node says that it is there. Restarts included.
//
// It sees what an honest node sends and what reaches it, its durable log and ledger, and its traces; who leads a view is
// judged by new-view-checker.ts.
import type { NodeId } from "../../base/index.js";
import {
  decodeViewData,
  type Message,
  type NewView,
  type SavedMessage,
  type SignedViewData,
} from "../../smartbft/index.js";
import type { Raise } from "./alarm.js";
import { quorumOf } from "./ledger-checker.js";

/** What the checker asks of the cluster. */
export interface ViewSurroundings {
  /** Those that are durable, in order. */
  readonly records: (node: NodeId) => readonly SavedMessage[];
  readonly ledger: (node: NodeId) => Standing;
  readonly isSigned: (entry: SignedViewData) => boolean;
  readonly raise: Raise;
}

/** Of a node's ledger. */
export interface Standing {
  readonly height: number;
  /** Of the last decision; 0 without. */
  readonly view: number;
  readonly members: readonly NodeId[];
}

/** What is gone with the process. */
interface Life {
  readonly installed: Set<number>;
  /** Of the views that NewViews have come for, those of which one was as it should be. */
  readonly newViews: Map<number, boolean>;
}

/** What lasts. */
interface History {
  /** The highest view for which it has sent ViewData, and in which it has prepared. */
  promised: number;
  prepared: number;
  /** Of its ledger when it was started last. */
  heightAtStart: number;
  /** A vote in an older view than one that it has sent ViewData for, by that view. */
  readonly broken: Map<number, string>;
  /** By view: who has asked it for that view, and the smallest quorum that its ledger has called for meanwhile. */
  readonly asked: Map<number, { readonly by: Set<NodeId>; needed: number }>;
}

export class ViewChecker {
  readonly #around: ViewSurroundings;
  readonly #lives = new Map<NodeId, Life>();
  readonly #histories = new Map<NodeId, History>();
  /** Views that somebody has entered by a NewView. */
  readonly #entered = new Set<number>([0]);

  constructor(around: ViewSurroundings) {
    this.#around = around;
  }

  /** An honest node hands it to the network, maybe once for each target. `inFlight`: a vote of a view change (section 8.10). */
  sent(node: NodeId, message: Message, { inFlight }: { readonly inFlight: boolean }): void {
    switch (message.kind) {
      case "Prepare":
      case "Commit":
        if (!message.assist && !inFlight) this.#voted(node, message);
        return;
      case "ViewData":
        return this.#promised(node, message);
      case "NewView": {
        // The next leader's own ViewData leaves as the first entry.
        const [own] = message.entries;
        if (own?.signer === node) this.#promised(node, own);
        return;
      }
      case "HeartBeat":
      case "StateTransferResponse":
        return this.#isIn(node, message.view);
      default:
    }
  }

  arrived(node: NodeId, from: NodeId, message: Message): void {
    if (message.kind === "NewView") this.#newViewCame(node, message);
    if (message.kind !== "ViewChange") return;
    const { members } = this.#around.ledger(node);
    if (!members.includes(from)) return;
    const { asked } = this.#history(node);
    const needed = quorumOf(members.length) - 1;
    const known = asked.get(message.nextView);
    if (known === undefined) asked.set(message.nextView, { by: new Set([from]), needed });
    else {
      known.by.add(from);
      known.needed = Math.min(known.needed, needed);
    }
  }

  /** What is in its ledger now is what it will be started with. */
  died(node: NodeId): void {
    this.#lives.delete(node);
    this.#history(node).heightAtStart = this.#around.ledger(node).height;
  }

  /** It enters the view by a NewView; which of those that came, no trace tells. */
  newViewAccepted(node: NodeId, view: number): void {
    this.#entered.add(view);
    for (const [other, { broken }] of this.#histories) this.#breach(other, broken.get(view));
    const { newViews } = this.#life(node);
    if (newViews.get(view) === false)
      this.#around.raise("forged-new-view", node, `view ${view}: no NewView for it with a quorum of signed entries`);
    for (const before of newViews.keys()) if (before < view) newViews.delete(before);
  }

  /** Its own NewView, of ViewData that it has examined. */
  newViewSent(node: NodeId, view: number): void {
    this.#life(node).newViews.set(view, true);
  }

  viewInstalled(node: NodeId, view: number): void {
    const { installed } = this.#life(node);
    if (installed.has(view)) this.#around.raise("view-twice", node, `view ${view} is installed again`);
    installed.add(view);
  }

  viewStarting(node: NodeId, view: number): void {
    const { prepared } = this.#history(node);
    if (view < prepared)
      this.#around.raise("view-back", node, `view ${view} starts after a Prepare in view ${prepared}`);
    if (!this.#entered.has(view))
      this.#around.raise("view-unheard-of", node, `view ${view} starts, but nobody has entered it by a NewView`);
  }

  #voted(node: NodeId, { kind, view, sequence }: Extract<Message, { readonly kind: "Prepare" | "Commit" }>): void {
    const history = this.#history(node);
    const place = `${kind} for view ${view}, sequence ${sequence}`;
    if (view < history.promised) {
      const text = `${place}: after ViewData for view ${history.promised}, which is entered`;
      history.broken.set(history.promised, text);
      if (this.#entered.has(history.promised)) this.#breach(node, text);
    }
    if (sequence <= history.heightAtStart)
      this.#around.raise("vote-past", node, `${place}: it was started with a ledger of ${history.heightAtStart}`);
    if (kind === "Prepare") history.prepared = Math.max(history.prepared, view);
  }

  /** Only with the view entered may there be two decisions at one sequence. */
  #breach(node: NodeId, text: string | undefined): void {
    if (text !== undefined) this.#around.raise("promise-broken", node, text);
  }

  #promised(node: NodeId, { raw }: SignedViewData): void {
    const data = decodeViewData(raw);
    if (data.kind === "bad") return;
    const { nextView } = data.value;
    const history = this.#history(node);
    if (nextView <= history.promised) return;
    history.promised = nextView;
    const { records, ledger, raise } = this.#around;
    // The record names the view that is left.
    const isLogged = records(node).some(
      (record) => record.kind === "viewChange" && record.viewChange.nextView >= nextView - 1,
    );
    if (!isLogged)
      raise(
        "promise-unlogged",
        node,
        `ViewData for view ${nextView}: no durable record that view ${nextView - 1} is left`,
      );
    const { by, needed: neededBefore } = history.asked.get(nextView) ?? { by: new Set(), needed: Infinity };
    const needed = Math.min(neededBefore, quorumOf(ledger(node).members.length) - 1);
    if (by.size < needed)
      raise(
        "promise-without-quorum",
        node,
        `ViewData for view ${nextView}: asked for by ${by.size} other members, need ${needed}`,
      );
    for (const before of history.asked.keys()) if (before < nextView) history.asked.delete(before);
  }

  #isIn(node: NodeId, view: number): void {
    const { records, ledger, raise } = this.#around;
    if (view <= ledger(node).view) return;
    const isLogged = records(node).some((record) => viewOf(record) >= view);
    if (!isLogged) raise("view-unlogged", node, `it says that it is in view ${view}: no durable record of that`);
  }

  #newViewCame(node: NodeId, { entries }: NewView): void {
    const [first] = entries;
    const data = first === undefined ? undefined : decodeViewData(first.raw);
    if (data?.kind !== "good") return;
    const { newViews } = this.#life(node);
    const { nextView } = data.value;
    newViews.set(nextView, newViews.get(nextView) === true || this.#isSound(node, entries));
  }

  /** A signer's first entry is what counts. */
  #isSound(node: NodeId, entries: readonly SignedViewData[]): boolean {
    const signers = new Map<NodeId, boolean>();
    for (const entry of entries)
      if (!signers.has(entry.signer)) signers.set(entry.signer, this.#around.isSigned(entry));
    const { members } = this.#around.ledger(node);
    return [...signers.values()].every(Boolean) && signers.size >= quorumOf(members.length);
  }

  #life(node: NodeId): Life {
    let life = this.#lives.get(node);
    if (life === undefined) this.#lives.set(node, (life = { installed: new Set(), newViews: new Map() }));
    return life;
  }

  #history(node: NodeId): History {
    let history = this.#histories.get(node);
    if (history === undefined)
      this.#histories.set(
        node,
        (history = { promised: 0, prepared: 0, heightAtStart: 0, broken: new Map(), asked: new Map() }),
      );
    return history;
  }
}

/** The view in which a record shows its writer to be, or to have been; a view change's record names the one that was left. */
function viewOf(record: SavedMessage): number {
  switch (record.kind) {
    // What is voted for in flight has the number of a view that is not entered yet, and its Commit is not signed (surprise 42); its
    // proposal is of a view that its writer need never have been in.
    case "proposed":
      return record.prepare.view === record.prePrepare.view ? record.prePrepare.view : 0;
    case "commit":
      return record.commit.signature === undefined ? 0 : record.commit.view;
    case "viewChange":
      return record.viewChange.nextView;
    case "newView":
      return record.metadata.view;
  }
}
