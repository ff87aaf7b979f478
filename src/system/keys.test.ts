// Signatures are low-s, verify, and every damaged variant is refused rather than thrown at.
import { expect, test } from "vitest";
import { utf8 } from "../base/index.js";
import { KeyError, newKeyPair, privateKeyFrom, publicKeyFrom, sign, verify, verifyAside } from "./keys.js";

const pair = newKeyPair();
const privateKey = privateKeyFrom(pair.privateKey);
const publicKey = publicKeyFrom(pair.publicKey);
const message = utf8("a block header");

test("signatures verify, on this thread and beside it", async () => {
  for (let round = 0; round < 50; round++) {
    const signature = sign(privateKey, message);
    expect(verify(publicKey, message, signature)).toBe(true);
    expect(await verifyAside(publicKey, message, signature)).toBe(true);
  }
});

test("the higher of the two values of s is refused", () => {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const signature = Buffer.from(sign(privateKey, message));
  const rSize = signature[3] ?? 0;
  const s = order - BigInt(`0x${signature.subarray(6 + rSize).toString("hex")}`);
  const digits = Buffer.from(s.toString(16).padStart(64, "0"), "hex");
  const high = Buffer.concat([
    Buffer.from([0x30, rSize + 2 + 35]),
    signature.subarray(2, 4 + rSize),
    Buffer.from([0x02, 33, 0]),
    digits,
  ]);
  expect(verify(publicKey, message, high)).toBe(false);
});

test.each([
  ["empty", Buffer.alloc(0)],
  ["a truncated signature", Buffer.from(sign(privateKey, message)).subarray(0, 40)],
  ["trailing bytes", Buffer.concat([sign(privateKey, message), Buffer.from([0])])],
  ["zeros", Buffer.alloc(70)],
])("%s is no signature", async (_, bytes) => {
  expect(verify(publicKey, message, bytes)).toBe(false);
  expect(await verifyAside(publicKey, message, bytes)).toBe(false);
});

test("another message does not verify", () => {
  expect(verify(publicKey, utf8("another"), sign(privateKey, message))).toBe(false);
});

test("a text that is no key is refused by name", () => {
  expect(() => publicKeyFrom("hello")).toThrow(KeyError);
  expect(() => privateKeyFrom(pair.publicKey)).toThrow("Read a private key: no PEM of a key, expected P-256");
});
