// Reads the fields of a protobuf message, nested ones in place: no copy, no reader of their own. What is short and common is
// read here; what is rare, and all that needs care (long varints, unknown fields, text that is not ASCII), is left to the
// library's reader, whose word it is whether such bytes are well formed. Throws on bytes that are not.
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

export class FieldReader {
  readonly #bytes: Uint8Array;
  #position = 0;
  /** Of the message that is being read. */
  #end: number;
  #wireType: WireType = WireType.Varint;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#end = bytes.length;
  }

  /** Calls `field` for each field of the message; it returns false for the ones it does not know, which are skipped. */
  each(field: (number: number, reader: FieldReader) => boolean): void {
    while (this.#position < this.#end) {
      const first = this.#bytes[this.#position] ?? 0;
      let number = first >> 3;
      // One byte, fields 1 to 15, and a wire type that exists: what else a tag may be, the library says.
      if (first >= 0x80 || number === 0 || (first & 7) > 5) number = this.#tag();
      else {
        this.#wireType = first & 7;
        this.#position += 1;
      }
      const { wireType } = this;
      if (!field(number, this)) this.#aside((reader) => reader.skip(wireType, number));
    }
  }

  get wireType(): WireType {
    return this.#wireType;
  }

  integer(): number {
    this.#expect(WireType.Varint);
    return this.#varint();
  }

  integers(): readonly number[] {
    if (this.#wireType === WireType.Varint) return [this.#varint()];
    return this.message(() => {
      const values: number[] = [];
      while (this.#position < this.#end) values.push(this.#varint());
      return values;
    });
  }

  flag(): boolean {
    this.#expect(WireType.Varint);
    const byte = this.#position < this.#end ? (this.#bytes[this.#position] ?? 0x80) : 0x80;
    if (byte >= 0x80) return this.#aside((reader) => reader.bool());
    this.#position += 1;
    return byte !== 0;
  }

  text(): string {
    this.#expect(WireType.LengthDelimited);
    const start = this.#position;
    const size = this.#size();
    const end = this.#position + size;
    for (let index = this.#position; index < end; index++) {
      if ((this.#bytes[index] ?? 0) <= 0x7f) continue;
      this.#position = start;
      return this.#aside((reader) => reader.string(true));
    }
    const text = asciiText(this.#bytes, this.#position, end);
    this.#position = end;
    return text;
  }

  /** A copy, so that a host may reuse its receive buffer. */
  bytes(): Uint8Array {
    this.#expect(WireType.LengthDelimited);
    const size = this.#size();
    const start = this.#position;
    this.#position += size;
    return this.#bytes.slice(start, this.#position);
  }

  message<T>(read: (reader: FieldReader) => T): T {
    this.#expect(WireType.LengthDelimited);
    const size = this.#size();
    const outer = this.#end;
    this.#end = this.#position + size;
    const value = read(this);
    this.#end = outer;
    return value;
  }

  #tag(): number {
    const [number, wireType] = this.#aside((reader) => reader.tag());
    this.#wireType = wireType;
    return number;
  }

  /** Of up to three bytes, which nearly all are: the library's way makes a bigint of each. */
  #varint(): number {
    let value = 0;
    for (let index = 0; index < 3; index++) {
      const at = this.#position + index;
      const byte = at < this.#end ? (this.#bytes[at] ?? 0x80) : 0x80;
      value |= (byte & 0x7f) << (7 * index);
      if (byte < 0x80) {
        this.#position = at + 1;
        return value;
      }
    }
    return safe(this.#aside((reader) => reader.uint64()));
  }

  #size(): number {
    const byte = this.#position < this.#end ? (this.#bytes[this.#position] ?? 0x80) : 0x80;
    let size = byte;
    if (byte < 0x80) this.#position += 1;
    else size = this.#aside((reader) => reader.uint32());
    if (this.#position + size > this.#end) throw new RangeError("premature EOF");
    return size;
  }

  /** Has the library read something here. */
  #aside<T>(read: (reader: BinaryReader) => T): T {
    const reader = new BinaryReader(this.#bytes.subarray(this.#position, this.#end));
    const value = read(reader);
    this.#position += reader.pos;
    return value;
  }

  #expect(wireType: WireType): void {
    if (this.#wireType !== wireType) throw new Error(`wire type ${this.#wireType} where ${wireType} belongs`);
  }
}

const decoder = new TextDecoder();
/** From it on, as digests are, calling the engine's decoder costs less than a text that grows by one character at a time. */
const longSize = 32;

function asciiText(bytes: Uint8Array, start: number, end: number): string {
  if (end - start >= longSize) return decoder.decode(bytes.subarray(start, end));
  let text = "";
  for (let index = start; index < end; index++) text += String.fromCharCode(bytes[index] ?? 0);
  return text;
}

function safe(value: bigint | string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new Error("integer above 2^53 - 1");
  return number;
}
