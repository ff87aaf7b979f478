// Text in and out of bytes: the short way for ASCII and the engine's way for all else give the same.
import { expect, it } from "vitest";
import { fromUtf8, utf8 } from "./bytes.js";

const texts = [
  "",
  "a",
  "client/request-1",
  "grüße",
  "\u0000\u007f",
  "\ufeffmark",
  "x".repeat(500),
  `${"x".repeat(150)}ü`,
  "💡",
];

it.each(texts)("%j is encoded and decoded as TextEncoder and TextDecoder do it", (text) => {
  expect(utf8(text)).toEqual(new TextEncoder().encode(text));
  expect(fromUtf8(utf8(text))).toBe(new TextDecoder().decode(utf8(text)));
});

it("answers replacement characters for what is no UTF-8", () => {
  expect(fromUtf8(Uint8Array.of(0x61, 0xff))).toBe("a\ufffd");
});
