// Is this block the next one of the chain, and did a quorum sign it? Peers and catching-up orderers ask it of every block
// (fabric-wire.md sections 6 and 8). The answer comes in two halves, because checking a signature is the host's work:
// `verifyBlock` refuses at once or names the signatures to check; `judge` turns their results into the verdict.
import { emptyBytes, equalBytes, quorumSize, type NodeId } from "../base/index.js";
import type { VerifyItem } from "../smartbft/index.js";
import {
  dataHash,
  decodeIdentifierHeader,
  decodeSignatureSlot,
  headerDer,
  signaturesSlot,
  signedBytes,
  slotCount,
  slotsWith,
  type Block,
  type BlockSignature,
  type Head,
} from "./block.js";
import { decodeEnvelope } from "./envelope.js";
import { isLowS } from "./signature.js";

/** A consenter's identity and key; `Consenter` of the node configuration is one. */
export interface ConsenterKey {
  readonly id: NodeId;
  readonly publicKey: string;
}

/** Signatures to check; `signers[i]` made `items[i]`, which checks `entries[i]` of slot 0. */
export interface BlockSignatures {
  readonly kind: "checkable";
  readonly items: readonly VerifyItem[];
  readonly signers: readonly NodeId[];
  readonly entries: readonly BlockSignature[];
  /** What all of them cover besides the header: the encoded OrdererBlockMetadata. */
  readonly value: Uint8Array;
  /** Distinct signers with a good signature that the block needs. */
  readonly quorum: number;
}

export interface Refused {
  readonly kind: "refused";
  readonly reason: string;
}

export type Verdict = { readonly kind: "good" } | Refused;

/**
 * Everything but the signatures, in Fabric's order: number, previous hash, five slots, data hash, well-formed entries.
 * `previous` is the head the block must extend; undefined where it is not known (a header from the middle of a chain).
 */
export function verifyBlock(
  block: Block,
  consenters: readonly ConsenterKey[],
  previous: Head | undefined,
): BlockSignatures | Refused {
  if (previous !== undefined) {
    if (block.header.number !== previous.number + 1) {
      return refused(`Block ${block.header.number} where ${previous.number + 1} is next`);
    }
    if (!equalBytes(block.header.previousHash, previous.hash)) {
      return refused(`Block ${block.header.number} does not name the hash of block ${previous.number}`);
    }
  }
  if (block.metadata.length < slotCount) return refused(`Block has ${block.metadata.length} metadata slots, not 5`);
  if (!hasItsData(block)) return refused(`Data of block ${block.header.number} does not have the hash in its header`);
  // The data hash does not see where one entry ends and the next begins: a source could cut them anew, and hash and
  // signatures would still be right. A whole envelope in its canonical encoding can be cut in one way only.
  for (const [index, entry] of block.data.entries()) {
    const envelope = decodeEnvelope(entry);
    if (envelope.kind === "bad") return refused(`Entry ${index} of block ${block.header.number}: ${envelope.reason}`);
  }
  return blockSignatures(block, consenters);
}

/** The same for a header that came without its data: chain and data hash cannot be checked, the signatures can. */
export function verifyHeader(block: Block, consenters: readonly ConsenterKey[]): BlockSignatures | Refused {
  if (block.metadata.length < slotCount) return refused(`Header has ${block.metadata.length} metadata slots, not 5`);
  return blockSignatures(block, consenters);
}

/** Whether the data has the hash that the header names. */
export const hasItsData = (block: Block): boolean => equalBytes(dataHash(block.data), block.header.dataHash);

/**
 * The signatures of slot 0 as items. Unknown consenters are skipped, as Fabric does; a signature that is not low-s could
 * not verify and is skipped too. More entries than consenters are refused: no orderer stores more than a quorum, and a
 * hostile source could otherwise buy any amount of checking with one block.
 */
export function blockSignatures(block: Block, consenters: readonly ConsenterKey[]): BlockSignatures | Refused {
  const slot = decodeSignatureSlot(block.metadata[signaturesSlot] ?? emptyBytes);
  if (slot.kind === "bad") return refused(slot.reason);
  const { value, signatures } = slot.value;
  if (signatures.length > consenters.length) {
    return refused(`Block has ${signatures.length} signatures of ${consenters.length} consenters`);
  }
  const keys = new Map<number, ConsenterKey>(consenters.map((consenter) => [consenter.id, consenter]));
  const header = headerDer(block.header);
  const items: VerifyItem[] = [];
  const signers: NodeId[] = [];
  const entries: BlockSignature[] = [];
  for (const { identifierHeader, signature } of signatures) {
    const identifier = decodeIdentifierHeader(identifierHeader);
    const consenter = identifier.kind === "good" ? keys.get(identifier.value.identifier) : undefined;
    if (consenter === undefined || !isLowS(signature)) continue;
    items.push({ key: consenter.publicKey, message: signedBytes(value, identifierHeader, header), signature });
    signers.push(consenter.id);
    entries.push({ identifierHeader, signature });
  }
  const quorum = quorumSize(consenters.length);
  // Told before anything is checked: no outcome of the checks could make a quorum of these.
  const distinct = new Set(signers).size;
  if (distinct < quorum) return refused(notEnough(block, distinct, quorum));
  return { kind: "checkable", items, signers, entries, value, quorum };
}

/** The verdict, from the results of `items` in their order: distinct signers with a good signature make the quorum. */
export function judge(block: Block, checkable: BlockSignatures, results: readonly boolean[]): Verdict {
  const good = new Set(checkable.signers.filter((_, index) => results[index] === true));
  if (good.size < checkable.quorum) return refused(notEnough(block, good.size, checkable.quorum));
  return { kind: "good" };
}

/**
 * The block with nothing in its metadata but what was checked: the good signatures in their order, one a signer, and
 * empty slots. The rest is not covered by any signature, and a replica would hand a bad signature on as part of its last
 * decision. A block as an orderer stores it is unchanged.
 */
export function checkedBlock(
  block: Block,
  { entries, signers, value }: BlockSignatures,
  results: readonly boolean[],
): Block {
  const seen = new Set<NodeId>();
  const signatures = entries.filter((_, index) => {
    const signer = signers[index];
    if (results[index] !== true || signer === undefined || seen.has(signer)) return false;
    seen.add(signer);
    return true;
  });
  return { ...block, metadata: slotsWith({ value, signatures }) };
}

const notEnough = (block: Block, count: number, quorum: number): string =>
  `Block ${block.header.number} has ${count} good signatures of distinct consenters, not ${quorum}`;

const refused = (reason: string): Refused => ({ kind: "refused", reason });
