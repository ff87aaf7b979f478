// ViewData: what a replica brings into a view change (reference section 8.5), and how another judges it against its own
// checkpoint (the common part of sections 8.6 and 8.9). Pure.
import { sequence as toSequence, type NodeId, type Sequence, type View } from "../base/index.js";
import { metadataOf, type Checkpoint } from "./checkpoint.js";
import type { Application, Decision, Proposal, VerifyItem } from "./contract.js";
import { equalProposals, type InFlight } from "./in-flight.js";
import { decodeViewData } from "./wire/decode.js";
import type { ViewData } from "./wire/message.js";

/** `committedInChange`: the last decision that was delivered because ViewData or a NewView brought it. */
export function ownViewData(
  nextView: View,
  checkpoint: Checkpoint,
  inFlight: InFlight,
  committedInChange: Proposal | undefined,
  members: { readonly f: number },
): ViewData {
  return {
    nextView,
    lastDecision: checkpoint.decision?.proposal ?? genesisProposal,
    lastDecisionSignatures: checkpoint.decision?.signatures ?? [],
    inFlightProposal: offeredInFlight(checkpoint, inFlight.told(nextView, members), committedInChange),
    // Sent as stored even when the proposal is left out (section 8.5).
    inFlightPrepared: inFlight.prepared,
  };
}

const genesisProposal: Proposal = {
  header: new Uint8Array(0),
  payload: new Uint8Array(0),
  metadata: new Uint8Array(0),
  verificationSequence: 0,
};

function offeredInFlight(
  checkpoint: Checkpoint,
  proposal: Proposal | undefined,
  committedInChange: Proposal | undefined,
): Proposal | undefined {
  const last = checkpoint.decision?.proposal;
  if (proposal === undefined || last === undefined) return proposal;
  const behind = checkpoint.sequence - (metadataOf(proposal)?.sequence ?? 0);
  if (behind === 0) return undefined;
  if (behind === 1 && committedInChange !== undefined && equalProposals(committedInChange, last)) return undefined;
  // Anything older is refused by every receiver; the library stops here with a panic.
  return behind > 0 ? undefined : proposal;
}

/** Where the last decision of some ViewData stands: its sequence m against ours, k. */
export type Standing =
  | { readonly kind: "refused"; readonly reason: string }
  | {
      readonly kind: "genesis" | "behind" | "same" | "ahead";
      readonly data: ViewData;
      readonly sequence: Sequence;
    }
  | { readonly kind: "next"; readonly data: ViewData; readonly sequence: Sequence; readonly decision: Decision };

/** The checks that need no signature and hold for ViewData alone and inside a NewView. */
export function standing(raw: Uint8Array, nextView: View, checkpoint: Checkpoint): Standing {
  const decoded = decodeViewData(raw);
  if (decoded.kind === "bad") return refused(`undecodable: ${decoded.reason}`);
  const data = decoded.value;
  if (data.nextView !== nextView) return refused(`next view ${data.nextView}, expected ${nextView}`);
  const { lastDecision } = data;
  if (lastDecision === undefined) return refused("no last decision");
  if (lastDecision.metadata.length === 0) return { kind: "genesis", data, sequence: toSequence(0) };
  const metadata = metadataOf(lastDecision);
  if (metadata === undefined) return refused("undecodable metadata of the last decision");
  if (metadata.view >= nextView) return refused(`last decision of view ${metadata.view}, next view ${nextView}`);
  const { sequence } = metadata;
  if (sequence > checkpoint.sequence + 1) return { kind: "ahead", data, sequence };
  if (sequence < checkpoint.sequence) return { kind: "behind", data, sequence };
  if (sequence === checkpoint.sequence) {
    const own = checkpoint.decision?.proposal;
    if (own !== undefined && !equalProposals(own, lastDecision)) return refused("another last decision");
    return { kind: "same", data, sequence };
  }
  const decision = { proposal: lastDecision, signatures: data.lastDecisionSignatures };
  return { kind: "next", data, sequence, decision };
}

const refused = (reason: string): Standing => ({ kind: "refused", reason });

/** Why the in-flight proposal cannot follow the last decision; undefined when it can, or is absent. */
export function inFlightProblem(proposal: Proposal | undefined, expected: number): string | undefined {
  if (proposal === undefined) return undefined;
  const metadata = metadataOf(proposal);
  if (metadata === undefined) return "in-flight proposal without readable metadata";
  if (metadata.sequence !== expected)
    return `in-flight proposal of sequence ${metadata.sequence}, expected ${expected}`;
  return undefined;
}

/**
 * What must verify before a decision that is one ahead is delivered: one signature of each distinct signer. A reason
 * when fewer than a quorum are there. `members` is the node list: others do not count.
 */
export function decisionItems(
  application: Application,
  { proposal, signatures }: Decision,
  { q, members }: { readonly q: number; readonly members: readonly NodeId[] },
):
  | { readonly kind: "good"; readonly items: readonly (VerifyItem | undefined)[] }
  | { readonly kind: "bad"; readonly reason: string } {
  if (signatures.length < q)
    return { kind: "bad", reason: `${signatures.length} signatures on the last decision, need ${q}` };
  const seen = new Set<NodeId>();
  const items: (VerifyItem | undefined)[] = [];
  for (const signature of signatures) {
    if (seen.has(signature.signer) || !members.includes(signature.signer)) continue;
    seen.add(signature.signer);
    items.push(application.commitSignatureItem(signature, proposal));
  }
  if (items.length < q)
    return { kind: "bad", reason: `${items.length} distinct signers on the last decision, need ${q}` };
  return { kind: "good", items };
}
