// The application side as a replica uses it: four orderers with real keys propose, examine, sign and store; what they
// store passes the same verification as real Fabric blocks, and comes back as the decision it was.
import { createPublicKey, generateKeyPairSync, randomBytes, sign, verify } from "node:crypto";
import { describe, expect, test } from "vitest";
import { emptyBytes, equalBytes, nodeId, quorumSize, sequence, toHex, utf8, type NodeId } from "../base/index.js";
import type { Decision, Proposal, VerifyItem } from "../smartbft/index.js";
import { OrdererApplication, requestsIn } from "./application.js";
import { judge, verifyBlock } from "./block-verification.js";
import { decodeBlock, encodeBlock, headOf, viewMetadataOf, type Block } from "./block.js";
import { blockFrom, decisionFrom, proposalFor } from "./decision.js";
import { creatorOf, envelopeFor, membersOf } from "./envelope.js";
import { genesisBlock } from "./genesis.js";
import { encodeFields } from "./protobuf.js";

const keyPairs = Array.from({ length: 5 }, () => generateKeyPairSync("ec", { namedCurve: "P-256" }));
const pemOf = (index: number): string =>
  keyPairs[index]?.publicKey.export({ type: "spki", format: "pem" }).toString() ?? "";
const signerOf =
  (index: number) =>
  (bytes: Uint8Array): Uint8Array => {
    const pair = keyPairs[index];
    if (pair === undefined) throw new Error(`no key ${index}`);
    return new Uint8Array(sign("sha256", bytes, pair.privateKey));
  };

const consenters = [1, 2, 3, 4].map((id) => ({
  id: nodeId(id),
  address: "10.0.0.1",
  port: 7050,
  publicKey: pemOf(id - 1),
}));
const client = { mspId: "Org1MSP", publicKey: pemOf(4) };
const genesis = genesisBlock("vec", consenters);

const applicationOf = (id: NodeId): OrdererApplication =>
  new OrdererApplication({
    id,
    consenters,
    members: membersOf("vec", [client]),
    head: headOf(genesis),
    sign: signerOf(id - 1),
    nonce: () => new Uint8Array(randomBytes(24)),
  });

const transaction = (text: string): Uint8Array =>
  envelopeFor({
    channel: "vec",
    creator: creatorOf(client),
    nonce: new Uint8Array(randomBytes(24)),
    data: utf8(text),
    timestamp: { seconds: 1, nanoseconds: 0 },
    sign: signerOf(4),
  }).bytes;

const check = ({ key, message, signature }: VerifyItem): boolean =>
  verify("sha256", message, createPublicKey(key), signature);

const viewMetadata = (view: number, number: number): Uint8Array => encodeFields([1, view], [2, sequence(number)]);

function decide(leader: OrdererApplication, requests: readonly Uint8Array[], metadata: Uint8Array): Decision {
  const proposal = leader.assemble(metadata, requests);
  const signatures = [2, 3, 1].map((id) => applicationOf(nodeId(id)).signProposal(proposal));
  return { proposal, signatures };
}

function stored(decision: Decision): Block {
  const block = blockFrom(decision);
  if (block.kind === "bad") throw new Error(block.reason);
  return block.value;
}

describe("an orderer's application", () => {
  test("what the leader assembles, the others accept, sign and store as a block that verifies", () => {
    const leader = applicationOf(nodeId(1));
    const follower = applicationOf(nodeId(2));
    let previous = genesis;
    for (const number of [1, 2, 3]) {
      const requests = [transaction(`a${number}`), transaction(`b${number}`)];
      const decision = decide(leader, requests, viewMetadata(3, number));
      const examined = follower.examine(decision.proposal);
      if (examined.kind === "refused") throw new Error(examined.reason);
      expect(examined.requests).toEqual(requests.map((request) => follower.requestInfo(request)));
      expect(examined.items.map(check)).toEqual([true, true]);
      for (const signature of decision.signatures) {
        const item = follower.commitSignatureItem(signature, decision.proposal);
        expect(item !== undefined && check(item)).toBe(true);
      }
      const block = stored(decision);
      const checkable = verifyBlock(block, consenters, headOf(previous));
      if (checkable.kind === "refused") throw new Error(checkable.reason);
      expect(checkable.quorum).toBe(quorumSize(4));
      expect(checkable.signers).toEqual([2, 3, 1]);
      expect(judge(block, checkable, checkable.items.map(check))).toEqual({ kind: "good" });
      expect(viewMetadataOf(block)).toMatchObject({ view: 3, sequence: number, decisions: 0 });
      leader.advance(block);
      follower.advance(block);
      expect(follower.head).toEqual(headOf(block));
      previous = block;
    }
  });

  test("a stored block comes back as the decision it was, field for field, after a trip through bytes", () => {
    const decision = decide(applicationOf(nodeId(1)), [transaction("x")], viewMetadata(0, 1));
    const block = decodeBlock(encodeBlock(stored(decision)));
    if (block.kind === "bad") throw new Error(block.reason);
    expect(decisionFrom(block.value)).toEqual({ kind: "good", value: decision });
    expect(requestsIn(block.value.data)).toEqual(applicationOf(nodeId(1)).requestsOf(decision.proposal));
    expect(decisionFrom(genesis)).toEqual({ kind: "bad", reason: "block carries no decision" });
    expect(requestsIn(genesis.data)).toEqual([]);
  });

  test("a committed request is accepted in a later block, but not twice in one", () => {
    const application = applicationOf(nodeId(1));
    const request = transaction("again");
    application.advance(stored(decide(application, [request], viewMetadata(0, 1))));
    expect(application.examine(application.assemble(viewMetadata(1, 2), [request])).kind).toBe("acceptable");
    const twice = application.assemble(viewMetadata(1, 2), [request, request]);
    expect(application.examine(twice)).toEqual({ kind: "refused", reason: "request 1: twice in one block" });
  });

  test("proposals that are not the next block are refused with the reason", () => {
    const application = applicationOf(nodeId(1));
    const requests = [transaction("x")];
    const metadata = viewMetadata(0, 1);
    const good = application.assemble(metadata, requests);
    const other = applicationOf(nodeId(2));
    other.advance(stored(decide(other, [transaction("y")], metadata)));
    const header = { number: 1, previousHash: headOf(genesis).hash, dataHash: new Uint8Array(32) };
    const cases: readonly (readonly [Proposal, string])[] = [
      [{ ...good, verificationSequence: 1 }, "verification sequence 1, expected 0"],
      [{ ...good, header: utf8("x") }, "block header: tag 120 where 48 belongs"],
      [{ ...good, payload: emptyBytes }, "proposal payload: premature end"],
      [{ ...good, metadata: viewMetadata(1, 1) }, "block metadata: does not carry the proposal's metadata"],
      [other.assemble(metadata, requests), "block 2, expected 1"],
      [
        proposalFor({ ...header, previousHash: new Uint8Array(32) }, requests, metadata),
        "previous hash is not the last block's",
      ],
      [proposalFor(header, requests, metadata), "data hash is not the data's"],
      [application.assemble(metadata, []), "no requests"],
      [application.assemble(metadata, [utf8("?")]), "request 0: envelope: illegal tag: field no 7 wire type 7"],
    ];
    for (const [proposal, reason] of cases) expect(application.examine(proposal)).toEqual({ kind: "refused", reason });
    expect(application.requestsOf({ ...good, payload: emptyBytes })).toEqual([]);
    expect(application.requestInfo(utf8("?"))).toBeUndefined();
    expect(application.requestItems(utf8("?"))).toBeUndefined();
  });

  test("a commit signature must be over this proposal, by whom it names, and low in s", () => {
    const application = applicationOf(nodeId(1));
    const proposal = application.assemble(viewMetadata(0, 1), [transaction("x")]);
    const another = application.assemble(viewMetadata(0, 1), [transaction("y")]);
    const signature = applicationOf(nodeId(2)).signProposal(proposal);
    expect(application.commitSignatureItem(signature, proposal)).toBeDefined();
    expect(application.commitSignatureItem(signature, another)).toBeUndefined();
    expect(application.commitSignatureItem(signature, { ...proposal, metadata: viewMetadata(1, 1) })).toBeUndefined();
    expect(application.commitSignatureItem({ ...signature, signer: nodeId(3) }, proposal)).toBeUndefined();
    expect(application.commitSignatureItem({ ...signature, signer: nodeId(9) }, proposal)).toBeUndefined();
    expect(application.commitSignatureItem({ ...signature, message: utf8("") }, proposal)).toBeUndefined();
    expect(application.commitSignatureItem({ ...signature, value: utf8("") }, proposal)).toBeUndefined();
    expect(application.auxiliary()).toEqual(emptyBytes);
  });

  test("signatures over bytes name their signer's key", () => {
    const application = applicationOf(nodeId(1));
    const bytes = utf8("view data");
    const item = application.signatureItem(nodeId(2), applicationOf(nodeId(2)).sign(bytes), bytes);
    expect(item !== undefined && check(item)).toBe(true);
    expect(application.signatureItem(nodeId(7), application.sign(bytes), bytes)).toBeUndefined();
  });

  test("a block of another chain is a programmer error, not a silent fork", () => {
    const application = applicationOf(nodeId(1));
    const block = stored(decide(application, [transaction("x")], viewMetadata(0, 1)));
    application.advance(block);
    expect(() => application.advance(block)).toThrow("Block 1 after 1");
    expect(equalBytes(application.head.hash, headOf(block).hash)).toBe(true);
    expect(toHex(application.head.hash)).toHaveLength(64);
  });
});
