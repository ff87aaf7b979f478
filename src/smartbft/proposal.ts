// Checks of a proposal that are the protocol's, not the application's (reference section 5.5, steps 2 to 7). What a
// proposal says of the decision before it, steps 8 and 9, is blacklist.ts.
import type { Application, Proposal, VerifyItem } from "./contract.js";
import { decodedMetadata, type Checkpoint } from "./checkpoint.js";
import { decodePreparesFrom } from "./wire/decode.js";
import type { PrePrepare, ViewMetadata } from "./wire/message.js";

/** The metadata, or why it or the verification sequence is not what this replica expects. */
export function checkedMetadata(
  proposal: Proposal,
  expected: { readonly view: number; readonly sequence: number; readonly decisions: number },
  verificationSequence: number,
): ViewMetadata | string {
  const decoded = decodedMetadata(proposal);
  if (decoded.kind === "bad") return `undecodable metadata: ${decoded.reason}`;
  const metadata = decoded.value;
  for (const name of ["view", "sequence", "decisions"] as const) {
    if (metadata[name] !== expected[name]) return `expected ${name} ${expected[name]}, got ${metadata[name]}`;
  }
  if (proposal.verificationSequence !== verificationSequence) {
    return `expected verification sequence ${verificationSequence}, got ${proposal.verificationSequence}`;
  }
  return metadata;
}

/** Previous-commit signatures are checked only under an unchanged verification sequence (step 7). */
export function previousSignatureItems(
  application: Application,
  checkpoint: Checkpoint,
  message: PrePrepare,
): readonly (VerifyItem | undefined)[] {
  const previous = checkpoint.decision?.proposal;
  if (previous === undefined || previous.verificationSequence !== application.verificationSequence()) return [];
  return message.previousSignatures.map((signature) =>
    decodePreparesFrom(application.auxiliary(signature.message)).kind === "good"
      ? application.commitSignatureItem(signature, previous)
      : undefined,
  );
}
