// What this replica knows to be decided, and what it tells others of its progress.
import { emptyBytes, sequence, view, type NodeId, type Sequence, type View } from "../base/index.js";
import type { Decision, Proposal, Signature } from "./contract.js";
import { decodeViewMetadata } from "./wire/decode.js";
import type { Decoded, ViewMetadata } from "./wire/message.js";

/** The last delivered decision (the library's checkpoint); undefined at genesis. */
export class Checkpoint {
  #decision: Decision | undefined;
  #metadata: ViewMetadata | undefined;

  constructor(decision: Decision | undefined) {
    if (decision !== undefined) this.set(decision);
  }

  /** The caller knows the metadata to decode: it was examined when the decision was made, or comes from the ledger. */
  set(decision: Decision): void {
    this.#decision = decision;
    this.#metadata = metadataOf(decision.proposal);
  }

  get decision(): Decision | undefined {
    return this.#decision;
  }

  /** Undefined at genesis. */
  get metadata(): ViewMetadata | undefined {
    return this.#metadata;
  }

  get signatures(): readonly Signature[] {
    return this.#decision?.signatures ?? [];
  }

  /** In force for whoever computes a leader now. */
  get blacklist(): readonly NodeId[] {
    return this.#metadata?.blacklist ?? [];
  }

  get sequence(): Sequence {
    return this.#metadata?.sequence ?? sequence(0);
  }

  get view(): View {
    return this.#metadata?.view ?? view(0);
  }

  get decisions(): number {
    return this.#metadata?.decisions ?? 0;
  }
}

/** What stands for the metadata of the decision before the first. */
export const emptyMetadata: ViewMetadata = {
  view: view(0),
  sequence: sequence(0),
  decisions: 0,
  blacklist: [],
  previousSignatureDigest: emptyBytes,
};

/** Metadata of a proposal; undefined at genesis (zero length means absent, section 1.2) and when it does not decode. */
export function metadataOf(proposal: Proposal): ViewMetadata | undefined {
  if (proposal.metadata.length === 0) return undefined;
  const decoded = decodedMetadata(proposal);
  return decoded.kind === "good" ? decoded.value : undefined;
}

/** Proposals never change, and each is asked for its metadata in every phase. */
const known = new WeakMap<Proposal, Decoded<ViewMetadata>>();

export function decodedMetadata(proposal: Proposal): Decoded<ViewMetadata> {
  let decoded = known.get(proposal);
  if (decoded === undefined) known.set(proposal, (decoded = decodeViewMetadata(proposal.metadata)));
  return decoded;
}

/**
 * "ViewSequences" (section 7.3): read by heartbeats and state transfer. Last delivered + 1 right after a View starts, the
 * decided number itself after its first decision: state transfer depends on this quirk.
 */
export interface Published {
  active: boolean;
  sequence: Sequence;
}
