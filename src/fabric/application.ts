// Fabric's side of the consensus contract: blocks are assembled and examined, commit signatures made and taken apart
// (smartbft.md sections 2, 5.5 and Appendix A; fabric-wire.md section 9). Pure: a signer and a source of nonces are
// ports; checking signatures is left to the host as items. The host calls `advance` for every block it stores, be it
// from a decision or from a sync, before it answers `delivered` or `synchronised`.
import { assert, emptyBytes, equalBytes, type NodeId } from "../base/index.js";
import type { Application, Examination, Proposal, RequestInfo, Signature, VerifyItem } from "../smartbft/index.js";
import {
  dataHash,
  decodeIdentifierHeader,
  encodeIdentifierHeader,
  headOf,
  signedBytes,
  type Block,
  type Head,
} from "./block.js";
import type { ConsenterKey } from "./block-verification.js";
import {
  configSequence,
  decodeSignatureMessage,
  encodeSignatureMessage,
  openProposal,
  ordererMetadataFor,
  proposalFor,
} from "./decision.js";
import { examineEnvelope, normalised, requestIdentity, type Members } from "./envelope.js";
import { isLowS } from "./signature.js";

export interface OrdererApplicationOptions {
  readonly id: NodeId;
  readonly consenters: readonly ConsenterKey[];
  readonly members: Members;
  /** Last block of the ledger: genesis at least. */
  readonly head: Head;
  /** DER signature by this orderer's key over SHA-256 of the bytes; s may be in either half. */
  readonly sign: (bytes: Uint8Array) => Uint8Array;
  /** 24 fresh bytes for an identifier header. */
  readonly nonce: () => Uint8Array;
}

export class OrdererApplication implements Application {
  readonly #options: OrdererApplicationOptions;
  readonly #keys: ReadonlyMap<number, string>;
  #head: Head;

  constructor(options: OrdererApplicationOptions) {
    this.#options = options;
    this.#keys = new Map(options.consenters.map(({ id, publicKey }) => [id, publicKey]));
    this.#head = options.head;
  }

  get head(): Head {
    return this.#head;
  }

  /** The ledger now ends in this block; asserts that it follows the head, because the caller has verified that. */
  advance(block: Block): void {
    assert(block.header.number === this.#head.number + 1, `Block ${block.header.number} after ${this.#head.number}`);
    assert(equalBytes(block.header.previousHash, this.#head.hash), `Block ${block.header.number} is of another chain`);
    this.#head = headOf(block);
  }

  requestInfo(request: Uint8Array): RequestInfo | undefined {
    return requestIdentity(request);
  }

  requestItems(request: Uint8Array): readonly VerifyItem[] | undefined {
    const examined = examineEnvelope(request, this.#options.members);
    return examined.kind === "good" ? [examined.item] : undefined;
  }

  assemble(metadata: Uint8Array, requests: readonly Uint8Array[]): Proposal {
    const header = { number: this.#head.number + 1, previousHash: this.#head.hash, dataHash: dataHash(requests) };
    return proposalFor(header, requests, metadata);
  }

  /**
   * A request that was committed before is no reason to refuse: after a view change the library proposes the requests of
   * the in-flight decision once more (section 15, item 1), and refusing would end every new leader's first proposal.
   * Peers mark it. The same request twice within one block has no such excuse.
   */
  examine(proposal: Proposal): Examination {
    const opened = openProposal(proposal);
    if (opened.kind === "bad") return refused(opened.reason);
    const { header, data } = opened.value;
    if (proposal.verificationSequence !== configSequence) {
      return refused(`verification sequence ${proposal.verificationSequence}, expected ${configSequence}`);
    }
    if (header.number !== this.#head.number + 1) {
      return refused(`block ${header.number}, expected ${this.#head.number + 1}`);
    }
    if (!equalBytes(header.previousHash, this.#head.hash)) return refused("previous hash is not the last block's");
    if (data.length === 0) return refused("no requests");
    if (!equalBytes(header.dataHash, dataHash(data))) return refused("data hash is not the data's");
    return this.#examineRequests(data);
  }

  #examineRequests(data: readonly Uint8Array[]): Examination {
    const requests: RequestInfo[] = [];
    const items: VerifyItem[] = [];
    const seen = new Set<string>();
    for (const [index, bytes] of data.entries()) {
      const examined = examineEnvelope(bytes, this.#options.members);
      if (examined.kind === "bad") return refused(`request ${index}: ${examined.reason}`);
      if (seen.has(examined.transactionId)) return refused(`request ${index}: twice in one block`);
      seen.add(examined.transactionId);
      requests.push({ clientId: examined.clientId, requestId: examined.transactionId });
      items.push(examined.item);
    }
    identified.set(data, requests);
    return { kind: "acceptable", requests, items };
  }

  requestsOf(proposal: Proposal): readonly RequestInfo[] {
    const opened = openProposal(proposal);
    return opened.kind === "good" ? requestsIn(opened.value.data) : [];
  }

  /** Auxiliary data is dropped, as Fabric drops it (section 15, item 16). */
  signProposal(proposal: Proposal): Signature {
    const { id, nonce } = this.#options;
    const identifierHeader = encodeIdentifierHeader({ identifier: id, nonce: nonce() });
    const ordererMetadata = ordererMetadataFor(proposal.metadata);
    const value = this.sign(signedBytes(ordererMetadata, identifierHeader, proposal.header));
    const message = encodeSignatureMessage({ identifierHeader, header: proposal.header, ordererMetadata });
    return { signer: id, value, message };
  }

  sign(bytes: Uint8Array): Uint8Array {
    return normalised(this.#options.sign(bytes));
  }

  commitSignatureItem(signature: Signature, proposal: Proposal): VerifyItem | undefined {
    const key = this.#keys.get(signature.signer);
    const parts = decodeSignatureMessage(signature.message);
    if (key === undefined || parts.kind === "bad" || !isLowS(signature.value)) return undefined;
    const { identifierHeader, header, ordererMetadata } = parts.value;
    const identifier = decodeIdentifierHeader(identifierHeader);
    if (identifier.kind === "bad" || identifier.value.identifier !== signature.signer) return undefined;
    if (!equalBytes(header, proposal.header)) return undefined;
    if (!equalBytes(ordererMetadata, ordererMetadataFor(proposal.metadata))) return undefined;
    return { key, message: signedBytes(ordererMetadata, identifierHeader, header), signature: signature.value };
  }

  signatureItem(signer: NodeId, signature: Uint8Array, bytes: Uint8Array): VerifyItem | undefined {
    const key = this.#keys.get(signer);
    return key === undefined || !isLowS(signature) ? undefined : { key, message: bytes, signature };
  }

  auxiliary(): Uint8Array {
    return emptyBytes;
  }

  verificationSequence(): number {
    return configSequence;
  }
}

/** Of data that was examined: the same list is stored and told of. */
const identified = new WeakMap<readonly Uint8Array[], readonly RequestInfo[]>();

/** Identities of a block's transactions, in order; entries that are none (genesis) are left out. */
export function requestsIn(data: readonly Uint8Array[]): readonly RequestInfo[] {
  return identified.get(data) ?? data.map(requestIdentity).filter((info) => info !== undefined);
}

const refused = (reason: string): Examination => ({ kind: "refused", reason });
