// Results come in the order of the items, whichever thread found them.
import { expect, test } from "vitest";
import { utf8 } from "../base/index.js";
import { newKeyPair, privateKeyFrom, sign } from "../system/index.js";
import { SignatureChecker } from "./signatures.js";

const pairs = [newKeyPair(), newKeyPair()];
const items = Array.from({ length: 100 }, (_, index) => {
  const pair = pairs[index % 2];
  const message = utf8(`message ${index}`);
  const signature = sign(privateKeyFrom(pair?.privateKey ?? ""), index % 5 === 0 ? utf8("another") : message);
  return { key: index % 7 === 0 ? "no key" : (pair?.publicKey ?? ""), message, signature };
});
const expected = items.map((_, index) => index % 5 !== 0 && index % 7 !== 0);

test.each([0, 1, 3, 4, 32, 33, 100])("%i items", async (count) => {
  expect(await new SignatureChecker().check(items.slice(0, count))).toEqual(expected.slice(0, count));
});
