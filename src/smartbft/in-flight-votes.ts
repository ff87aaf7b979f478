// Improved fidelity only (docs/protocol.md, surprise 42): what others have said of the proposal that a NewView has them commit.
// A Commit names the view that its proposal is of, so nobody can tell when it was sent, and signatures that were given in
// different views add up to a decision. So before its signature leaves, a member says in the new view's number, as in PBFT,
// that it stands up for the proposal (Prepare) and that a quorum does (a Commit without a signature).
//
// Bounded: of each member what it said first in its newest view. That is this, if its NewView has it commit something.
import type { NodeId, Sequence, View } from "../base/index.js";
import type { Commit, Prepare } from "./wire/message.js";

export interface Place {
  readonly view: View;
  readonly sequence: Sequence;
  readonly digest: string;
}

export class InFlightVotes {
  readonly #said = new Map<NodeId, Place & { readonly isPrepared: boolean }>();

  /** They may come before the NewView does. */
  add(from: NodeId, { kind, view, sequence, digest }: Prepare | Commit): void {
    const isPrepared = kind === "Commit";
    const before = this.#said.get(from);
    const isFirst = before === undefined || before.view < view;
    const isNext = before !== undefined && isPrepared && isSame(before, { view, sequence, digest });
    if (isFirst || isNext) this.#said.set(from, { view, sequence, digest, isPrepared });
  }

  /** Others that stand up for it there. */
  prepares(place: Place): number {
    return this.#at(place).length;
  }

  /** Others that know of a quorum that does. */
  commits(place: Place): number {
    return this.#at(place).filter(({ isPrepared }) => isPrepared).length;
  }

  #at(place: Place): readonly { readonly isPrepared: boolean }[] {
    return [...this.#said.values()].filter((said) => isSame(said, place));
  }
}

const isSame = (left: Place, right: Place): boolean =>
  left.view === right.view && left.sequence === right.sequence && left.digest === right.digest;
