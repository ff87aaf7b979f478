// Improved fidelity only (docs/protocol.md, surprise 42): what others have said of the proposal that a NewView has them commit.
// A Commit names the view that its proposal is of, so nobody can tell when it was sent, and signatures that were given in
// different views add up to a decision. So before its signature leaves, a member says in the new view's number, as in PBFT,
// that it stands up for the proposal (Prepare) and that a quorum does (the same again, marked as an assist; a Commit of the new
// view would tell others that they lag).
//
// A replica of the library says neither; it votes for a view without the mark that `improved` sets, and then its Commit counts
// for both: a mixed cluster goes on, as safe as the library is. Who hides the mark wins nothing: it might say both as well.
//
// And in each of its votes for a view it says for what a NewView had it stand up last. From F+1 that is word of an honest one, so a
// proposal that was prepared in an older view was not decided there, and who prepared it, and was not told of that NewView, need
// not argue for it any more (surprise 36).
//
// Bounded: of each member what it said first in its newest view, and in its votes last. The former is this, if its NewView has it
// commit something.
import { sequence as toSequence, view as toView, type NodeId, type Sequence, type View } from "../base/index.js";
import type { Commit, Prepare, ViewChange } from "./wire/message.js";

/** The library leaves the reason of its votes empty, and reads nobody's. */
const markOfImproved = "in-flight votes";
const reasonPattern = /^in-flight votes(?:: view (\d{1,15}), sequence (\d{1,15}), ([0-9a-f]{1,128}))?$/;

export interface Place {
  readonly view: View;
  readonly sequence: Sequence;
  readonly digest: string;
}

export const isReasonOfImproved = (reason: string): boolean => reasonPattern.test(reason);

/** What a vote of `improved` says in its reason. */
export const reasonOfVote = (standingFor: Place | undefined): string =>
  standingFor === undefined
    ? markOfImproved
    : `${markOfImproved}: view ${standingFor.view}, sequence ${standingFor.sequence}, ${standingFor.digest}`;

export class InFlightVotes {
  readonly #said = new Map<NodeId, Place & { readonly isPrepared: boolean }>();
  /** What those who do not speak like this have signed last; undefined before that. */
  readonly #signed = new Map<NodeId, Commit | undefined>();
  /** Who has set the mark once: votes without it that come in its name are another's. */
  readonly #marked = new Set<NodeId>();
  readonly #standing = new Map<NodeId, Place>();

  voted(from: NodeId, { reason }: ViewChange): void {
    const mark = reasonPattern.exec(reason);
    if (mark !== null) {
      this.#marked.add(from);
      this.#signed.delete(from);
      const [, view, sequence, digest] = mark;
      // Once said it stays true, so a vote without it, maybe another's, takes nothing back.
      if (digest !== undefined)
        this.#standing.set(from, { view: toView(Number(view)), sequence: toSequence(Number(sequence)), digest });
    } else if (!this.#marked.has(from) && !this.#signed.has(from)) this.#signed.set(from, undefined);
  }

  /** They may come before the NewView does. */
  add(from: NodeId, message: Prepare | Commit): void {
    if (message.kind === "Prepare") this.#say(from, message);
    else if (this.#signed.has(from)) this.#signed.set(from, message);
  }

  #say(from: NodeId, { view, sequence, digest, assist: isPrepared }: Prepare): void {
    const before = this.#said.get(from);
    const isFirst = before === undefined || before.view < view;
    const isNext = before !== undefined && isPrepared && isSame(before, { view, sequence, digest });
    if (isFirst || isNext) this.#said.set(from, { view, sequence, digest, isPrepared });
  }

  /** The newest view in which more than F others stood up for another proposal at this place, there or later. */
  overruledBy({ sequence, digest }: Place, { f }: { readonly f: number }): View | undefined {
    const others = [...this.#standing.values()].filter(
      (other) => other.sequence === sequence && other.digest !== digest,
    );
    return others.map(({ view }) => view).toSorted((left, right) => right - left)[f];
  }

  /** How many others stand up for it there. */
  prepares(place: Place): number {
    return this.#count(place, () => true);
  }

  /** How many others know of a quorum that does. */
  commits(place: Place): number {
    return this.#count(place, ({ isPrepared }) => isPrepared);
  }

  #count(place: Place, isEnough: (said: { readonly isPrepared: boolean }) => boolean): number {
    const from = new Set<NodeId>();
    for (const [id, said] of this.#said) if (isSame(said, place) && isEnough(said)) from.add(id);
    for (const [id, commit] of this.#signed)
      if (commit !== undefined && isSame({ ...commit, view: place.view }, place)) from.add(id);
    return from.size;
  }
}

const isSame = (left: Place, right: Place): boolean =>
  left.view === right.view && left.sequence === right.sequence && left.digest === right.digest;
