// The real blocks of a Fabric v3.1.5 channel (tests/vectors/fabric/README.md): every hash is recomputed, every signature
// verified, each broken variant judged as Fabric's own verifier judged it.
import { createPublicKey, verify, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { concat, emptyBytes, nodeId, sha256Hex, toHex } from "../base/index.js";
import type { VerifyItem } from "../smartbft/index.js";
import {
  blockSignatures,
  checkedBlock,
  hasItsData,
  judge,
  verifyBlock,
  verifyHeader,
  type ConsenterKey,
  type Verdict,
} from "./block-verification.js";
import {
  dataHash,
  decodeBlock,
  decodeIdentifierHeader,
  decodeOrdererMetadata,
  decodeSignatureSlot,
  encodeBlock,
  encodeOrdererMetadata,
  encodeSignatureSlot,
  headerDer,
  headerHash,
  headOf,
  signedBytes,
  viewMetadataOf,
  withoutData,
  type Block,
} from "./block.js";
import { blockFrom, decisionFrom } from "./decision.js";
import { creatorOf, decodeEnvelope, decodePayload, examineEnvelope, membersOf, validationOf } from "./envelope.js";
import { isLowS, lowS } from "./signature.js";

const folder = new URL("../../tests/vectors/fabric/", import.meta.url);
const bytesOf = (file: string): Uint8Array => new Uint8Array(readFileSync(new URL(file, folder)));
const textOf = (file: string): string => readFileSync(new URL(file, folder), "utf8");

interface KnownBlock {
  file: string;
  number: number;
  header_hash: string;
  header_der: string;
  data_hash: string;
  previous_hash: string;
  computed_data_hash: string;
  metadata_slot_lengths: number[];
  orderer_block_metadata_hex: string;
  last_config: number;
  tx: number;
  view_metadata: { view_id: number; latest_sequence: number; decisions_in_view: number };
  signers: number[] | null;
  signatures:
    | { signer: number; identifier_header: string; nonce: string; signature: string; signed_bytes_sha256: string }[]
    | null;
}
interface BrokenBlock {
  file: string;
  header_hash: string;
  check: { data_hash_ok: boolean; signature_policy: string };
}

// The vectors' own JSON, checked by the assertions below.
const known = JSON.parse(textOf("blocks.json")) as KnownBlock[];
const broken = JSON.parse(textOf("broken.json")) as BrokenBlock[];

const consenters: readonly ConsenterKey[] = [1, 2, 3, 4].map((id) => ({
  id: nodeId(id),
  publicKey: textOf(`consenters/consenter${id}_identity.pem`),
}));

const keys = new Map<string, KeyObject>();
function check({ key, message, signature }: VerifyItem): boolean {
  const known = keys.get(key) ?? createPublicKey(key);
  keys.set(key, known);
  return verify("sha256", message, known, signature);
}

function blockIn(file: string): Block {
  const block = decodeBlock(bytesOf(file));
  if (block.kind === "bad") throw new Error(`${file}: ${block.reason}`);
  return block.value;
}

function signatureVerdict(block: Block): Verdict {
  const checkable = blockSignatures(block, consenters);
  return checkable.kind === "refused" ? checkable : judge(block, checkable, checkable.items.map(check));
}

function verdict(block: Block, previous: Block | undefined): Verdict {
  const checkable = verifyBlock(block, consenters, previous === undefined ? undefined : headOf(previous));
  return checkable.kind === "refused" ? checkable : judge(block, checkable, checkable.items.map(check));
}

const good: Verdict = { kind: "good" };

describe("real blocks", () => {
  test.each(known)("$file has the hashes, slots and metadata that Fabric printed", (entry) => {
    const block = blockIn(entry.file);
    expect(block.header.number).toBe(entry.number);
    expect(toHex(headerDer(block.header))).toBe(entry.header_der);
    expect(toHex(headerHash(block.header))).toBe(entry.header_hash);
    expect(toHex(dataHash(block.data))).toBe(entry.computed_data_hash);
    expect(toHex(block.header.previousHash)).toBe(entry.previous_hash);
    expect(hasItsData(block)).toBe(true);
    expect(block.data.length).toBe(entry.tx);
    expect(block.metadata.map((slot) => slot.length)).toEqual(entry.metadata_slot_lengths);
    const slot = decodeSignatureSlot(block.metadata[0] ?? emptyBytes);
    if (slot.kind === "bad") throw new Error(slot.reason);
    expect(toHex(slot.value.value)).toBe(entry.orderer_block_metadata_hex);
    const metadata = decodeOrdererMetadata(slot.value.value);
    if (metadata.kind === "bad") throw new Error(metadata.reason);
    expect(metadata.value.lastConfig).toBe(entry.last_config);
    expect(toHex(encodeOrdererMetadata(metadata.value))).toBe(entry.orderer_block_metadata_hex);
    const { view_id: view, latest_sequence: sequence, decisions_in_view: decisions } = entry.view_metadata;
    const none = { blacklist: [], previousSignatureDigest: emptyBytes };
    expect(viewMetadataOf(block)).toEqual(entry.number === 0 ? undefined : { view, sequence, decisions, ...none });
    // Ours is the one canonical encoder: what it writes is what Fabric wrote.
    expect(toHex(encodeSignatureSlot(slot.value))).toBe(toHex(block.metadata[0] ?? emptyBytes));
    expect(toHex(encodeBlock(block))).toBe(toHex(bytesOf(entry.file)));
    expect(sha256Hex(bytesOf(entry.file))).toHaveLength(64);
  });

  test.each(known.filter(({ signatures }) => signatures !== null))("$file: each signature verifies", (entry) => {
    const block = blockIn(entry.file);
    const checkable = blockSignatures(block, consenters);
    if (checkable.kind === "refused") throw new Error(checkable.reason);
    expect(checkable.signers).toEqual(entry.signers);
    expect(checkable.quorum).toBe(3);
    const signatures = entry.signatures ?? [];
    expect(checkable.items.map(({ message }) => sha256Hex(message))).toEqual(
      signatures.map(({ signed_bytes_sha256 }) => signed_bytes_sha256),
    );
    expect(checkable.items.map(({ signature }) => toHex(signature))).toEqual(
      signatures.map(({ signature }) => signature),
    );
    expect(checkable.items.every(({ signature }) => isLowS(signature))).toBe(true);
    expect(checkable.items.map(check)).toEqual([true, true, true]);
    expect(signatureVerdict(block)).toEqual(good);
  });

  test("each block follows the one before it", () => {
    const chain = known.map(({ file }) => blockIn(file));
    let pairs = 0;
    for (const block of chain) {
      const previous = chain.find(({ header }) => header.number === block.header.number - 1);
      if (previous === undefined) continue;
      expect(verdict(block, previous)).toEqual(good);
      pairs += 1;
    }
    expect(pairs).toBe(11);
  });

  test.each(["28", "29"])(
    "block %s as the other orderers store it verifies, with other signatures over the same header",
    (number) => {
      const ours = blockIn(`blocks/block_0000${number}.pb`);
      for (const orderer of [1, 2, 4]) {
        const theirs = blockIn(`blocks_other_orderers/block_0000${number}_from_o${orderer}.pb`);
        expect(toHex(headerHash(theirs.header))).toBe(toHex(headerHash(ours.header)));
        // Orderer 1 was cut off for block 29 and copied it from orderer 3, signatures included.
        const copied = orderer === 1 && number === "29";
        expect(toHex(theirs.metadata[0] ?? emptyBytes) === toHex(ours.metadata[0] ?? emptyBytes)).toBe(copied);
        expect(verdict(theirs, blockIn(`blocks/block_0000${Number(number) - 1}.pb`))).toEqual(good);
      }
    },
  );

  test("what was not checked does not survive: foreign slots and bad signatures go, a stored block stays as it is", () => {
    const block = blockIn("blocks/block_000028.pb");
    const checkable = blockSignatures(block, consenters);
    if (checkable.kind === "refused") throw new Error(checkable.reason);
    expect(encodeBlock(checkedBlock(block, checkable, [true, true, true]))).toEqual(encodeBlock(block));
    const stuffed = { ...block, metadata: [...block.metadata.slice(0, 4), Uint8Array.of(1), Uint8Array.of(2)] };
    expect(checkedBlock(stuffed, checkable, [true, true, true])).toEqual(block);
    const fewer = blockSignatures(checkedBlock(block, checkable, [true, false, true]), consenters);
    expect(fewer.kind).toBe("refused");
  });

  test("entries cut anew have the same data hash and the same signatures, and are refused", () => {
    const block = blockIn("blocks/block_000028.pb");
    const [first, second, ...rest] = block.data;
    if (first === undefined || second === undefined) throw new Error("the block has fewer than two transactions");
    for (const data of [
      [concat(first, second), ...rest],
      [first.slice(0, 10), concat(first.slice(10), second), ...rest],
      [emptyBytes, ...block.data],
    ]) {
      const cut = { ...block, data };
      expect(hasItsData(cut)).toBe(true);
      expect(signatureVerdict(cut)).toEqual(good);
      expect(verdict(cut, blockIn("blocks/block_000027.pb")).kind).toBe("refused");
    }
  });

  test("a header without its data still proves a quorum", () => {
    const header = withoutData(blockIn("blocks/block_000030.pb"));
    const checkable = verifyHeader(header, consenters);
    if (checkable.kind === "refused") throw new Error(checkable.reason);
    expect(judge(header, checkable, checkable.items.map(check))).toEqual(good);
    expect(verifyBlock(header, consenters, undefined).kind).toBe("refused");
  });

  test("a real block is a decision and becomes the same block again", () => {
    for (const { file, number } of known.filter((entry) => entry.number > 0)) {
      const block = blockIn(file);
      const decision = decisionFrom(block);
      if (decision.kind === "bad") throw new Error(`${number}: ${decision.reason}`);
      const again = blockFrom(decision.value);
      if (again.kind === "bad") throw new Error(`${number}: ${again.reason}`);
      expect(toHex(encodeBlock(again.value))).toBe(toHex(bytesOf(file)));
    }
  });
});

describe("broken variants of block 28", () => {
  const previous = blockIn("blocks/block_000027.pb");

  test("there are eleven, and a control", () => {
    expect(broken.length).toBe(12);
    expect(broken.filter((entry) => entry.check.data_hash_ok && entry.check.signature_policy === "ok").length).toBe(1);
  });

  test.each(broken)("$file is judged as Fabric judged it", (entry) => {
    const block = blockIn(entry.file);
    expect(toHex(headerHash(block.header))).toBe(entry.header_hash);
    expect(hasItsData(block)).toBe(entry.check.data_hash_ok);
    expect(signatureVerdict(block).kind === "good").toBe(entry.check.signature_policy === "ok");
    const whole = entry.check.data_hash_ok && entry.check.signature_policy === "ok";
    expect(verdict(block, previous).kind).toBe(whole ? "good" : "refused");
  });

  test("the reason names what is wrong", () => {
    const reasons = broken.map(({ file }) => {
      const outcome = verdict(blockIn(file), previous);
      return `${file.slice(7, -3)}: ${outcome.kind === "good" ? "good" : outcome.reason}`;
    });
    expect(reasons).toEqual([
      "control_reserialized: good",
      "bad_signature_one: Block 28 has 2 good signatures of distinct consenters, not 3",
      "too_few_signatures: Block 28 has 2 good signatures of distinct consenters, not 3",
      "duplicate_signer: Block 28 has 2 good signatures of distinct consenters, not 3",
      "swapped_identifier: Block 28 has 1 good signatures of distinct consenters, not 3",
      "unknown_consenter: Block 28 has 2 good signatures of distinct consenters, not 3",
      "wrong_data_hash: Data of block 28 does not have the hash in its header",
      "wrong_data_hash_header: Data of block 28 does not have the hash in its header",
      "wrong_previous_hash: Block 28 does not name the hash of block 27",
      "wrong_number: Block 29 where 28 is next",
      "tx_removed: Data of block 28 does not have the hash in its header",
      "altered_orderer_metadata: Block 28 has 0 good signatures of distinct consenters, not 3",
    ]);
  });
});

describe("real envelopes", () => {
  const envelope = decodeEnvelope(bytesOf("envelopes/good.pb"));
  const payload = envelope.kind === "good" ? decodePayload(envelope.value.payload) : envelope;
  if (payload.kind === "bad") throw new Error(payload.reason);
  const creator = new TextDecoder().decode(payload.value.creator);
  const publicKey = creator.slice(creator.indexOf("-----BEGIN"));
  const members = membersOf("vec", [{ mspId: "Org1MSP", publicKey }]);

  test("the creator is MSP and PEM, and the transaction id is what the client claimed", () => {
    expect(toHex(creatorOf({ mspId: "Org1MSP", publicKey }))).toBe(toHex(payload.value.creator));
    expect(validationOf(bytesOf("envelopes/good.pb"))).toEqual({
      code: 0,
      transactionId: payload.value.claimedTransactionId,
    });
  });

  test("the good one verifies, the other one is examined alike and does not", () => {
    const outcomes = ["good", "bad_signature"].map((name) => {
      const examined = examineEnvelope(bytesOf(`envelopes/${name}.pb`), members);
      if (examined.kind === "bad") throw new Error(examined.reason);
      expect(examined.transactionId).toBe(payload.value.claimedTransactionId);
      return check(examined.item);
    });
    expect(outcomes).toEqual([true, false]);
  });

  test("their signatures have s in the lower half already", () => {
    const examined = examineEnvelope(bytesOf("envelopes/good.pb"), members);
    if (examined.kind === "bad") throw new Error(examined.reason);
    expect(lowS(examined.item.signature)).toEqual({ kind: "good", value: examined.item.signature });
  });

  test("every transaction of the real blocks is canonical, and its creator a member", () => {
    for (const { file, number } of known.filter((entry) => entry.number > 1)) {
      for (const bytes of blockIn(file).data) {
        const examined = examineEnvelope(bytes, members);
        expect(examined.kind, `block ${number}`).toBe("good");
      }
    }
  });

  test("identifier headers carry a consenter and a nonce of 24 bytes", () => {
    const slot = decodeSignatureSlot(blockIn("blocks/block_000028.pb").metadata[0] ?? emptyBytes);
    if (slot.kind === "bad") throw new Error(slot.reason);
    for (const entry of slot.value.signatures) {
      const header = decodeIdentifierHeader(entry.identifierHeader);
      if (header.kind === "bad") throw new Error(header.reason);
      expect(header.value.nonce.length).toBe(24);
    }
    expect(signedBytes(Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3))).toEqual(Uint8Array.of(1, 2, 3));
  });
});
