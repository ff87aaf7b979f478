// The proposal in flight: what this replica has pre-prepared last (reference section 8.5), and the agreement of a set of
// ViewData on what was in flight in the view before (section 8.8).
import { equalBytes, sequence, view as toView, type Sequence, type View } from "../base/index.js";
import { metadataOf } from "./checkpoint.js";
import type { Proposal } from "./contract.js";
import type { Place } from "./in-flight-votes.js";
import { proposalDigest } from "./wire/digest.js";
import type { ViewData } from "./wire/message.js";

/** What a log tells. `view` and `preparedIn`: in which this replica stood up for it, and prepared it, last. */
export interface WasInFlight {
  readonly proposal: Proposal;
  readonly view: View;
  readonly preparedIn: View | undefined;
  /** For what it had stood up at that place, before a NewView had this one committed. */
  readonly before?: Proposal | undefined;
}

/** Set by every proposed record, marked by every commit record, cleared only by a sync that reached it; survives delivery. */
export class InFlight {
  #proposal: Proposal | undefined;
  /** The view in which it was prepared last. */
  #preparedIn: View | undefined;
  #other: string | undefined;
  #before: Proposal | undefined;
  /** Of the view in which this replica stood up for it last: the one that it is of, or one whose NewView has it committed. */
  #view = toView(0);
  readonly #improved: boolean;

  constructor({ improved }: { readonly improved: boolean }) {
    this.#improved = improved;
  }

  set(proposal: Proposal): void {
    this.restore({ proposal, view: viewOf(proposal), preparedIn: undefined });
  }

  /** As told before a restart. */
  restore({ proposal, view, preparedIn, before }: WasInFlight): void {
    this.#proposal = proposal;
    this.#before = before;
    this.#preparedIn = preparedIn;
    this.#other = undefined;
    this.#view = view;
  }

  /**
   * A NewView of this view has it committed (docs/protocol.md, surprise 42). Whatever else was in flight could not be decided
   * any more; was it this one, and prepared, it stays so.
   */
  standUpFor(proposal: Proposal, view: View): void {
    const preparedIn = this.isPrepared(proposal) ? this.#preparedIn : undefined;
    this.restore({ proposal, view, preparedIn, before: this.#beforeStandingUpFor(proposal) });
  }

  #beforeStandingUpFor(proposal: Proposal): Proposal | undefined {
    const was = this.#proposal;
    if (was === undefined || sequenceOf(was) !== sequenceOf(proposal)) return undefined;
    return equalProposals(was, proposal) ? this.#before : was;
  }

  /**
   * What a NewView of this view had this replica commit at this sequence: for nothing else will it stand up there, be it that
   * the next leader has made two NewViews, or that others have entered the view by another one.
   */
  boundTo(view: View, at: Sequence): Proposal | undefined {
    const proposal = this.#proposal;
    const isBound = proposal !== undefined && this.#view === view && viewOf(proposal) < view && this.sequence === at;
    return isBound ? proposal : undefined;
  }

  /**
   * Somebody voted for another proposal at its place, so its leader told two stories, or the voter lies (docs/protocol.md,
   * surprise 36). `other`: that one's digest. Of several the one that F+1 voted for counts, among them an honest one.
   */
  contradict(other: string, { byHonest }: { readonly byHonest: boolean }): void {
    if (!this.prepared && (byHonest || this.#other === undefined)) this.#other = other;
  }

  /**
   * Of what ViewData tells. Where the one in flight is left out, the one before it has its turn: a member that another NewView took
   * it from may have prepared it, and then lacks its F+1 as long as nobody else tells of it, and argues against all else
   * (surprise 36). It is told as not prepared, which binds nobody: what was decided anywhere has a quorum that tells of it.
   */
  told(nextView: View, members: { readonly f: number }): Proposal | undefined {
    return this.isLeftOut(nextView, members) ? this.#before : this.#proposal;
  }

  /**
   * Whether it is left out of ViewData, as if it had never come. Two stories told, neither may ever have a quorum that does
   * not argue against it; both left out, the one that is to be committed may lack its F+1. So by turns, and so that of any
   * two proposals there are soon a view in which one is told alone and one in which the other is, whoever leads them:
   *
   * - who knows of the other story compares the digests: the lower is left out in even views, the higher in odd ones;
   * - who does not goes by the age of its proposal (below), which tells proposals of different views apart;
   * - and in some pairs of views (`isByDigest`) a bit of the digests that are known decides in which of the two it is told, for two of
   *   one view whose holders heard nothing of each other's vote, or heard of lies. Those who know of each other's lose no pair
   *   by it: what the one tells the other leaves out.
   *
   * Safe whoever leaves out what: what was decided anywhere was prepared by a quorum, whose honest members tell of it, and
   * are in every quorum of ViewData, so neither "nothing" nor another proposal is agreed on.
   */
  isLeftOut(nextView: View, { f }: { readonly f: number }): boolean {
    if (this.#proposal === undefined || this.prepared || !this.#improved) return false;
    const digest = proposalDigest(this.#proposal);
    const age = nextView - (metadataOf(this.#proposal)?.view ?? nextView) - 1;
    const isEven = nextView % 2 === 0;
    const isLower = this.#other === undefined || digest < this.#other;
    if (age > f && isByDigest(nextView)) {
      const pair = Math.floor(nextView / 2);
      const bit = bitOf(digest, pair) !== (this.#other !== undefined && bitOf(this.#other, pair));
      return (bit === isLower) === isEven;
    }
    if (this.#other !== undefined) return isLower === isEven;
    // Others may have prepared something else at its place in a newer view or an older one, and this one argues against it in
    // every quorum that it is in (surprise 39). The F+1 views after its own always tell of it: as many leaders in a row as may
    // be away must not make what one other has prepared lack its F+1. Turns by a period would have a distance at which two
    // proposals always go together; those by the number of ones in the binary age (the Thue-Morse sequence) have none.
    return onesOf(age - f) % 2 === 1;
  }

  /** Without a proposal (a sync may have cleared it meanwhile) there is nothing to mark; Go panics here (section 15, item 32). */
  markPrepared(): void {
    if (this.#proposal !== undefined) this.#preparedIn = this.#view;
    this.#other = undefined;
  }

  /** Of which view it is, or whose NewView had this replica commit it. */
  get place(): Place | undefined {
    return this.#proposal && { view: this.#view, sequence: this.sequence, digest: proposalDigest(this.#proposal) };
  }

  /** Whether it stands up for it because a NewView has it committed. */
  get isOfChange(): boolean {
    return this.#proposal !== undefined && viewOf(this.#proposal) < this.#view;
  }

  /** Whether it is this one that is in flight, and prepared. */
  isPrepared(proposal: Proposal): boolean {
    return this.prepared && this.#proposal !== undefined && equalProposals(this.#proposal, proposal);
  }

  /**
   * A view is installed, here or at F+1 others that were asked; or F+1 others said in their votes that its NewView has them commit
   * another proposal at this place: whatever was in flight in older ones was committed before it,
   * or could not be decided any more. The library goes on telling of it, and a quorum that needs this replica may find that
   * it argues against all that has been proposed since (docs/protocol.md, surprise 43).
   *
   * Has this replica followed another NewView of that view, of a leader that made two, it may be decided there after all, but
   * then a quorum prepares it there: that it was prepared in an older one is void too, and it is told by turns.
   */
  voidBefore(view: View): void {
    if (!this.#improved) return;
    if (this.#view < view) return this.clear();
    if (this.#view === view) this.#before = undefined;
    if (this.#preparedIn !== undefined && this.#preparedIn < view) this.#preparedIn = undefined;
  }

  clear(): void {
    this.#proposal = undefined;
    this.#preparedIn = undefined;
    this.#other = undefined;
    this.#before = undefined;
    this.#view = toView(0);
  }

  get proposal(): Proposal | undefined {
    return this.#proposal;
  }

  get prepared(): boolean {
    return this.#preparedIn !== undefined;
  }

  /** What a log tells after a restart. */
  get was(): WasInFlight | undefined {
    if (this.#proposal === undefined) return undefined;
    return { proposal: this.#proposal, view: this.#view, preparedIn: this.#preparedIn, before: this.#before };
  }

  /** 0 when nothing is in flight. */
  get sequence(): Sequence {
    return this.#proposal === undefined ? sequence(0) : sequenceOf(this.#proposal);
  }
}

export type InFlightAgreement =
  | { readonly kind: "commit"; readonly proposal: Proposal }
  | { readonly kind: "nothing" }
  /** The leader waits for more data, a follower ignores the NewView. */
  | { readonly kind: "undecided" };

/**
 * Conditions A and B of section 8.8. A proposal that may have been decided somewhere was prepared by a quorum, so among
 * any quorum of ViewData at least F+1 name it; Q entries that do not argue against it make it the one to commit.
 */
export function inFlightAgreement(
  entries: readonly ViewData[],
  { f, q }: { readonly f: number; readonly q: number },
): InFlightAgreement {
  let highest = 0;
  for (const { lastDecision } of entries) {
    if (lastDecision !== undefined) highest = Math.max(highest, sequenceOf(lastDecision));
  }
  const expected = highest + 1;
  const candidates: Proposal[] = [];
  let noneLike = 0;
  for (const { inFlightProposal: proposal, inFlightPrepared } of entries) {
    if (proposal === undefined || sequenceOf(proposal) !== expected || !inFlightPrepared) noneLike++;
    else if (!candidates.some((candidate) => equalProposals(candidate, proposal))) candidates.push(proposal);
  }
  for (const candidate of candidates) {
    let noArgument = 0;
    let prePrepared = 0;
    for (const { inFlightProposal: proposal } of entries) {
      const equal = proposal !== undefined && equalProposals(proposal, candidate);
      if (equal) prePrepared++;
      if (equal || proposal === undefined || sequenceOf(proposal) !== expected) noArgument++;
    }
    if (prePrepared >= f + 1 && noArgument >= q) return { kind: "commit", proposal: candidate };
  }
  return noneLike >= q ? { kind: "nothing" } : { kind: "undecided" };
}

export function equalProposals(left: Proposal, right: Proposal): boolean {
  return (
    left.verificationSequence === right.verificationSequence &&
    equalBytes(left.metadata, right.metadata) &&
    equalBytes(left.header, right.header) &&
    equalBytes(left.payload, right.payload)
  );
}

/**
 * Some pairs of views, at most two pairs one after the other; without a period, so that the same members do not lead them
 * all.
 */
const isByDigest = (view: View): boolean => onesOf(Math.floor(view / 2)) % 3 === 2;

/** Of the hexadecimal digest, one for each pair of views; when all are used, their opposites. */
function bitOf(digest: string, index: number): boolean {
  const bits = 4 * digest.length;
  const place = index % bits;
  const bit = (Number.parseInt(digest.charAt(Math.floor(place / 4)), 16) >> (place % 4)) % 2 === 1;
  return bit === (Math.floor(index / bits) % 2 === 0);
}

/** Ones in the binary form of a whole number; none in a negative one. */
function onesOf(value: number): number {
  let count = 0;
  for (let rest = value; rest >= 1; rest = Math.floor(rest / 2)) count += rest % 2;
  return count;
}

const viewOf = (proposal: Proposal): View => metadataOf(proposal)?.view ?? toView(0);
const sequenceOf = (proposal: Proposal): Sequence => metadataOf(proposal)?.sequence ?? sequence(0);
