// ECDSA P-256 signatures as Fabric demands them: DER (r, s) with s in the lower half of the group order. Fabric refuses
// the other half when it verifies, and OpenSSL does not normalise, so half of its signatures must be flipped to n - s
// (fabric-wire.md section 2). Signing and verifying themselves are the host's.
import { DerReader, derSequence, derUnsigned } from "./der.js";
import { decoded, type Decoded } from "./protobuf.js";

/** Order of the group of P-256 (FIPS 186-4, D.1.2.3). */
const order = 0xffffffff_00000000_ffffffff_ffffffff_bce6faad_a7179e84_f3b9cac2_fc632551n;
const orderBytes = bytesOf(order);
/** The least s of the upper half. */
const upperHalfBytes = bytesOf((order >> 1n) + 1n);

/** The same signature with s in the lower half; bad when the bytes are no DER signature of P-256. */
export function lowS(signature: Uint8Array): Decoded<Uint8Array> {
  const parts = signatureParts(signature);
  if (parts.kind === "bad") return parts;
  const { r, s } = parts.value;
  if (isBelow(s, upperHalfBytes)) return { kind: "good", value: signature };
  return { kind: "good", value: derSequence(derUnsigned(r), derUnsigned(bytesOf(order - numberOf(s)))) };
}

/**
 * Whether the bytes are a DER signature of P-256 whose s is in the lower half: what Fabric's verifier asks first. Asked of
 * every transaction twice, so it compares bytes and makes no big number.
 */
export function isLowS(signature: Uint8Array): boolean {
  const parts = signatureParts(signature);
  return parts.kind === "good" && isBelow(parts.value.s, upperHalfBytes);
}

/** Big-endian, without leading zeros. */
function signatureParts(signature: Uint8Array): Decoded<{ readonly r: Uint8Array; readonly s: Uint8Array }> {
  return decoded("signature", () => {
    const reader = new DerReader(signature);
    const pair = reader.sequence();
    const r = withoutSign(pair.unsigned());
    const s = withoutSign(pair.unsigned());
    pair.end();
    reader.end();
    for (const part of [r, s]) {
      if (part.length === 0 || !isBelow(part, orderBytes)) throw new Error("number outside the group");
    }
    return { r, s };
  });
}

/** DER integers are minimal: a zero in front is the sign's, or all there is. */
const withoutSign = (bytes: Uint8Array): Uint8Array => (bytes[0] === 0 ? bytes.subarray(1) : bytes);

/** Both big-endian without leading zeros, `bound` of 32 bytes. */
function isBelow(bytes: Uint8Array, bound: Uint8Array): boolean {
  if (bytes.length !== bound.length) return bytes.length < bound.length;
  for (let index = 0; index < bound.length; index++) {
    const [byte = 0, limit = 0] = [bytes[index], bound[index]];
    if (byte !== limit) return byte < limit;
  }
  return false;
}

function numberOf(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}

function bytesOf(value: bigint): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; rest > 0n; rest >>= 8n) bytes.unshift(Number(rest & 0xffn));
  return Uint8Array.from(bytes);
}
