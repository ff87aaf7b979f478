// Writes the fields of a protobuf message, nested ones in place: as Go's encoder does it, zero scalars are left out and
// repeated integers packed. The inverse of field-reader.ts; the caller keeps the fields ascending.
//
// What is written lies in one buffer, one message behind another, and none of it is ever written again: so a message that
// lives for a moment is a view of it (`shared`), which costs a fraction of bytes of its own.
import { assert, utf8 } from "../../base/index.js";

const lengthDelimited = 2;
const bufferSize = 65_536;

export class FieldWriter {
  #buffer = new Uint8Array(bufferSize);
  #start = 0;
  #position = 0;

  /** What `write` writes, as a view of the buffer, which stays in memory as long as the view does. */
  shared(write: (writer: FieldWriter) => void): Uint8Array {
    this.#run(write);
    return this.#buffer.subarray(this.#start, this.#position);
  }

  /** What `write` writes, as bytes of its own. */
  own(write: (writer: FieldWriter) => void): Uint8Array {
    this.#run(write);
    const bytes = this.#buffer.slice(this.#start, this.#position);
    this.#position = this.#start;
    return bytes;
  }

  /** From 0 to 2^53 - 1. */
  integer(field: number, value: number): void {
    if (value === 0) return;
    this.#byte(field << 3);
    this.#varint(value);
  }

  integers(field: number, values: readonly number[]): void {
    if (values.length === 0) return;
    this.message(field, values, (writer) => {
      for (const value of values) writer.#varint(value);
    });
  }

  flag(field: number, value: boolean): void {
    if (value) this.integer(field, 1);
  }

  text(field: number, value: string): void {
    this.bytes(field, utf8(value));
  }

  bytes(field: number, value: Uint8Array): void {
    if (value.length === 0) return;
    this.#byte((field << 3) | lengthDelimited);
    this.#varint(value.length);
    this.#reserve(value.length);
    this.#buffer.set(value, this.#position);
    this.#position += value.length;
  }

  /** Written even when it is empty: absence is the caller's to tell. */
  message<T>(field: number, value: T, write: (writer: FieldWriter, value: T) => void): void {
    this.#byte((field << 3) | lengthDelimited);
    // Room for a size of one byte, which most have; content that turns out to be longer is moved.
    this.#byte(0);
    const before = this.#position - this.#start;
    write(this, value);
    const size = this.#position - this.#start - before;
    const more = varintSize(size) - 1;
    this.#reserve(more);
    const begin = this.#start + before;
    if (more > 0) this.#buffer.copyWithin(begin + more, begin, begin + size);
    this.#position = begin - 1;
    this.#varint(size);
    this.#position += size;
  }

  #run(write: (writer: FieldWriter) => void): void {
    // A buffer that was made for a large message is let go.
    if (this.#buffer.length > bufferSize) {
      this.#buffer = new Uint8Array(bufferSize);
      this.#position = 0;
    }
    this.#start = this.#position;
    write(this);
  }

  #varint(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, "Expected an integer from 0 to 2^53 - 1");
    this.#reserve(8);
    let rest = value;
    // Bits of a number are those of 32-bit integers.
    for (; rest > 0x7fff_ffff; rest = Math.floor(rest / 0x80)) this.#buffer[this.#position++] = (rest % 0x80) | 0x80;
    for (; rest > 0x7f; rest >>>= 7) this.#buffer[this.#position++] = (rest & 0x7f) | 0x80;
    this.#buffer[this.#position++] = rest;
  }

  /** A tag, as all fields here have numbers below 16, or what takes its place. */
  #byte(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#position++] = value;
  }

  /** Room for so many more bytes of the running message. */
  #reserve(size: number): void {
    const needed = this.#position - this.#start + size;
    if (this.#start + needed > this.#buffer.length) this.#replace(Math.max(bufferSize, 2 * needed));
  }

  /** The running message goes on in a new buffer; those before it keep the old one. */
  #replace(size: number): void {
    const written = this.#buffer.subarray(this.#start, this.#position);
    this.#buffer = new Uint8Array(size);
    this.#buffer.set(written);
    this.#start = 0;
    this.#position = written.length;
  }
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 0x80)) size += 1;
  return size;
}
