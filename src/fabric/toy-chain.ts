// A small chain for tests of the machines, with toy signatures: a hash of key and message in the form of a DER signature,
// so that thousands of checks cost nothing and a machine cannot tell the difference. Never part of a running node.
import { equalBytes, nodeId, sha256, utf8 } from "../base/index.js";
import type { Decision, VerifyItem } from "../smartbft/index.js";
import { OrdererApplication } from "./application.js";
import { encodeBlock, headOf, type Block } from "./block.js";
import { blockFrom } from "./decision.js";
import { derInteger, derSequence } from "./der.js";
import { creatorOf, envelopeFor, membersOf } from "./envelope.js";
import { genesisBlock } from "./genesis.js";
import { encodeFields } from "./protobuf.js";

export const toySign =
  (key: string) =>
  (message: Uint8Array): Uint8Array => {
    const [a = 0, b = 0, c = 0, d = 0] = sha256(utf8(key), message);
    return derSequence(derInteger(1 + a + 256 * b), derInteger(1 + c + 256 * d));
  };

export const toyCheck = ({ key, message, signature }: VerifyItem): boolean =>
  equalBytes(toySign(key)(message), signature);

export const toyConsenters = [1, 2, 3, 4].map((id) => ({
  id: nodeId(id),
  name: `orderer${id}`,
  address: `10.0.0.${id}`,
  port: 7050,
  publicKey: `key of orderer${id}`,
}));
export const toyClient = { mspId: "Org1MSP", publicKey: "key of client1" };
export const toyGenesis = genesisBlock("vec", toyConsenters);

export const toyTransaction = (counter: number): { readonly transactionId: string; readonly bytes: Uint8Array } =>
  envelopeFor({
    channel: "vec",
    creator: creatorOf(toyClient),
    nonce: sha256(utf8(`nonce ${counter}`)).slice(0, 24),
    data: utf8(`data ${counter}`),
    timestamp: { seconds: counter, nanoseconds: 0 },
    sign: toySign(toyClient.publicKey),
  });

/** Blocks 0 to `count`; block n holds the transactions that `transactionsOf` names. */
export function toyChain(count: number, transactionsOf = (number: number): readonly number[] => [number]): Block[] {
  const chain = [toyGenesis];
  const applications = toyConsenters.map(
    ({ id, publicKey }) =>
      new OrdererApplication({
        id,
        consenters: toyConsenters,
        members: membersOf("vec", [toyClient]),
        head: headOf(toyGenesis),
        sign: toySign(publicKey),
        nonce: () => new Uint8Array(24).fill(id),
      }),
  );
  for (let number = 1; number <= count; number++) {
    const requests = transactionsOf(number).map((counter) => toyTransaction(counter).bytes);
    const proposal = applications[0]?.assemble(encodeFields([2, number]), requests);
    if (proposal === undefined) throw new Error("no orderers");
    const signatures = applications.slice(0, 3).map((application) => application.signProposal(proposal));
    const decision: Decision = { proposal, signatures };
    const block = blockFrom(decision);
    if (block.kind === "bad") throw new Error(block.reason);
    for (const application of applications) application.advance(block.value);
    chain.push(block.value);
  }
  return chain;
}

/** A Deliver response that carries the block. */
export const blockResponse = (block: Block): Uint8Array => encodeFields([2, [encodeBlock(block)]]);
