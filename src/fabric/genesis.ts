// Block 0 of our own channels: a function of the channel's name and its consenters, so that every node makes the same one
// and nobody has to be asked for it. Its one envelope is a config envelope in Fabric's form (fabric-wire.md section 8)
// that holds the consenter mapping and nothing else: organisations, policies and capabilities come with a real genesis.
import { emptyBytes, sha256Hex, utf8, type NodeId } from "../base/index.js";
import { dataHash, encodeOrdererMetadata, slotsWith, type Block } from "./block.js";
import { headerType } from "./envelope.js";
import { encodeFields } from "./protobuf.js";

export interface GenesisConsenter {
  readonly id: NodeId;
  readonly address: string;
  readonly port: number;
  readonly publicKey: string;
}

export function genesisBlock(channel: string, consenters: readonly GenesisConsenter[]): Block {
  const data = [genesisEnvelope(channel, consenters)];
  const value = encodeOrdererMetadata({ lastConfig: 0, consenterMetadata: emptyBytes });
  return {
    header: { number: 0, previousHash: emptyBytes, dataHash: dataHash(data) },
    data,
    metadata: slotsWith({ value, signatures: [] }),
  };
}

/** Unsigned, as Fabric's is. Identities are public keys where Fabric has certificates. */
function genesisEnvelope(channel: string, consenters: readonly GenesisConsenter[]): Uint8Array {
  const mapping = consenters
    .toSorted((left, right) => left.id - right.id)
    .map(({ id, address, port, publicKey }) => encodeFields([1, id], [2, address], [3, port], [5, utf8(publicKey)]));
  const orderers = encodeFields([1, mapping]);
  const ordererGroup = encodeFields([3, [mapEntry("Orderers", encodeFields([2, orderers]))]]);
  const channelGroup = encodeFields([2, [mapEntry("Orderer", ordererGroup)]]);
  const config = encodeFields([2, [channelGroup]]);
  const configEnvelope = encodeFields([1, [config]]);
  // Fabric puts random bytes here; ours must be the same everywhere.
  const transactionId = sha256Hex(configEnvelope);
  const channelHeader = encodeFields([1, headerType.config], [4, channel], [5, transactionId]);
  const header = encodeFields([1, channelHeader], [2, emptyBytes]);
  return encodeFields([1, encodeFields([1, [header]], [2, configEnvelope])]);
}

const mapEntry = (key: string, value: Uint8Array): Uint8Array => encodeFields([1, key], [2, [value]]);
