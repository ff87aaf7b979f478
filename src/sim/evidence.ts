// What messages on the simulated wire prove about their signers, for checks: signatures are verified here, as the host
// would, so that what is left are statements nobody can deny.
//
// A commit signature covers the digest of a proposal. View and sequence stand beside it in the message, and whoever sends
// it on may write others there: the place is what the proposal says that the digest is of. So the proposal belongs to the
// proof, and a Commit for one that nobody has shown proves nothing. None is missed: what an honest node signs came to it as
// a message before, in a pre-prepare or in ViewData, or, where it made it itself, to an honest one of the Q-1 > F others
// that have prepared it.
import { toHex, sha256, type NodeId } from "../base/index.js";
import type { SignedStatement } from "../checks/index.js";
import {
  decodeViewData,
  decodedMetadata,
  proposalDigest,
  type Message,
  type Proposal,
  type SignedViewData,
} from "../smartbft/index.js";
import { keyOf, signedBytes, tinyVerification } from "./tiny-application.js";

interface Place {
  readonly view: number;
  readonly sequence: number;
}

/** Feed it every message, in the order in which they were sent or arrived. */
export class Evidence {
  /** Where each proposal stands that was shown, by its digest. */
  readonly #places = new Map<string, Place>();

  /** Commits and ViewData that verify, those inside a NewView too; empty for other messages. */
  statementsIn(message: Message): readonly SignedStatement[] {
    switch (message.kind) {
      case "PrePrepare":
        this.#show(message.proposal);
        return [];
      case "ViewData":
        return this.#viewData(message);
      case "NewView":
        return message.entries.flatMap((entry) => this.#viewData(entry));
      case "Commit": {
        if (message.signature === undefined) return [];
        const { signer, value, message: auxiliary } = message.signature;
        // In another spelling it is no proposal's digest.
        const place = this.#places.get(message.digest);
        if (place === undefined || !verifies(signer, signedBytes(message.digest, auxiliary), value)) return [];
        return [{ what: "commit", signer, ...place, says: message.digest }];
      }
      default:
        return [];
    }
  }

  #viewData({ raw, signer, signature }: SignedViewData): readonly SignedStatement[] {
    const data = decodeViewData(raw);
    if (data.kind === "bad") return [];
    this.#show(data.value.inFlightProposal);
    this.#show(data.value.lastDecision);
    if (!verifies(signer, raw, signature)) return [];
    return [{ what: "view-data", signer, view: data.value.nextView, sequence: 0, says: toHex(sha256(raw)) }];
  }

  #show(proposal: Proposal | undefined): void {
    if (proposal === undefined) return;
    const metadata = decodedMetadata(proposal);
    if (metadata.kind === "bad") return;
    const { view, sequence } = metadata.value;
    this.#places.set(proposalDigest(proposal), { view, sequence });
  }
}

const verifies = (signer: NodeId, message: Uint8Array, signature: Uint8Array): boolean =>
  tinyVerification({ key: keyOf(signer), message, signature });
