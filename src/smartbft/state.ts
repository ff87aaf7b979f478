// The front of the write-ahead log (reference section 10.4): what is recorded when, and what the in-flight proposal
// becomes by it. Frames and files are wire/frames.ts and the host's.
import { emptyBytes, type Sequence, type View } from "../base/index.js";
import type { Proposal } from "./contract.js";
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
   * Before the Commit of an in-flight proposal is sent inside a view change. The library records nothing of it, and tells
   * the next view change that it never prepared what it has helped to decide (docs/protocol.md, surprise 40). Improved, it
   * is in flight and prepared from here on, as if it had been prepared in the usual way. Nothing is truncated: the record
   * of the view that was left stays before these, and a restart goes on from that (recovery.ts).
   */
  saveInFlightCommit(proposal: Proposal, commit: Commit): void {
    if (!this.#core.improved || this.#inFlight.isPrepared(proposal)) return;
    const { view, sequence, digest } = commit;
    const prePrepare: PrePrepare = { kind: "PrePrepare", view, sequence, proposal, previousSignatures: [] };
    const prepare: Prepare = { kind: "Prepare", view, sequence, digest, assist: false };
    this.#append({ kind: "proposed", prePrepare, prepare }, { truncate: false });
    this.#inFlight.set(proposal);
    this.saveCommit(commit);
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
