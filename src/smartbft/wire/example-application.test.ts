// The encodings of the library's example application (reference Appendix B), the smallest common application for a mixed
// cluster. Test-only: they prove that the DER writers are enough for it.
import { expect, it } from "vitest";
import { emptyBytes, sha256Hex, toHex, utf8 } from "../../base/index.js";
import { derElement, derInteger, derOctets, derSequence } from "./digest.js";

/** Go's choice of string type: PrintableString when every character allows it, else UTF8String. */
const derString = (text: string): Uint8Array =>
  derElement(/^[A-Za-z0-9 '()+,\-./:=?*&]*$/.test(text) ? 0x13 : 0x0c, utf8(text));
const transaction = (client: string, id: string): Uint8Array => derSequence(derString(client), derString(id));
const blockData = (...transactions: readonly Uint8Array[]): Uint8Array =>
  derSequence(derSequence(...transactions.map(derOctets)));
const blockHeader = (sequence: number, previousHash: string, data: Uint8Array): Uint8Array =>
  derSequence(derInteger(sequence), derString(previousHash), derString(sha256Hex(data)));

it("transactions, block data and header have the bytes of the reference", () => {
  const first = transaction("alice", "tx1");
  expect(toHex(first)).toBe("300c1305616c6963651303747831");
  expect(toHex(transaction("a_b", "é"))).toBe("30090c03615f620c02c3a9");
  const data = blockData(first);
  expect(toHex(data)).toBe("30123010040e300c1305616c6963651303747831");
  expect(toHex(blockHeader(1, "", data))).toBe(
    `304702010113001340${toHex(utf8("ba137cd4d371dc3d0855d34bb71db68fc0ea130a0ed4698b5f96561e7300d4d0"))}`,
  );
  expect(blockData(emptyBytes)).toHaveLength(6);
});
