// SHA-256 as a pure function. The only file of the pure rooms that touches `node:*`: hashing has no state and no world.
import { createHash } from "node:crypto";

/** SHA-256 (FIPS 180-4) of the parts, concatenated: 32 bytes. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

/** Lower-case hexadecimal SHA-256 of the parts, concatenated: 64 characters. */
export function sha256Hex(...parts: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}
