// A proposal of the consensus as Fabric's block, and a stored block as the decision it came from (smartbft.md Appendix A).
// Both directions are exact: after a sync a replica compares the last decision field by field with what others hold, so
// nothing may be lost on the way through the ledger (sections 9 and 17).
import { emptyBytes, equalBytes, nodeId, present } from "../base/index.js";
import type { Decision, Proposal, Signature } from "../smartbft/index.js";
import {
  decodeBlockData,
  decodeHeaderDer,
  decodeIdentifierHeader,
  decodeOrdererMetadata,
  decodeSignatureSlot,
  encodeBlockData,
  encodeBlockMetadata,
  encodeOrdererMetadata,
  headerDer,
  signaturesSlot,
  slotsWith,
  type Block,
  type BlockHeader,
  type BlockSignature,
  type SignatureSlot,
} from "./block.js";
import { DerReader, derOctets, derSequence } from "./der.js";
import { decoded, type Decoded } from "./protobuf.js";

/** Number of the last config block: genesis, until reconfiguration exists. */
const lastConfig = 0;
/** Sequence of the channel's configuration. */
export const configSequence = 0;

export const ordererMetadataFor = (viewMetadata: Uint8Array): Uint8Array =>
  encodeOrdererMetadata({ lastConfig, consenterMetadata: viewMetadata });

const metadataFor = (viewMetadata: Uint8Array): Uint8Array =>
  encodeBlockMetadata(slotsWith({ value: ordererMetadataFor(viewMetadata), signatures: [] }));

/** The proposal of a block: header DER, payload DER SEQUENCE{block data, block metadata}, metadata as given. */
export const proposalFor = (header: BlockHeader, data: readonly Uint8Array[], viewMetadata: Uint8Array): Proposal => ({
  header: headerDer(header),
  payload: derSequence(derOctets(encodeBlockData(data)), derOctets(metadataFor(viewMetadata))),
  metadata: viewMetadata,
  verificationSequence: configSequence,
});

type Opened = Decoded<{ readonly header: BlockHeader; readonly data: readonly Uint8Array[] }>;

/** A proposal is opened to be examined and again to be stored; it never changes in between. */
const openedBefore = new WeakMap<Proposal, Opened>();

/** Header and data of a proposal whose every byte is as `proposalFor` would have written it. */
export function openProposal(proposal: Proposal): Opened {
  const before = openedBefore.get(proposal);
  if (before !== undefined) return before;
  const opened = opening(proposal);
  openedBefore.set(proposal, opened);
  return opened;
}

function opening(proposal: Proposal): Opened {
  const header = decodeHeaderDer(proposal.header);
  if (header.kind === "bad") return header;
  const payload = decoded("proposal payload", () => {
    const reader = new DerReader(proposal.payload);
    const inner = reader.sequence();
    const parts = { data: inner.octets(), metadata: inner.octets() };
    inner.end();
    reader.end();
    return parts;
  });
  if (payload.kind === "bad") return payload;
  const data = decodeBlockData(payload.value.data);
  if (data.kind === "bad") return data;
  if (!equalBytes(encodeBlockData(data.value), payload.value.data)) {
    return { kind: "bad", reason: "block data: not its canonical encoding" };
  }
  if (!equalBytes(metadataFor(proposal.metadata), payload.value.metadata)) {
    return { kind: "bad", reason: "block metadata: does not carry the proposal's metadata" };
  }
  return { kind: "good", value: { header: header.value, data: data.value } };
}

/** Parts of a commit signature's message: DER SEQUENCE{identifier header, block header, orderer metadata}. */
export interface SignatureMessage {
  readonly identifierHeader: Uint8Array;
  readonly header: Uint8Array;
  readonly ordererMetadata: Uint8Array;
}

export const encodeSignatureMessage = (message: SignatureMessage): Uint8Array =>
  derSequence(derOctets(message.identifierHeader), derOctets(message.header), derOctets(message.ordererMetadata));

export function decodeSignatureMessage(bytes: Uint8Array): Decoded<SignatureMessage> {
  return decoded("signature message", () => {
    const reader = new DerReader(bytes);
    const inner = reader.sequence();
    const message = {
      identifierHeader: inner.octets(),
      header: inner.octets(),
      ordererMetadata: inner.octets(),
    };
    inner.end();
    reader.end();
    return message;
  });
}

/** The block to store for a decision: signatures in slot 0, in the decision's order. Bad for a foreign proposal only. */
export function blockFrom({ proposal, signatures }: Decision): Decoded<Block> {
  const opened = openProposal(proposal);
  if (opened.kind === "bad") return opened;
  const entries: BlockSignature[] = [];
  for (const { value, message } of signatures) {
    const parts = decodeSignatureMessage(message);
    if (parts.kind === "bad") return parts;
    entries.push({ identifierHeader: parts.value.identifierHeader, signature: value });
  }
  const metadata = slotsWith({ value: ordererMetadataFor(proposal.metadata), signatures: entries });
  return { kind: "good", value: { ...opened.value, metadata } };
}

/**
 * The decision that a stored block came from, equal in every field to the one that was delivered. Bad for genesis, which
 * nobody decided, and for blocks that no orderer of ours could have stored.
 */
export function decisionFrom(block: Block): Decoded<Decision> {
  const slot = decodeSignatureSlot(block.metadata[signaturesSlot] ?? emptyBytes);
  if (slot.kind === "bad") return slot;
  const ordererMetadata = decodeOrdererMetadata(slot.value.value);
  if (ordererMetadata.kind === "bad") return ordererMetadata;
  const { consenterMetadata } = ordererMetadata.value;
  if (consenterMetadata.length === 0) return { kind: "bad", reason: "block carries no decision" };
  if (!equalBytes(ordererMetadataFor(consenterMetadata), slot.value.value)) {
    return { kind: "bad", reason: "orderer metadata: names another config block" };
  }
  const signatures = signaturesFrom(block, slot.value);
  if (signatures.kind === "bad") return signatures;
  const proposal = proposalFor(block.header, block.data, consenterMetadata);
  return { kind: "good", value: { proposal, signatures: signatures.value } };
}

/** The decision in a block of the own ledger; genesis was decided by nobody. */
export function storedDecision(block: Block): Decision | undefined {
  if (block.header.number === 0) return undefined;
  const decision = decisionFrom(block);
  return present(decision.kind === "good" ? decision.value : undefined, `a decision in block ${block.header.number}`);
}

function signaturesFrom(block: Block, slot: SignatureSlot): Decoded<readonly Signature[]> {
  const header = headerDer(block.header);
  const signatures: Signature[] = [];
  for (const { identifierHeader, signature } of slot.signatures) {
    const identifier = decodeIdentifierHeader(identifierHeader);
    if (identifier.kind === "bad") return identifier;
    const message = encodeSignatureMessage({ identifierHeader, header, ordererMetadata: slot.value });
    signatures.push({ signer: nodeId(identifier.value.identifier), value: signature, message });
  }
  return { kind: "good", value: signatures };
}
