// Fabric's block: header, data (envelopes as bytes) and five metadata slots (fabric-wire.md section 8), with its hashes
// and the content of slot 0. Checking a block against a channel is block-verification.ts; making one is decision.ts.
import { concat, emptyBytes, sha256 } from "../base/index.js";
import { decodeViewMetadata, type ViewMetadata } from "../smartbft/index.js";
import { DerReader, derInteger, derOctets, derSequence } from "./der.js";
import { decoded, encodeFields, Fields, type Decoded } from "./protobuf.js";

export interface BlockHeader {
  readonly number: number;
  /** SHA-256 of the previous header's DER; empty in block 0. */
  readonly previousHash: Uint8Array;
  readonly dataHash: Uint8Array;
}

export interface Block {
  readonly header: BlockHeader;
  /** Encoded envelopes. Empty in a header that was asked for without its data. */
  readonly data: readonly Uint8Array[];
  /** Slots: 0 signatures, 1 last config, 2 validation codes (peers), 3 unused, 4 commit hash (peers). */
  readonly metadata: readonly Uint8Array[];
}

export const signaturesSlot = 0;
export const validationSlot = 2;
export const slotCount = 5;

/** Where a chain stands: number and header hash of its last block. */
export interface Head {
  readonly number: number;
  readonly hash: Uint8Array;
}

export const headOf = (block: Block): Head => ({ number: block.header.number, hash: headerHash(block.header) });

export const headerDer = ({ number, previousHash, dataHash }: BlockHeader): Uint8Array =>
  derSequence(derInteger(number), derOctets(previousHash), derOctets(dataHash));

/** The block's hash: 32 bytes. */
export const headerHash = (header: BlockHeader): Uint8Array => sha256(headerDer(header));

/** SHA-256 of all entries concatenated; no tree. */
export const dataHash = (data: readonly Uint8Array[]): Uint8Array => sha256(...data);

export function decodeHeaderDer(bytes: Uint8Array): Decoded<BlockHeader> {
  return decoded("block header", () => {
    const reader = new DerReader(bytes);
    const inner = reader.sequence();
    const header = { number: inner.integer(), previousHash: inner.octets(), dataHash: inner.octets() };
    inner.end();
    reader.end();
    return header;
  });
}

export function encodeBlock({ header, data, metadata }: Block): Uint8Array {
  const encodedHeader = encodeFields([1, header.number], [2, header.previousHash], [3, header.dataHash]);
  return encodeFields([1, [encodedHeader]], [2, [encodeBlockData(data)]], [3, [encodeBlockMetadata(metadata)]]);
}

/** Unknown fields are skipped. The result does not share memory with the input. */
export function decodeBlock(bytes: Uint8Array): Decoded<Block> {
  return decoded("block", () => {
    const fields = new Fields(new Uint8Array(bytes));
    if (!fields.has(1)) throw new Error("no header");
    const header = new Fields(fields.bytes(1));
    return {
      header: { number: header.integer(1), previousHash: header.bytes(2), dataHash: header.bytes(3) },
      data: new Fields(fields.bytes(2)).all(1),
      metadata: new Fields(fields.bytes(3)).all(1),
    };
  });
}

export const encodeBlockData = (data: readonly Uint8Array[]): Uint8Array => encodeFields([1, data]);
export const encodeBlockMetadata = (slots: readonly Uint8Array[]): Uint8Array => encodeFields([1, slots]);

export function decodeBlockData(bytes: Uint8Array): Decoded<readonly Uint8Array[]> {
  return decoded("block data", () => new Fields(bytes).all(1));
}

/** `OrdererBlockMetadata`: what every signature of a block covers besides the header. */
export interface OrdererMetadata {
  /** Number of the last config block. */
  readonly lastConfig: number;
  /** In BFT the encoded ViewMetadata of the decision; empty in block 0. */
  readonly consenterMetadata: Uint8Array;
}

export const encodeOrdererMetadata = ({ lastConfig, consenterMetadata }: OrdererMetadata): Uint8Array =>
  encodeFields([1, [encodeFields([1, lastConfig])]], [2, consenterMetadata]);

export function decodeOrdererMetadata(bytes: Uint8Array): Decoded<OrdererMetadata> {
  return decoded("orderer metadata", () => {
    const fields = new Fields(bytes);
    return { lastConfig: new Fields(fields.bytes(1)).integer(1), consenterMetadata: fields.bytes(2) };
  });
}

/** `IdentifierHeader`: who signed, and a nonce of 24 bytes. */
export interface IdentifierHeader {
  readonly identifier: number;
  readonly nonce: Uint8Array;
}

export const encodeIdentifierHeader = ({ identifier, nonce }: IdentifierHeader): Uint8Array =>
  encodeFields([1, identifier], [2, nonce]);

export function decodeIdentifierHeader(bytes: Uint8Array): Decoded<IdentifierHeader> {
  return decoded("identifier header", () => {
    const fields = new Fields(bytes);
    return { identifier: fields.integer(1), nonce: fields.bytes(2) };
  });
}

/** One entry of slot 0: in BFT without a signature header. */
export interface BlockSignature {
  readonly identifierHeader: Uint8Array;
  readonly signature: Uint8Array;
}

/** Slot 0: the encoded OrdererBlockMetadata and the signatures over it, in the order they were collected. */
export interface SignatureSlot {
  readonly value: Uint8Array;
  readonly signatures: readonly BlockSignature[];
}

export const encodeSignatureSlot = ({ value, signatures }: SignatureSlot): Uint8Array =>
  encodeFields(
    [1, value],
    [2, signatures.map(({ signature, identifierHeader }) => encodeFields([2, signature], [3, identifierHeader]))],
  );

export function decodeSignatureSlot(bytes: Uint8Array): Decoded<SignatureSlot> {
  return decoded("metadata slot 0", () => {
    const fields = new Fields(bytes);
    const signatures = fields.all(2).map((entry) => {
      const inner = new Fields(entry);
      return { identifierHeader: inner.bytes(3), signature: inner.bytes(2) };
    });
    return { value: fields.bytes(1), signatures };
  });
}

/** What a block signature signs. */
export const signedBytes = (value: Uint8Array, identifierHeader: Uint8Array, header: Uint8Array): Uint8Array =>
  concat(value, identifierHeader, header);

/** Slot 0 as given, slots 1 to 4 present and empty: what orderers store. */
export const slotsWith = (slot: SignatureSlot): readonly Uint8Array[] => [
  encodeSignatureSlot(slot),
  ...Array.from({ length: slotCount - 1 }, () => emptyBytes),
];

/** The block as Deliver gives it for HEADER_WITH_SIG: without its data. */
export const withoutData = (block: Block): Block => ({ ...block, data: [] });

/** View, sequence and decisions of the decision that made a block, read off slot 0; undefined where there is none. */
export function viewMetadataOf(block: Block): ViewMetadata | undefined {
  const slot = decodeSignatureSlot(block.metadata[signaturesSlot] ?? emptyBytes);
  if (slot.kind === "bad") return undefined;
  const metadata = decodeOrdererMetadata(slot.value.value);
  if (metadata.kind === "bad" || metadata.value.consenterMetadata.length === 0) return undefined;
  const read = decodeViewMetadata(metadata.value.consenterMetadata);
  return read.kind === "good" ? read.value : undefined;
}
