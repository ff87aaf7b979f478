// Our bytes against fabric-protos' generated classes, which are the oracle here and nothing but: one side encodes, the
// other decodes. DER and signature forms are checked on their edges. The generated classes load from their `_pb` files,
// because the packages' indexes pull in gRPC.
import { generateKeyPairSync, sign, verify } from "node:crypto";
import common from "@hyperledger/fabric-protos/lib/common/common_pb.js";
import configtx from "@hyperledger/fabric-protos/lib/common/configtx_pb.js";
import configuration from "@hyperledger/fabric-protos/lib/common/configuration_pb.js";
import identities from "@hyperledger/fabric-protos/lib/msp/identities_pb.js";
import ab from "@hyperledger/fabric-protos/lib/orderer/ab_pb.js";
import cluster from "@hyperledger/fabric-protos/lib/orderer/clusterserver_pb.js";
import { describe, expect, test } from "vitest";
import { concat, equalBytes, nodeId, sha256Hex, toHex, utf8 } from "../base/index.js";
import { decodeBlock, encodeBlock, type Block } from "./block.js";
import {
  broadcastResponseFor,
  decodeBroadcastResponse,
  decodeClusterStep,
  decodeDeliverResponse,
  decodeSeekEnvelope,
  deliverBlock,
  deliverStatus,
  encodeBroadcastResponse,
  encodeClusterStep,
  seekEnvelope,
  seekFrom,
  seekNewest,
} from "./deliver.js";
import { DerReader, derInteger, derOctets, derSequence, derUnsigned } from "./der.js";
import { creatorOf, decodeEnvelope, envelopeFor, examineEnvelope, membersOf, validationOf } from "./envelope.js";
import { genesisBlock } from "./genesis.js";
import { decoded } from "./protobuf.js";
import { isLowS, lowS } from "./signature.js";

const plain = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes);
const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
const client = { mspId: "Org1MSP", publicKey: pem };
const signer = (bytes: Uint8Array): Uint8Array => plain(sign("sha256", bytes, privateKey));

function transaction(
  counter: number,
  data = utf8("data"),
): { readonly transactionId: string; readonly bytes: Uint8Array } {
  const nonce = new Uint8Array(24).fill(counter);
  const timestamp = { seconds: 1_795_347_923, nanoseconds: 5 };
  return envelopeFor({ channel: "vec", creator: creatorOf(client), nonce, data, timestamp, sign: signer });
}

describe("envelopes", () => {
  test("are what fabric-protos reads", () => {
    const { bytes, transactionId } = transaction(7);
    const payload = common.Payload.deserializeBinary(common.Envelope.deserializeBinary(bytes).getPayload_asU8());
    const header = common.ChannelHeader.deserializeBinary(payload.getHeader()?.getChannelHeader_asU8() ?? plain(bytes));
    expect(header.toObject()).toMatchObject({ type: 3, channelId: "vec", txId: transactionId, epoch: 0 });
    expect(header.getTimestamp()?.toObject()).toEqual({ seconds: 1_795_347_923, nanos: 5 });
    const raw = payload.getHeader()?.getSignatureHeader_asU8() ?? plain(bytes);
    const signatureHeader = common.SignatureHeader.deserializeBinary(raw);
    const identity = identities.SerializedIdentity.deserializeBinary(signatureHeader.getCreator_asU8());
    expect(identity.getMspid()).toBe("Org1MSP");
    expect(new TextDecoder().decode(identity.getIdBytes_asU8())).toBe(pem);
    expect(transactionId).toBe(sha256Hex(signatureHeader.getNonce_asU8(), signatureHeader.getCreator_asU8()));
    expect(toHex(common.Envelope.deserializeBinary(bytes).serializeBinary())).toBe(toHex(bytes));
  });

  test("are refused with the status that Fabric answers", () => {
    const members = membersOf("vec", [client]);
    const outcome = (bytes: Uint8Array, of = members): string => {
      const examined = examineEnvelope(bytes, of);
      return examined.kind === "good" ? "good" : `${examined.status} ${examined.reason}`;
    };
    const { bytes } = transaction(1);
    const opened = decodeEnvelope(bytes);
    if (opened.kind === "bad") throw new Error(opened.reason);
    const unsigned = new common.Envelope();
    unsigned.setPayload(opened.value.payload);
    expect(outcome(bytes)).toBe("good");
    expect(outcome(concat(bytes, Uint8Array.of(0x18, 1)))).toBe("400 envelope: not its canonical encoding");
    expect(outcome(plain(unsigned.serializeBinary()))).toBe("400 envelope: no signature");
    expect(outcome(plain(new Uint8Array(0)))).toBe("400 envelope: no payload");
    expect(outcome(bytes, membersOf("other", [client]))).toBe("400 channel does not exist");
    expect(outcome(bytes, membersOf("vec", []))).toBe("403 creator is not a member of the channel");
    const seek = seekEnvelope(seekNewest, {
      channel: "vec",
      creator: creatorOf(client),
      nonce: new Uint8Array(24),
      timestamp: { seconds: 0, nanoseconds: 0 },
      sign: signer,
    });
    expect(outcome(seek)).toBe("400 header type 5 is not ordered");
  });

  test("a peer gives malformed entries Fabric's codes", () => {
    expect(validationOf(utf8("nonsense")).code).toBe(2);
    expect(validationOf(transaction(1).bytes)).toEqual({ code: 0, transactionId: transaction(1).transactionId });
  });
});

describe("blocks and streams", () => {
  const block: Block = {
    header: { number: 300, previousHash: new Uint8Array(32).fill(1), dataHash: new Uint8Array(32).fill(2) },
    data: [transaction(1).bytes, transaction(2).bytes],
    metadata: [utf8("slot"), plain(new Uint8Array(0)), utf8("x"), plain(new Uint8Array(0)), plain(new Uint8Array(0))],
  };

  test("a block is what fabric-protos writes, and does not share memory with its bytes", () => {
    const bytes = encodeBlock(block);
    expect(toHex(common.Block.deserializeBinary(bytes).serializeBinary())).toBe(toHex(bytes));
    // A Buffer's own slice shares memory: hosts pass Buffers.
    const buffer = Buffer.from(bytes);
    const read = decodeBlock(buffer);
    buffer.fill(0);
    expect(read).toEqual({ kind: "good", value: block });
  });

  test("deliver responses carry whole blocks, headers alone, or a status", () => {
    const bytes = encodeBlock(block);
    const whole = ab.DeliverResponse.deserializeBinary(deliverBlock(bytes, "block"));
    expect(whole.getBlock()?.getData()?.getDataList().length).toBe(2);
    expect(decodeDeliverResponse(deliverBlock(bytes, "header"))).toEqual({
      kind: "good",
      value: { kind: "block", block: { ...block, data: [] } },
    });
    expect(ab.DeliverResponse.deserializeBinary(deliverStatus(404)).getStatus()).toBe(404);
    expect(decodeDeliverResponse(deliverStatus(404))).toEqual({ kind: "good", value: { kind: "status", status: 404 } });
  });

  test("a seek goes out as Fabric's SeekInfo and comes back", () => {
    const content = {
      channel: "vec",
      creator: creatorOf(client),
      nonce: new Uint8Array(24),
      timestamp: { seconds: 1, nanoseconds: 0 },
      sign: signer,
    };
    for (const seek of [seekFrom(0, "block"), seekFrom(12, "header"), seekNewest]) {
      const bytes = seekEnvelope(seek, content);
      expect(decodeSeekEnvelope(bytes)).toEqual({ kind: "good", value: { channel: "vec", seek } });
      const payload = common.Payload.deserializeBinary(common.Envelope.deserializeBinary(bytes).getPayload_asU8());
      const info = ab.SeekInfo.deserializeBinary(payload.getData_asU8());
      expect(info.getContentType()).toBe(seek.content === "header" ? 1 : 0);
      expect(info.getStart()?.hasSpecified()).toBe(seek.start.kind === "specified");
      expect(toHex(info.serializeBinary())).toBe(toHex(payload.getData_asU8()));
    }
  });

  test("a stop at 2^64 - 1 means never", () => {
    const specified = concat(Uint8Array.of(0x08), new Uint8Array(9).fill(0xff), Uint8Array.of(1));
    const position = concat(Uint8Array.of(0x1a, specified.length), specified);
    const data = concat(Uint8Array.of(0x0a, 2, 0x12, 0, 0x12, position.length), position);
    const payload = new common.Payload();
    const header = new common.Header();
    const channelHeader = new common.ChannelHeader();
    channelHeader.setType(5);
    header.setChannelHeader(channelHeader.serializeBinary());
    payload.setHeader(header);
    payload.setData(data);
    const envelope = new common.Envelope();
    envelope.setPayload(payload.serializeBinary());
    const read = decodeSeekEnvelope(plain(envelope.serializeBinary()));
    expect(read.kind === "good" && read.value.seek.stop).toEqual({
      kind: "specified",
      number: Number.MAX_SAFE_INTEGER,
    });
  });

  test("broadcast responses say what gateways compare", () => {
    const response = broadcastResponseFor({ kind: "refused", reason: "request already exists" });
    expect(response).toEqual({ status: 503, info: "failed to submit request: request already exists" });
    const bytes = encodeBroadcastResponse(response);
    expect(ab.BroadcastResponse.deserializeBinary(bytes).toObject()).toEqual(response);
    expect(decodeBroadcastResponse(bytes)).toEqual({ kind: "good", value: response });
  });

  test("cluster steps are ClusterNodeServiceStepRequests", () => {
    const { bytes } = transaction(3);
    const forwarded = encodeClusterStep({ kind: "transaction", envelope: bytes });
    const read = cluster.ClusterNodeServiceStepRequest.deserializeBinary(forwarded);
    expect(toHex(read.getNodeTranrequest()?.getPayload()?.serializeBinary() ?? plain(bytes))).toBe(toHex(bytes));
    expect(decodeClusterStep(forwarded)).toEqual({ kind: "good", value: { kind: "transaction", envelope: bytes } });
    const consensus = encodeClusterStep({ kind: "consensus", message: utf8("m") });
    const message = cluster.ClusterNodeServiceStepRequest.deserializeBinary(consensus).getNodeConrequest();
    expect(message?.getPayload_asU8()).toEqual(utf8("m"));
    expect(decodeClusterStep(consensus)).toEqual({ kind: "good", value: { kind: "consensus", message: utf8("m") } });
  });

  test("genesis is a config block that fabric-protos reads, the same whatever the consenters' order", () => {
    const consenters = [2, 1].map((id) => ({ id: nodeId(id), address: `10.0.0.${id}`, port: 7050, publicKey: pem }));
    const genesis = genesisBlock("vec", consenters);
    expect(encodeBlock(genesisBlock("vec", consenters.toReversed()))).toEqual(encodeBlock(genesis));
    expect(encodeBlock(genesisBlock("other", consenters))).not.toEqual(encodeBlock(genesis));
    const payload = common.Payload.deserializeBinary(
      common.Envelope.deserializeBinary(genesis.data[0] ?? plain(utf8(""))).getPayload_asU8(),
    );
    const config = configtx.ConfigEnvelope.deserializeBinary(payload.getData_asU8()).getConfig();
    const group = config?.getChannelGroup()?.getGroupsMap().get("Orderer");
    const value = group?.getValuesMap().get("Orderers")?.getValue_asU8() ?? plain(utf8(""));
    const mapping = configuration.Orderers.deserializeBinary(value).getConsenterMappingList();
    expect(mapping.map((consenter) => [consenter.getId(), consenter.getHost(), consenter.getPort()])).toEqual([
      [1, "10.0.0.1", 7050],
      [2, "10.0.0.2", 7050],
    ]);
    expect(genesis.metadata.map((slot) => slot.length)).toEqual([4, 0, 0, 0, 0]);
  });
});

describe("DER", () => {
  test("is minimal when written", () => {
    expect([0, 127, 128, 255, 256, 2 ** 53 - 1].map((value) => toHex(derInteger(value)))).toEqual([
      "020100",
      "02017f",
      "02020080",
      "020200ff",
      "02020100",
      "02071fffffffffffff",
    ]);
    expect(toHex(derOctets(new Uint8Array(200))).slice(0, 6)).toBe("0481c8");
    expect(toHex(derUnsigned(Uint8Array.of(0, 0, 0x80)))).toBe("02020080");
  });

  test.each([
    ["empty", ""],
    ["another tag", "040100"],
    ["indefinite length", "30800201000000"],
    ["length longer than needed", "3081020201"],
    ["length of five bytes", "30850000000003020101"],
    ["negative integer", "30030201ff"],
    ["padded integer", "300402020001"],
    ["integer without content", "30020200"],
    ["integer above 2^53 - 1", "30090207" + "20" + "00".repeat(6)],
    ["truncated", "30030201"],
    ["bytes after the end", "300302010100"],
    ["bytes after the end inside", "30050201010500"],
  ])("is refused when it is not: %s", (_, hex) => {
    const read = decoded("DER", () => {
      const reader = new DerReader(Uint8Array.from(Buffer.from(hex, "hex")));
      const inner = reader.sequence();
      const value = inner.integer();
      inner.end();
      reader.end();
      return value;
    });
    expect(read.kind).toBe("bad");
  });
});

describe("signatures", () => {
  test("in the upper half verify in OpenSSL, are refused here, and are good once normalised", () => {
    let upper = 0;
    for (let round = 0; round < 40; round++) {
      const message = utf8(`message ${round}`);
      const signature = signer(message);
      const low = lowS(signature);
      if (low.kind === "bad") throw new Error(low.reason);
      if (!isLowS(signature)) upper += 1;
      expect(equalBytes(low.value, signature)).toBe(isLowS(signature));
      expect(isLowS(low.value)).toBe(true);
      expect(verify("sha256", message, publicKey, low.value)).toBe(true);
    }
    expect(upper).toBeGreaterThan(5);
  });

  test("that are not DER of two numbers of the group are refused", () => {
    const number = derUnsigned(new Uint8Array(32).fill(0xff));
    for (const bad of [
      utf8("no"),
      derSequence(derInteger(0), derInteger(1)),
      derSequence(derInteger(1), derInteger(0)),
      derSequence(number, derInteger(1)),
      derSequence(derUnsigned(new Uint8Array(5000).fill(1)), derInteger(1)),
      concat(derSequence(derInteger(1), derInteger(1)), Uint8Array.of(0)),
    ]) {
      expect(isLowS(bad)).toBe(false);
      expect(lowS(bad).kind).toBe("bad");
    }
    expect(isLowS(derSequence(derInteger(1), derInteger(1)))).toBe(true);
  });
});
