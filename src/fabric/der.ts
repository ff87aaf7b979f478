// DER, the few types that Fabric and SmartBFT use (SEQUENCE, INTEGER, OCTET STRING). It is written by the consensus core's
// one canonical encoder and read here, strictly: definite minimal lengths, minimal integers, nothing after the end. Block
// headers, proposal payloads and the messages of commit signatures are built of it (smartbft.md Appendix A, fabric-wire.md
// section 8), and ECDSA signatures.
import { concat } from "../base/index.js";
import { derElement } from "../smartbft/index.js";

export { derInteger, derOctets, derSequence } from "../smartbft/index.js";

/** A non-negative integer from its big-endian bytes, made minimal: leading zeros dropped, one added before a set top bit. */
export function derUnsigned(bytes: Uint8Array): Uint8Array {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const minimal = bytes.length === 0 ? Uint8Array.of(0) : bytes.subarray(start);
  return derElement(integerTag, (minimal[0] ?? 0) >= 0x80 ? concat(Uint8Array.of(0), minimal) : minimal);
}

const integerTag = 0x02;
const octetsTag = 0x04;
const sequenceTag = 0x30;

/** Reads elements in order. Throws on anything that is not their one valid encoding: use it inside `decoded`. */
export class DerReader {
  readonly #bytes: Uint8Array;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  sequence(): DerReader {
    return new DerReader(this.#content(sequenceTag));
  }

  /** A view into the input. */
  octets(): Uint8Array {
    return this.#content(octetsTag);
  }

  /** A non-negative safe integer. */
  integer(): number {
    let value = 0;
    for (const byte of this.unsigned()) value = value * 256 + byte;
    if (!Number.isSafeInteger(value)) throw new Error("integer above 2^53 - 1");
    return value;
  }

  /** Big-endian bytes of a non-negative integer, the sign byte included. */
  unsigned(): Uint8Array {
    const content = this.#content(integerTag);
    const [first, second] = content;
    if (first === undefined) throw new Error("integer without content");
    if (first >= 0x80) throw new Error("negative integer");
    if (first === 0 && second !== undefined && second < 0x80) throw new Error("integer is not minimal");
    return content;
  }

  end(): void {
    if (this.#position !== this.#bytes.length) throw new Error("bytes after the end");
  }

  #content(tag: number): Uint8Array {
    const found = this.#byte();
    if (found !== tag) throw new Error(`tag ${found} where ${tag} belongs`);
    const length = this.#length();
    const start = this.#position;
    if (length > this.#bytes.length - start) throw new Error("premature end");
    this.#position = start + length;
    return this.#bytes.subarray(start, start + length);
  }

  #length(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    const count = first & 0x7f;
    if (count === 0 || count > 4) throw new Error("length is indefinite or too long");
    let length = 0;
    for (let index = 0; index < count; index++) length = length * 256 + this.#byte();
    if (length < 0x80 || length < 256 ** (count - 1)) throw new Error("length is not minimal");
    return length;
  }

  #byte(): number {
    const byte = this.#bytes[this.#position];
    if (byte === undefined) throw new Error("premature end");
    this.#position += 1;
    return byte;
  }
}
