// The blacklist (reference section 5.7), only with rotation on: leaders that a view change skipped, oldest first, never
// more than F. It travels in each proposal's metadata; followers compute it again and refuse another one. It takes effect
// when that proposal is delivered.
//
// Kept with its surprises: the skipped leaders of all views in between are computed with the last decision's counter,
// though all but the first of them led with counter 0 (section 15, item 15), and one node may stand there twice.
import { emptyBytes, equalBytes, faultsTolerated, type NodeId, type View } from "../base/index.js";
import { emptyMetadata, type Checkpoint } from "./checkpoint.js";
import type { Application, Signature } from "./contract.js";
import { leaderOf, type RotationOptions } from "./leader.js";
import type { ProtocolOptions } from "./options.js";
import { decodePreparesFrom } from "./wire/decode.js";
import { previousSignaturesDigest } from "./wire/digest.js";
import type { PrePrepare, ViewMetadata } from "./wire/message.js";

export interface BlacklistUpdate {
  readonly options: RotationOptions;
  /** Of the proposal that is being made. */
  readonly view: View;
  readonly leader: NodeId;
  readonly previous: ViewMetadata;
  /** By signer of the previous decision: whom it saw send a Prepare. */
  readonly seenPreparing: ReadonlyMap<NodeId, readonly NodeId[]>;
  /** The verification sequence or the membership changed: the list stays. */
  readonly reconfigured: boolean;
}

export function updatedBlacklist(update: BlacklistUpdate): readonly NodeId[] {
  const { options, view, previous, reconfigured } = update;
  if (reconfigured) return previous.blacklist;
  const list = previous.view === view ? redeemed(update) : [...previous.blacklist, ...skippedLeaders(update)];
  const f = faultsTolerated(options.nodes.length);
  return list.length > f ? list.slice(list.length - f) : list;
}

function skippedLeaders({ options, view, leader, previous }: BlacklistUpdate): readonly NodeId[] {
  const decisions = previous.decisions + (previous.sequence === 0 ? 0 : 1);
  const skipped: NodeId[] = [];
  // A view lies at most as far ahead as views were changed, but metadata comes from others: bound the walk.
  for (let skippedView = Math.max(previous.view, view - walkMax); skippedView < view; skippedView++) {
    const skippedLeader = leaderOf(options, { view: skippedView as View, decisions }, previous.blacklist); // between two views
    if (skippedLeader !== leader) skipped.push(skippedLeader);
  }
  return skipped;
}

/** More entries than any list keeps: only the newest F count. Members rotate, so a round of them holds all leaders. */
const walkMax = 10_000;

/** Whoever left the cluster goes, and whoever more than F signers saw preparing. */
function redeemed({ options, previous, seenPreparing }: BlacklistUpdate): readonly NodeId[] {
  const f = faultsTolerated(options.nodes.length);
  return previous.blacklist.filter((id) => {
    if (!options.nodes.includes(id)) return false;
    let witnesses = 0;
    for (const seen of seenPreparing.values()) if (seen.includes(id)) witnesses++;
    return witnesses <= f;
  });
}

/** What the auxiliary data of commit signatures tells; one that tells nothing readable counts for nothing. */
export function seenPreparing(
  application: Application,
  signatures: readonly Signature[],
): ReadonlyMap<NodeId, readonly NodeId[]> {
  const seen = new Map<NodeId, readonly NodeId[]>();
  for (const { signer, message } of signatures) {
    const decoded = decodePreparesFrom(application.auxiliary(message));
    if (decoded.kind === "good") seen.set(signer, decoded.value);
  }
  return seen;
}

export interface Proposer {
  readonly options: RotationOptions & Pick<ProtocolOptions, "fidelity">;
  readonly application: Application;
  readonly checkpoint: Checkpoint;
  readonly view: View;
  readonly leader: NodeId;
}

/**
 * What a proposal's metadata binds of the previous decision; nothing with rotation off. The library then still carries the
 * list over a change of the verification sequence, and every follower refuses it (section 15, item 27).
 */
export function bindings(
  proposer: Proposer,
  signatures: readonly Signature[],
): Pick<ViewMetadata, "blacklist" | "previousSignatureDigest"> {
  const { options, application, checkpoint, view, leader } = proposer;
  if (options.decisionsPerLeader === 0) {
    const carried = options.fidelity === "library" && reconfigured(application, checkpoint);
    return { blacklist: carried ? checkpoint.blacklist : [], previousSignatureDigest: emptyBytes };
  }
  const blacklist = updatedBlacklist({
    options,
    view,
    leader,
    previous: checkpoint.metadata ?? emptyMetadata,
    seenPreparing: seenPreparing(application, signatures),
    reconfigured: reconfigured(application, checkpoint),
  });
  return { blacklist, previousSignatureDigest: previousSignaturesDigest(signatures) ?? emptyBytes };
}

function reconfigured(application: Application, checkpoint: Checkpoint): boolean {
  const previous = checkpoint.decision?.proposal.verificationSequence ?? 0;
  return previous !== application.verificationSequence() || application.membershipChange?.() === true;
}

/** Why a follower refuses the blacklist or the previous signatures of a proposal (section 5.5, steps 8 and 9). */
export function bindingProblem(
  follower: Proposer & { readonly blacklistingSeen: boolean },
  { previousSignatures }: PrePrepare,
  metadata: ViewMetadata,
): string | undefined {
  const { options, application, checkpoint, blacklistingSeen } = follower;
  if (options.decisionsPerLeader === 0) {
    return metadata.blacklist.length > 0 ? "blacklist is not empty while rotation is off" : undefined;
  }
  const own = checkpoint.decision?.signatures.length ?? 0;
  if (!reconfigured(application, checkpoint) && blacklistingSeen && previousSignatures.length < own) {
    return `only ${previousSignatures.length} of ${own} required previous commits`;
  }
  const expected = bindings(follower, previousSignatures);
  if (expected.blacklist.join() !== metadata.blacklist.join()) {
    return `expected blacklist [${expected.blacklist.join()}], got [${metadata.blacklist.join()}]`;
  }
  return equalBytes(expected.previousSignatureDigest, metadata.previousSignatureDigest)
    ? undefined
    : "another digest of previous commits";
}

/** More than F of the own checkpoint's signatures carry auxiliary data: never in Fabric (section 15, item 16). */
export function blacklistingSupported(application: Application, { decision }: Checkpoint, f: number): boolean {
  const carrying = (decision?.signatures ?? []).filter(({ message }) => application.auxiliary(message).length > 0);
  return carrying.length > f;
}
