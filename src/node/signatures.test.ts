// Results come in the order of the items, whichever thread found them; what is remembered is the check, not the signature.
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
  expect(await new SignatureChecker({ remembers: false }).check(items.slice(0, count))).toEqual(
    expected.slice(0, count),
  );
});

test("a first check is remembered for the bytes it was made of, once", async () => {
  const [good, bad] = [items[1], items[0]];
  if (good === undefined || bad === undefined) throw new Error("no items");
  const checker = new SignatureChecker({ remembers: true });
  expect([checker.checkFirst(good), checker.checkFirst(bad)]).toEqual([true, false]);
  // Equal bytes elsewhere, as in a proposal; any other message or key under the same signature is checked for itself.
  const copy = { ...good, message: good.message.slice(), signature: good.signature.slice() };
  const forged = { ...good, message: utf8("message that nobody signed") };
  const foreign = { ...good, key: pairs[0]?.publicKey ?? "" };
  expect(await checker.check([forged, bad, copy, foreign])).toEqual([false, false, true, false]);
  expect(await checker.check([forged, copy])).toEqual([false, true]);
});

test("without memory nothing is kept", async () => {
  const [, good] = items;
  if (good === undefined) throw new Error("no items");
  const checker = new SignatureChecker({ remembers: false });
  expect(checker.checkFirst(good)).toBe(true);
  expect(checker.rememberedBytes).toBe(0);
  expect(await checker.check([good])).toEqual([true]);
});

test("what is remembered is bounded by its bytes", async () => {
  const pair = newKeyPair();
  const key = privateKeyFrom(pair.privateKey);
  const checker = new SignatureChecker({ remembers: true });
  const large = Array.from({ length: 9 }, (_, index) => new Uint8Array(8 * 1024 * 1024).fill(index));
  for (const message of large) checker.checkFirst({ key: pair.publicKey, message, signature: sign(key, message) });
  expect(checker.rememberedBytes).toBe(64 * 1024 * 1024);
});
