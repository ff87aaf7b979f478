// The writer against the library's, whose bytes are the standard's, and what it promises about its buffer.
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { expect, it } from "vitest";
import { FieldWriter } from "./field-writer.js";

const written = (write: (writer: FieldWriter) => void): Uint8Array => new FieldWriter().shared(write);

it.each([1, 127, 128, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 45 + 12_345, Number.MAX_SAFE_INTEGER])(
  "writes the integer %d as the library does",
  (value) => {
    const expected = new BinaryWriter().tag(2, WireType.Varint).uint64(value).finish();
    expect(written((writer) => writer.integer(2, value))).toEqual(expected);
  },
);

it.each([-1, 0.5, 2 ** 53, Number.NaN])("refuses %d, which is no unsigned integer that it can hold", (value) => {
  expect(() => written((writer) => writer.integer(1, value))).toThrow("2^53 - 1");
});

it.each(["a", "grüße", "💡", "\ud800", "x".repeat(64), "x".repeat(500)])(
  "writes the text %j as the library does",
  (text) => {
    const expected = new BinaryWriter().tag(3, WireType.LengthDelimited).string(text).finish();
    expect(written((writer) => writer.text(3, text))).toEqual(expected);
  },
);

it.each([0, 1, 123, 124, 125, 126, 127, 128, 16_380, 16_390, 65_530, 65_536, 70_000, 3_000_000])(
  "writes messages in messages around %d bytes as the library does",
  (size) => {
    const payload = new Uint8Array(size).fill(7);
    const library = new BinaryWriter().tag(1, WireType.LengthDelimited).fork().tag(4, WireType.LengthDelimited).fork();
    if (size > 0) library.tag(2, WireType.LengthDelimited).bytes(payload);
    const expected = library.join().tag(5, WireType.Varint).bool(true).join().finish();
    const bytes = written((writer) =>
      writer.message(1, payload, (outer, value) => {
        outer.message(4, value, (inner, content) => inner.bytes(2, content));
        outer.flag(5, true);
      }),
    );
    expect(bytes.length).toBe(expected.length);
    expect(Buffer.compare(bytes, expected)).toBe(0);
  },
);

it("leaves out zeros, and packs repeated integers", () => {
  const nothing = written((writer) => {
    writer.integer(1, 0);
    writer.integers(2, []);
    writer.text(3, "");
    writer.flag(4, false);
  });
  expect(nothing).toHaveLength(0);
  expect(written((writer) => writer.integers(1, [1, 3, 300]))).toEqual(Uint8Array.of(0x0a, 4, 1, 3, 0xac, 2));
});

it("never writes over what it has written, even where a writing failed", () => {
  const writer = new FieldWriter();
  const content = (index: number): Uint8Array => new Uint8Array(1 + (index % 3000)).fill(index);
  const shared = Array.from({ length: 500 }, (_, index) => {
    expect(() => writer.shared((failing) => failing.integer(1, -1 - index))).toThrow("2^53 - 1");
    const own = writer.own((fields) => fields.bytes(1, content(index + 1)));
    const bytes = writer.shared((fields) => fields.bytes(1, content(index)));
    return { own, bytes };
  });
  for (const [index, { own, bytes }] of shared.entries()) {
    expect(own).toEqual(written((fields) => fields.bytes(1, content(index + 1))));
    expect(bytes).toEqual(written((fields) => fields.bytes(1, content(index))));
  }
});
