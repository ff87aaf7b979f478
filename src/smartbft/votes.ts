// Votes for one sequence, and the detector of a lag that only others' Commits show (reference sections 5.4, 5.6, 6.2).
import type { NodeId, Sequence, View } from "../base/index.js";
import type { Commit, PrePrepare, Prepare } from "./wire/message.js";

/** First vote per sender, in order of arrival. */
export class VoteSet<T> {
  readonly #senders = new Set<NodeId>();
  readonly votes: { readonly from: NodeId; readonly vote: T }[] = [];

  /** False when the sender voted before: a wrong vote cannot be corrected. */
  add(from: NodeId, vote: T): boolean {
    if (this.#senders.has(from)) return false;
    this.#senders.add(from);
    this.votes.push({ from, vote });
    return true;
  }
}

/** What a View holds for one sequence; it holds two, the current and the next. Bounded by one message of a kind per member. */
export class Slot {
  prePrepare: PrePrepare | undefined;
  readonly prepares = new VoteSet<Prepare>();
  readonly commits = new VoteSet<Commit>();
}

/** Keeps each sender's last Commit from outside the window; never cleared during the life of a View. */
export class LagDetector {
  readonly #last = new Map<NodeId, Commit>();

  /** The votes of F+1 senders for one decision beyond (view, sequence), once there are such. Signatures are not checked. */
  observe(
    from: NodeId,
    commit: Commit,
    own: { readonly view: View; readonly sequence: Sequence; readonly f: number },
  ): { readonly votes: number; readonly view: View; readonly sequence: Sequence } | undefined {
    this.#last.set(from, commit);
    if (this.#last.size < own.f + 1) return undefined;
    for (const candidate of this.#last.values()) {
      const { view, sequence, digest } = candidate;
      if (view < own.view || (view === own.view && sequence <= own.sequence)) continue;
      let votes = 0;
      for (const other of this.#last.values()) {
        if (other.view === view && other.sequence === sequence && other.digest === digest) votes++;
      }
      if (votes >= own.f + 1) return { votes, view, sequence };
    }
    return undefined;
  }
}
