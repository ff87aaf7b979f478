// What is hashed, byte for byte (reference section 1.4): DER in definite form, then SHA-256. The DER writers are
// exported because applications build headers and payloads of the same parts (Appendices A and B).
import { concat, sha256, sha256Hex } from "../../base/index.js";
import type { Proposal, Signature } from "../contract.js";

/** Proposals never change, and each is asked for its digest once for every vote. */
const known = new WeakMap<Proposal, string>();

/** Lower-case hexadecimal digest of a proposal; payload comes first, header second. Copies none of them. */
export function proposalDigest(proposal: Proposal): string {
  let digest = known.get(proposal);
  if (digest === undefined) {
    digest = sha256Hex(...proposalParts(proposal));
    known.set(proposal, digest);
  }
  return digest;
}

export const proposalDer = (proposal: Proposal): Uint8Array => concat(...proposalParts(proposal));

function proposalParts({ payload, header, metadata, verificationSequence }: Proposal): readonly Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (const octets of [payload, header, metadata]) parts.push(derPrefix(0x04, octets.length), octets);
  parts.push(derInteger(verificationSequence));
  const size = parts.reduce((sum, { length }) => sum + length, 0);
  return [derPrefix(0x30, size), ...parts];
}

/** Digest of the previous decision's signatures in their order; undefined for none, which is not the hash of an empty list. */
export const previousSignaturesDigest = (signatures: readonly Signature[]): Uint8Array | undefined =>
  signatures.length === 0 ? undefined : sha256(previousSignaturesDer(signatures));

export const previousSignaturesDer = (signatures: readonly Signature[]): Uint8Array =>
  derSequence(
    derSequence(
      ...signatures.map(({ signer, value, message }) =>
        derSequence(derInteger(signer), derOctets(value), derOctets(message)),
      ),
    ),
  );

export const derSequence = (...parts: readonly Uint8Array[]): Uint8Array => derElement(0x30, concat(...parts));
export const derOctets = (bytes: Uint8Array): Uint8Array => derElement(0x04, bytes);

/** Minimal two's complement of a safe integer, negative ones included. */
export function derInteger(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  do {
    const byte = ((rest % 256) + 256) % 256;
    bytes.unshift(byte);
    rest = (rest - byte) / 256;
  } while (!(rest === 0 && (bytes[0] ?? 0) < 0x80) && !(rest === -1 && (bytes[0] ?? 0) >= 0x80));
  return derElement(0x02, Uint8Array.from(bytes));
}

/** Tag, definite length, content. */
export const derElement = (tag: number, content: Uint8Array): Uint8Array =>
  concat(derPrefix(tag, content.length), content);

function derPrefix(tag: number, size: number): Uint8Array {
  if (size < 0x80) return Uint8Array.of(tag, size);
  const length: number[] = [];
  for (let rest = size; rest > 0; rest = Math.floor(rest / 256)) length.unshift(rest % 256);
  return Uint8Array.of(tag, 0x80 | length.length, ...length);
}
