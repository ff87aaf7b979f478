// The front of the write-ahead log (reference section 10.4): what is recorded when, and what the in-flight proposal
// becomes by it. Frames and files are wire/frames.ts and the host's.
import { emptyBytes, type Sequence, type View } from "../base/index.js";
import type { Proposal } from "./contract.js";
import { metadataOf } from "./checkpoint.js";
import type { Core } from "./core.js";
import type { InFlight } from "./in-flight.js";
import { encodeSavedMessage } from "./wire/encode.js";
import type { Commit, PrePrepare, Prepare, SavedMessage } from "./wire/message.js";

export class State {
  readonly #core: Core;
  readonly #inFlight: InFlight;

  constructor(core: Core, inFlight: InFlight) {
    this.#core = core;
    this.#inFlight = inFlight;
  }

  /** Before the Prepare is sent, and before the leader's PrePrepare. The only record that truncates. */
  saveProposed(prePrepare: PrePrepare, prepare: Prepare): void {
    this.#append({ kind: "proposed", prePrepare, prepare }, { truncate: true });
    if (prePrepare.proposal !== undefined) this.#inFlight.set(prePrepare.proposal);
  }

  /** Before the Commit is sent. */
  saveCommit(commit: Commit): void {
    this.#append({ kind: "commit", commit }, { truncate: false });
    this.#inFlight.markPrepared();
  }

  /**
   * Before this replica says that it commits what was in flight inside a view change. The library records nothing of it, and
   * tells the next view change that it never prepared what it has helped to decide (docs/protocol.md, surprises 40 and 42).
   * `prepare` is of the new view. Nothing is truncated: the record of the view that was left stays before these, and a
   * restart goes on from that (recovery.ts).
   */
  saveInFlight(proposal: Proposal, prepare: Prepare): void {
    const { view, sequence } = prepare;
    if (this.boundTo(view, sequence) !== undefined) return;
    const proposed = metadataOf(proposal)?.view ?? view;
    const prePrepare: PrePrepare = { kind: "PrePrepare", view: proposed, sequence, proposal, previousSignatures: [] };
    this.#append({ kind: "proposed", prePrepare, prepare }, { truncate: false });
    this.#inFlight.standUpFor(proposal, view);
  }

  /** What this replica must not vote against at this place, as it has said that it commits it in this view's change. */
  boundTo(view: View, sequence: Sequence): Proposal | undefined {
    return this.#core.improved ? this.#inFlight.boundTo(view, sequence) : undefined;
  }

  /** Stands in no log: a restart forgets it, and tells of the proposal again. */
  contradicted(other: string, how: { readonly byHonest: boolean }): void {
    if (this.#core.improved) this.#inFlight.contradict(other, how);
  }

  /** `view` is the one that is being left. */
  saveViewChange(view: View): void {
    this.#append(
      { kind: "viewChange", viewChange: { kind: "ViewChange", nextView: view, reason: "" } },
      { truncate: false },
    );
  }

  saveNewView(view: View, sequence: Sequence): void {
    const metadata = { view, sequence, decisions: 0, blacklist: [], previousSignatureDigest: emptyBytes };
    this.#append({ kind: "newView", metadata }, { truncate: false });
  }

  #append(saved: SavedMessage, { truncate }: { readonly truncate: boolean }): void {
    this.#core.emit({ kind: "persist", record: encodeSavedMessage(saved), truncate });
  }
}
