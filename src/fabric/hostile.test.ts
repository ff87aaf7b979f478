// Bytes from strangers are data: no decoder, machine or application method throws on them, whatever they are. Three kinds
// of bytes: arbitrary, real ones with a few bytes changed, and real ones cut short.
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { instant, nodeId, seconds, milliseconds } from "../base/index.js";
import { OrdererApplication } from "./application.js";
import { checkedBlock, verifyBlock, verifyHeader, type BlockSignatures, type Refused } from "./block-verification.js";
import { decodeBlock, decodeHeaderDer, encodeBlock, headerDer, headOf, viewMetadataOf } from "./block.js";
import { toyChain, toyClient, toyConsenters, toyGenesis, toySign, toyTransaction, blockResponse } from "./toy-chain.js";
import { blockFrom, decisionFrom, decodeSignatureMessage } from "./decision.js";
import { DeliverSession } from "./deliver-session.js";
import {
  decodeBroadcastResponse,
  decodeClusterStep,
  decodeDeliverResponse,
  decodeSeekEnvelope,
  deliverBlock,
  seekEnvelope,
  seekFrom,
} from "./deliver.js";
import { creatorOf, decodeEnvelope, examineEnvelope, membersOf, requestIdentity, validationOf } from "./envelope.js";
import { PeerMachine, type PeerEffect } from "./peer.js";
import { isLowS, lowS } from "./signature.js";
import { fabricSyncLimits, Synchroniser, type SyncEffect } from "./synchroniser.js";

const folder = new URL("../../tests/vectors/fabric/", import.meta.url);
const vector = (file: string): Uint8Array => new Uint8Array(readFileSync(new URL(file, folder)));
const chain = toyChain(3);
const members = membersOf("vec", [toyClient]);
const seek = seekEnvelope(seekFrom(0, "block"), {
  channel: "vec",
  creator: creatorOf(toyClient),
  nonce: new Uint8Array(24),
  timestamp: { seconds: 0, nanoseconds: 0 },
  sign: toySign("k"),
});
const second = chain[2] ?? toyGenesis;
const decision = decisionFrom(second);
if (decision.kind === "bad") throw new Error(decision.reason);
const { proposal, signatures } = decision.value;

const samples: readonly Uint8Array[] = [
  vector("blocks/block_000028.pb"),
  vector("config_block_0.pb"),
  vector("envelopes/good.pb"),
  encodeBlock(second),
  blockResponse(second),
  toyTransaction(1).bytes,
  seek,
  proposal.header,
  proposal.payload,
  proposal.metadata,
  signatures[0]?.message ?? new Uint8Array(0),
  signatures[0]?.value ?? new Uint8Array(0),
];

const mangled = fc
  .record({
    sample: fc.constantFrom(...samples),
    changes: fc.array(fc.record({ at: fc.nat(5000), value: fc.integer({ min: 0, max: 255 }) }), { maxLength: 4 }),
    cut: fc.option(fc.nat(5000)),
  })
  .map(({ sample, changes, cut }) => {
    const bytes = new Uint8Array(sample);
    for (const { at, value } of changes) bytes[at % bytes.length] = value;
    return cut === null ? bytes : bytes.slice(0, cut % (bytes.length + 1));
  });
const hostile = fc.oneof(fc.uint8Array({ maxLength: 300 }), mangled);

const application = (): OrdererApplication =>
  new OrdererApplication({
    id: nodeId(1),
    consenters: toyConsenters,
    members,
    head: headOf(chain[1] ?? toyGenesis),
    sign: toySign("key of orderer1"),
    nonce: () => new Uint8Array(24),
  });

/** A property over hostile bytes; a failure prints the seed and path that repeat it. */
const always = (property: (bytes: Uint8Array) => void): void =>
  fc.assert(
    fc.property(hostile, (bytes) => {
      property(bytes);
    }),
    { numRuns: 400, seed: 20_261_122 },
  );

describe("hostile bytes", () => {
  test("are a value or a reason to every decoder", () => {
    always((bytes) => {
      for (const read of [
        decodeBlock,
        decodeHeaderDer,
        decodeEnvelope,
        decodeSeekEnvelope,
        decodeDeliverResponse,
        decodeBroadcastResponse,
        decodeClusterStep,
        decodeSignatureMessage,
        lowS,
      ]) {
        expect(["good", "bad"]).toContain(read(bytes).kind);
      }
      expect(isLowS(bytes)).toBe(isLowS(bytes));
      expect(examineEnvelope(bytes, members).kind).toMatch(/good|bad/);
      expect(validationOf(bytes).code).toBeGreaterThanOrEqual(0);
      expect(requestIdentity(bytes)?.requestId.length ?? 64).toBe(64);
      expect(deliverBlock(bytes, "header").length).toBeGreaterThan(0);
    });
  });

  test("as blocks are refused or checkable, and what is checkable can be stripped and made a decision", () => {
    always((bytes) => {
      const block = decodeBlock(bytes);
      if (block.kind === "bad") return;
      expect(headerDer(block.value.header).length).toBeGreaterThan(0);
      viewMetadataOf(block.value);
      decisionFrom(block.value);
      const outcomes: readonly (BlockSignatures | Refused)[] = [
        verifyBlock(block.value, toyConsenters, headOf(toyGenesis)),
        verifyBlock(block.value, toyConsenters, undefined),
        verifyHeader(block.value, toyConsenters),
      ];
      for (const outcome of outcomes) {
        if (outcome.kind === "checkable")
          checkedBlock(
            block.value,
            outcome,
            outcome.items.map(() => true),
          );
      }
    });
  });

  test("in any part of a proposal or signature are answered by the application", () => {
    const replica = application();
    always((bytes) => {
      for (const part of ["header", "payload", "metadata"] as const) {
        const foreign = { ...proposal, [part]: bytes };
        expect(["acceptable", "refused"]).toContain(replica.examine(foreign).kind);
        replica.requestsOf(foreign);
        blockFrom({ proposal: foreign, signatures });
        for (const signature of signatures) replica.commitSignatureItem(signature, foreign);
      }
      for (const signature of signatures) {
        replica.commitSignatureItem({ ...signature, message: bytes }, proposal);
        replica.commitSignatureItem({ ...signature, value: bytes }, proposal);
        blockFrom({ proposal, signatures: [{ ...signature, message: bytes }] });
      }
      replica.signatureItem(nodeId(1), bytes, bytes);
      replica.requestItems(bytes);
      replica.requestInfo(bytes);
    });
  });

  test("from a reader end its session or are served", () => {
    always((bytes) => {
      const session = new DeliverSession({ channel: "vec", height: 3 });
      const effects = session.step(instant(0), { kind: "seek", bytes });
      expect(effects.length).toBeLessThanOrEqual(2);
    });
  });

  test("from a source cost it its place, and nothing unchecked is committed", () => {
    always((bytes) => {
      const peer = new PeerMachine({
        consenters: toyConsenters,
        preferred: [],
        head: headOf(toyGenesis),
        committed: [],
        censorshipTimeout: seconds(1),
        connectTimeout: seconds(1),
        backoff: { base: milliseconds(1), max: seconds(1) },
      });
      const streams = peer
        .step(instant(0), { kind: "start" })
        .flatMap((effect) => (effect.kind === "open" ? [effect.stream] : []));
      const seen: PeerEffect[] = [];
      for (const stream of streams) seen.push(...peer.step(instant(1), { kind: "response", stream, bytes }));
      for (const effect of seen) {
        if (effect.kind === "verify")
          peer.step(instant(2), { kind: "verified", id: effect.id, results: [false, false, false] });
      }
      expect(seen.some(({ kind }) => kind === "commit")).toBe(false);
    });
  });

  test("from a source do not stop a sync", () => {
    always((bytes) => {
      const sync = new Synchroniser({
        self: nodeId(4),
        consenters: toyConsenters,
        head: headOf(toyGenesis),
        limits: fabricSyncLimits,
      });
      const opened = (effects: readonly SyncEffect[]): readonly number[] =>
        effects.flatMap((effect) => (effect.kind === "open" ? [effect.stream] : []));
      const [first = 0, second = 0, third = 0] = opened(sync.step(instant(0), { kind: "start" }));
      sync.step(instant(1), { kind: "response", stream: first, bytes });
      const known = blockResponse(chain[3] ?? toyGenesis);
      sync.step(instant(2), { kind: "response", stream: second, bytes: known });
      const pulls = opened(sync.step(instant(3), { kind: "response", stream: third, bytes: known }));
      for (const stream of pulls) sync.step(instant(4), { kind: "response", stream, bytes });
      expect(sync.deadline()).toBeDefined();
    });
  });
});
