// Bytes against the vectors of reference sections 1.5 and 10.2, and decoders against hostile input.
import { describe, expect, it } from "vitest";
import {
  concat,
  emptyBytes,
  fromHex,
  nodeId,
  present,
  randomFrom,
  sequence,
  toHex,
  utf8,
  view,
} from "../../base/index.js";
import type { Proposal, Signature } from "../contract.js";
import { decodeMessage, decodePreparesFrom, decodeSavedMessage, decodeViewData, decodeViewMetadata } from "./decode.js";
import { derInteger, previousSignaturesDer, previousSignaturesDigest, proposalDer, proposalDigest } from "./digest.js";
import { encodeMessage, encodePreparesFrom, encodeSavedMessage, encodeViewData, encodeViewMetadata } from "./encode.js";
import { anchorFrame, firstLogCrc, frameRecord, readFrames, readLog } from "./frames.js";
import type { Message, SavedMessage } from "./message.js";

const hex = (text: string): Uint8Array => present(fromHex(text.replaceAll(" ", "")), "hexadecimal text");
const proposal = (payload: string, header: string, metadata: string, verificationSequence: number): Proposal => ({
  payload: hex(payload),
  header: hex(header),
  metadata: hex(metadata),
  verificationSequence,
});
const signature = (signer: number, value: string, message: string): Signature => ({
  signer: nodeId(signer),
  value: hex(value),
  message: hex(message),
});

const p1 = proposal("01", "00", "0801", 1);
const p2 = proposal("aa".repeat(200), toHex(utf8("header")), "080310ac021807220302ac02", 128);
const s1 = [signature(1, "", ""), signature(2, "", ""), signature(3, "", "")];
const s2 = [
  signature(3, "04", "05"),
  signature(200, "11".repeat(70), "22".repeat(130)),
  signature(1, "04", "0a020203"),
];
const digestP1 = "45c32e94b3c427ee4a3f9b5964d3c5f9c15f3cfa7a28093eae8ca10d151fd892";
const digestP1Text = toHex(utf8(digestP1));

describe("digests", () => {
  it.each([
    [
      "P0",
      proposal("", "", "", 0),
      "3009040004000400020100",
      "cc67164898e13d2ad50b32e740d8841aef5d0be6daefdf13492405ab087f793f",
    ],
    ["P1", p1, "300d04010104010004020801020101", digestP1],
    [
      "P2",
      p2,
      `3081e50481c8${"aa".repeat(200)}0406686561646572040c080310ac021807220302ac0202020080`,
      "08b02895581183a9b15306a39e8487380a582db2a30f9f86fda575e58ed99896",
    ],
    [
      "P3",
      proposal("", "", "", -1),
      "30090400040004000201ff",
      "33f36e0ab36ad2f377ca9f9d5b76e0c305feefdf7edf089048fe8133d66b2d1a",
    ],
  ])("%s has the DER form and the digest of the reference", (_name, value, der, digest) => {
    expect(toHex(proposalDer(value))).toBe(der);
    expect(proposalDigest(value)).toBe(digest);
  });

  it.each([
    [
      "S1",
      s1,
      "301d301b300702010104000400300702010204000400300702010304000400",
      "f2477ff28f68405c68f9a86bec8d787b70d5bff301b785a3e77e59df5e0e3b52",
    ],
    [
      "S2",
      s2,
      `3081f03081ed30090201030401040401053081d1020200c80446${"11".repeat(70)}048182${"22".repeat(130)}300c02010104010404040a020203`,
      "7408beb5534c4db16c372a6e26ad161611e95da37421432bef42b5fa8c7b9d1f",
    ],
  ])("previous signatures %s", (_name, signatures, der, digest) => {
    expect(toHex(previousSignaturesDer(signatures))).toBe(der);
    expect(toHex(present(previousSignaturesDigest(signatures), "digest"))).toBe(digest);
  });

  it("has no digest for no previous signatures", () => expect(previousSignaturesDigest([])).toBeUndefined());

  it.each([
    [0, "020100"],
    [127, "02017f"],
    [128, "02020080"],
    [-1, "0201ff"],
    [-128, "020180"],
    [-129, "0202ff7f"],
    [Number.MAX_SAFE_INTEGER, "02071fffffffffffff"],
  ])("writes the integer %d minimally", (value, expected) => expect(toHex(derInteger(value))).toBe(expected));
});

const at = (viewNumber: number, sequenceNumber: number) => ({
  view: view(viewNumber),
  sequence: sequence(sequenceNumber),
});
const viewDataHex = "0801120c0a01001201011a02100120011a0808011201041a01052801";
const signedViewData = {
  kind: "ViewData",
  raw: hex(viewDataHex),
  signer: nodeId(2),
  signature: hex("010203"),
} as const;

const messages: readonly (readonly [string, Message, string])[] = [
  ["Prepare", { kind: "Prepare", ...at(1, 0), digest: digestP1, assist: false }, `124408011a40${digestP1Text}`],
  [
    "assisting Prepare",
    { kind: "Prepare", ...at(1, 2), digest: digestP1, assist: true },
    `1248080110021a40${digestP1Text}2001`,
  ],
  [
    "Commit",
    { kind: "Commit", ...at(1, 2), digest: digestP1, signature: signature(2, "04", "05"), assist: false },
    `1a50080110021a40${digestP1Text}220808021201041a0105`,
  ],
  [
    "PrePrepare",
    { kind: "PrePrepare", ...at(1, 1), proposal: p1, previousSignatures: s1 },
    "0a1e080110011a0c0a01001201011a0208012001220208012202080222020803",
  ],
  ["ViewChange", { kind: "ViewChange", nextView: view(1), reason: "" }, "22020801"],
  ["HeartBeat at zero", { kind: "HeartBeat", ...at(0, 0) }, "3a00"],
  ["HeartBeat", { kind: "HeartBeat", ...at(10, 300) }, "3a05080a10ac02"],
  ["HeartBeatResponse", { kind: "HeartBeatResponse", view: view(6) }, "42020806"],
  ["StateTransferRequest", { kind: "StateTransferRequest" }, "4a00"],
  ["StateTransferResponse", { kind: "StateTransferResponse", ...at(2, 9) }, "520408021009"],
  ["SignedViewData", signedViewData, `2a250a1c${viewDataHex}10021a03010203`],
  ["NewView", { kind: "NewView", entries: [signedViewData] }, `322712250a1c${viewDataHex}10021a03010203`],
];

describe("messages", () => {
  it.each(messages)("%s encodes to its vector and back", (_name, message, bytes) => {
    expect(toHex(encodeMessage(message))).toBe(bytes);
    expect(decodeMessage(hex(bytes))).toEqual({ kind: "good", value: message });
  });

  it("ViewData, its genesis form, and the distinction of an absent last decision", () => {
    const data = {
      nextView: view(1),
      lastDecision: proposal("01", "00", "1001", 1),
      lastDecisionSignatures: [signature(1, "04", "05")],
      inFlightProposal: undefined,
      inFlightPrepared: true,
    };
    expect(toHex(encodeViewData(data))).toBe(viewDataHex);
    expect(decodeViewData(hex(viewDataHex))).toEqual({ kind: "good", value: data });
    const genesis = {
      ...data,
      lastDecision: proposal("", "", "", 0),
      lastDecisionSignatures: [],
      inFlightPrepared: false,
    };
    expect(toHex(encodeViewData(genesis))).toBe("08011200");
    const absent = { ...genesis, lastDecision: undefined };
    expect(toHex(encodeViewData(absent))).toBe("0801");
    expect(decodeViewData(hex("0801"))).toEqual({ kind: "good", value: absent });
  });

  it("ViewMetadata and PreparesFrom", () => {
    const bytes = "080110042201042a20f2477ff28f68405c68f9a86bec8d787b70d5bff301b785a3e77e59df5e0e3b52";
    const metadata = {
      ...at(1, 4),
      decisions: 0,
      blacklist: [nodeId(4)],
      previousSignatureDigest: present(previousSignaturesDigest(s1), "digest"),
    };
    expect(toHex(encodeViewMetadata(metadata))).toBe(bytes);
    expect(decodeViewMetadata(hex(bytes))).toEqual({ kind: "good", value: metadata });
    expect(toHex(encodePreparesFrom([1, 3, 300]))).toBe("0a040103ac02");
    expect(encodePreparesFrom([])).toHaveLength(0);
    expect(decodePreparesFrom(hex("0a040103ac02"))).toEqual({ kind: "good", value: [1, 3, 300] });
  });

  it("SavedMessage", () => {
    const records: readonly (readonly [SavedMessage, string])[] = [
      [{ kind: "viewChange", viewChange: { kind: "ViewChange", nextView: view(0), reason: "" } }, "2200"],
      [
        {
          kind: "newView",
          metadata: { ...at(1, 4), decisions: 0, blacklist: [], previousSignatureDigest: emptyBytes },
        },
        "1a0408011004",
      ],
    ];
    for (const [saved, bytes] of records) {
      expect(toHex(encodeSavedMessage(saved))).toBe(bytes);
      expect(decodeSavedMessage(hex(bytes))).toEqual({ kind: "good", value: saved });
    }
    const proposed: SavedMessage = {
      kind: "proposed",
      prePrepare: { kind: "PrePrepare", ...at(1, 1), proposal: p1, previousSignatures: s1 },
      prepare: { kind: "Prepare", ...at(1, 1), digest: digestP1, assist: false },
    };
    expect(decodeSavedMessage(encodeSavedMessage(proposed))).toEqual({ kind: "good", value: proposed });
  });
});

describe("foreign encoders", () => {
  it("reads unpacked lists, fields in any order and skips unknown fields", () => {
    expect(decodePreparesFrom(hex("08010803 08ac02"))).toEqual({
      kind: "good",
      value: [1, 3, 300],
    });
    expect(decodeViewMetadata(hex("100420020801 9a06 02 ffff"))).toMatchObject({
      value: { view: 1, sequence: 4, blacklist: [2] },
    });
    expect(decodeMessage(hex("3a07 5801 10ac02 080a"))).toEqual({
      kind: "good",
      value: { kind: "HeartBeat", ...at(10, 300) },
    });
  });

  it("copies byte strings, so that the caller may reuse its buffer", () => {
    const bytes = encodeMessage({ kind: "PrePrepare", ...at(1, 1), proposal: p1, previousSignatures: [] });
    const decoded = decodeMessage(bytes);
    bytes.fill(0xff);
    expect(decoded).toMatchObject({ value: { proposal: p1 } });
  });
});

describe("hostile input", () => {
  it.each([
    ["nothing", ""],
    ["a sequence of 2^53", "3a09 10 8080808080808010"],
    ["a view of 2^64 - 1", "3a0b 08 ffffffffffffffffff01"],
    ["an eleven byte varint", "3a0c 08 ffffffffffffffffffff01"],
    ["a truncated message", "3a05080a10"],
    ["a length beyond the end", "3aff7f"],
    ["a digest that is not UTF-8", "12031a01ff"],
    ["a view that is a byte string", "3a030a0101"],
    ["an unknown content", "5a00"],
    ["field number zero", "0200"],
    ["an open group", "3a020b0b"],
  ])("%s is refused with a reason", (_name, bytes) => {
    expect(decodeMessage(hex(bytes))).toMatchObject({ kind: "bad", reason: expect.any(String) });
  });

  it("never throws on random bytes or on mutations of good ones", () => {
    const random = randomFrom("hostile bytes");
    for (let round = 0; round < 3000; round++) {
      const [, message] = present(messages[round % messages.length], "message");
      const bytes = encodeMessage(message);
      for (let flips = random.integer(1, 4); flips > 0; flips--)
        bytes[random.integer(0, bytes.length - 1)] = random.integer(0, 255);
      const cut = bytes.subarray(0, random.integer(0, bytes.length));
      for (const decode of [
        decodeMessage,
        decodeViewData,
        decodeViewMetadata,
        decodeSavedMessage,
        decodePreparesFrom,
      ]) {
        expect(["good", "bad"]).toContain(decode(cut).kind);
      }
    }
  });
});

describe("frames of the log", () => {
  const vector = hex(
    "02000000 0100edde  0802000000000000" +
      "08000000 29111ffa  10011a0401020304" +
      "0a000000 535932ca  1a0805060708090a 0b0c000000000000" +
      "08000000 5cfc506a  1a061a0408011004",
  );
  const data = [hex("01020304"), hex("05060708090a0b0c"), hex("1a0408011004")];

  it("writes the reference's file byte for byte", () => {
    let crc = firstLogCrc;
    let file = toHex(anchorFrame(crc));
    for (const [index, entry] of data.entries()) {
      const frame = frameRecord(crc, { data: entry, truncate: index === 0 });
      crc = frame.crc;
      file += toHex(frame.bytes);
    }
    expect(file).toBe(toHex(vector));
    expect(toHex(anchorFrame(crc))).toBe("020000005cfc506a0802000000000000");
  });

  it("reads it back, and continues in a second file whose anchor holds the chain", () => {
    expect(readFrames(vector)).toEqual({
      entries: data,
      truncated: true,
      goodBytes: 72,
      crc: 0x6a50fc5c,
      problem: undefined,
    });
    const second = hex("020000005cfc506a0802000000000000");
    expect(readLog([vector, second])).toEqual({ entries: data, crc: 0x6a50fc5c, state: { kind: "clean" } });
    expect(readLog([])).toEqual({ entries: [], crc: firstLogCrc, state: { kind: "clean" } });
  });

  it("finds where a torn tail begins, at every length", () => {
    const ends = [0, 16, 32, 56, 72];
    for (let size = 0; size < vector.length; size++) {
      const good = Math.max(...ends.filter((end) => end <= size));
      const read = readFrames(vector.subarray(0, size));
      expect(read.goodBytes).toBe(good);
      expect(read.problem === undefined).toBe(good === size && size > 0);
      expect(read.entries).toEqual(data.slice(0, Math.max(0, ends.indexOf(good) - 1)));
    }
  });

  it("refuses every flipped bit that stands before the last two records, and loses at most those two to one behind", () => {
    let crc = firstLogCrc;
    const records = Array.from({ length: 8 }, (_, index) => {
      const frame = frameRecord(crc, { data: Uint8Array.of(index, 1, 2, 3, 4, 5, 6, 7, 8), truncate: index === 0 });
      crc = frame.crc;
      return frame.bytes;
    });
    const file = concat(anchorFrame(firstLogCrc), ...records);
    const size = records[0]?.length ?? 0;
    for (let bit = 16 * 8; bit < file.length * 8; bit++) {
      const flipped = file.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const { state } = readLog([flipped]);
      const possible = bit < (file.length - 2 * size) * 8 ? ["fatal"] : ["fatal", "torn"];
      expect(possible, `bit ${bit}`).toContain(state.kind);
    }
  });

  it("calls damage at the end of the last file torn, in its middle or in an earlier one fatal", () => {
    const damaged = vector.slice();
    damaged[66] = 0xff;
    expect(readLog([damaged]).state).toEqual({ kind: "torn", goodBytes: 56, reason: "checksum differs" });
    expect(readLog([damaged, hex("020000005cfc506a0802000000000000")]).state).toMatchObject({ kind: "fatal", file: 0 });
    const middle = vector.slice();
    middle[50] = 0xff;
    const reason = "checksum differs, but good records follow";
    expect(readLog([middle]).state).toEqual({ kind: "fatal", file: 0, reason });
    expect(readLog([vector, hex("020000005cfc506b0802000000000000")]).state).toMatchObject({
      kind: "torn",
      goodBytes: 0,
    });
  });
});
