// Protobuf bytes to named fields and back, the little that Fabric's messages need (proto3: fabric-wire.md sections 5, 7, 8).
//
// Why not fabric-protos' generated classes: they drop unknown fields in silence (block bytes must be refused when they
// do not re-encode to themselves), give integers above 2^53 as rounded doubles that cannot be written again (section 13),
// export themselves into a global object on import, and their setters would have to be hidden behind plain readonly
// types anyway. They stay the oracle: codec.test.ts encodes with one and decodes with the other.
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { emptyBytes } from "../base/index.js";

/** A value, or why the bytes are none. Hostile bytes end here and never throw. */
export type Decoded<T> =
  | { readonly kind: "good"; readonly value: T }
  | { readonly kind: "bad"; readonly reason: string };

/** The one place where a reader's errors end: whatever it throws means that the bytes are no such value. */
export function decoded<T>(what: string, read: () => T): Decoded<T> {
  try {
    return { kind: "good", value: read() };
  } catch (error) {
    return { kind: "bad", reason: `${what}: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/**
 * Fields of one message by number. Getters throw on a wire type that is not theirs: call them inside `decoded`.
 * Scalars that occur twice take the last value, as the format has it. Byte strings are views into the input.
 */
export class Fields {
  readonly #values = new Map<number, (Uint8Array | bigint | undefined)[]>();

  constructor(bytes: Uint8Array) {
    const reader = new BinaryReader(bytes);
    while (reader.pos < reader.len) {
      const [number, wireType] = reader.tag();
      let value: Uint8Array | bigint | undefined;
      if (wireType === WireType.LengthDelimited) value = reader.bytes();
      else if (wireType === WireType.Varint) value = BigInt(reader.uint64());
      else reader.skip(wireType, number);
      const values = this.#values.get(number);
      if (values === undefined) this.#values.set(number, [value]);
      else values.push(value);
    }
  }

  has(number: number): boolean {
    return this.#values.has(number);
  }

  /** Zero to 2^53 - 1; zero when absent. */
  integer(number: number): number {
    const value = this.#varint(number);
    if (value > Number.MAX_SAFE_INTEGER) throw new Error(`field ${number} is above 2^53 - 1`);
    return Number(value);
  }

  /** As `integer`, but anything above 2^53 - 1 is that value: block number 2^64 - 1 means "never" in a seek. */
  integerClamped(number: number): number {
    const value = this.#varint(number);
    return value > Number.MAX_SAFE_INTEGER ? Number.MAX_SAFE_INTEGER : Number(value);
  }

  bytes(number: number): Uint8Array {
    return this.#values.has(number) ? (this.all(number).at(-1) ?? emptyBytes) : emptyBytes;
  }

  text(number: number): string {
    return strictUtf8.decode(this.bytes(number));
  }

  all(number: number): readonly Uint8Array[] {
    return (this.#values.get(number) ?? []).map((value) => {
      if (!(value instanceof Uint8Array)) throw new Error(`field ${number} is not a byte string`);
      return value;
    });
  }

  #varint(number: number): bigint {
    const value = this.#values.has(number) ? this.#values.get(number)?.at(-1) : 0n;
    if (typeof value !== "bigint") throw new Error(`field ${number} is not an integer`);
    return value;
  }
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * One field to write: number and value. A zero, an empty text or empty bytes are omitted, as proto3 has it; an array is a
 * repeated field, each element written even when empty, so a sub-message that is present is an array of one.
 */
export type FieldToWrite = readonly [number, number | string | Uint8Array | readonly Uint8Array[] | undefined];

/** The canonical encoding when fields come in ascending order: callers list them so. */
export function encodeFields(...fields: readonly FieldToWrite[]): Uint8Array {
  const writer = idle ?? new BinaryWriter();
  idle = undefined;
  for (const [number, value] of fields) {
    if (value === undefined || value === 0 || value === "") continue;
    if (typeof value === "number") writer.tag(number, WireType.Varint).uint64(value);
    else if (typeof value === "string") writer.tag(number, WireType.LengthDelimited).string(value);
    else if (!(value instanceof Uint8Array)) {
      for (const element of value) writer.tag(number, WireType.LengthDelimited).bytes(element);
    } else if (value.length > 0) writer.tag(number, WireType.LengthDelimited).bytes(value);
  }
  const bytes = writer.finish();
  if (bytes.length <= keptBytesMax) idle = writer;
  return bytes;
}

/** One writer for all, as its buffer grows to what messages need; a large one is let go, and one that threw half-way. */
let idle: BinaryWriter | undefined = new BinaryWriter();
const keptBytesMax = 65_536;
