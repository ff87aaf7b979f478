// ECDSA P-256 signatures as Fabric demands them: DER (r, s) with s in the lower half of the group order. Fabric refuses
// the other half when it verifies, and OpenSSL does not normalise, so half of its signatures must be flipped to n - s
// (fabric-wire.md section 2). Signing and verifying themselves are the host's.
import { DerReader, derSequence, derUnsigned } from "./der.js";
import { decoded, type Decoded } from "./protobuf.js";

/** Order of the group of P-256 (FIPS 186-4, D.1.2.3). */
const order = 0xffffffff_00000000_ffffffff_ffffffff_bce6faad_a7179e84_f3b9cac2_fc632551n;
const half = order >> 1n;

/** The same signature with s in the lower half; bad when the bytes are no DER signature of P-256. */
export function lowS(signature: Uint8Array): Decoded<Uint8Array> {
  const parts = signatureParts(signature);
  if (parts.kind === "bad") return parts;
  const { r, s } = parts.value;
  if (s <= half) return { kind: "good", value: signature };
  return { kind: "good", value: derSequence(derUnsigned(bytesOf(r)), derUnsigned(bytesOf(order - s))) };
}

/** Whether the bytes are a DER signature of P-256 whose s is in the lower half: what Fabric's verifier asks first. */
export function isLowS(signature: Uint8Array): boolean {
  const parts = signatureParts(signature);
  return parts.kind === "good" && parts.value.s <= half;
}

function signatureParts(signature: Uint8Array): Decoded<{ readonly r: bigint; readonly s: bigint }> {
  return decoded("signature", () => {
    const reader = new DerReader(signature);
    const pair = reader.sequence();
    const r = numberOf(pair.unsigned());
    const s = numberOf(pair.unsigned());
    pair.end();
    reader.end();
    if (r < 1n || r >= order || s < 1n || s >= order) throw new Error("number outside the group");
    return { r, s };
  });
}

function numberOf(bytes: Uint8Array): bigint {
  // 33 bytes hold every number of the group with its sign byte: longer input is not worth the arithmetic.
  if (bytes.length > 33) throw new Error("number outside the group");
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}

function bytesOf(value: bigint): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; rest > 0n; rest >>= 8n) bytes.unshift(Number(rest & 0xffn));
  return Uint8Array.from(bytes);
}
