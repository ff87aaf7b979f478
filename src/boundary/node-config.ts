// What a node is told at start: a JSON file in its run directory. The plan decides all of it but keys, which are made at
// `up` and named here by path or value. A node does not know that it is in a testbed.
import type { Duration, NodeId } from "../base/index.js";
import type { ProtocolOptions } from "../smartbft/index.js";
import type { TransportSettings } from "./transport.js";

export interface Consenter {
  readonly id: NodeId;
  readonly name: string;
  /** IPv4 loopback address the orderer listens on and sends from. */
  readonly address: string;
  readonly port: number;
  /** SPKI PEM of its P-256 key. */
  readonly publicKey: string;
}

export interface ClientIdentity {
  readonly name: string;
  readonly mspId: string;
  readonly publicKey: string;
}

interface NodeConfigBase {
  readonly format: 1;
  readonly name: string;
  readonly channel: string;
  /** Loopback address to listen on; also the source of every connection, by routing. Empty on a node without links. */
  readonly address: string;
  /** PKCS#8 PEM file of this node's P-256 key. */
  readonly privateKeyFile: string;
  /** Folder for ledger and log; survives a restart of the process. */
  readonly dataDirectory: string;
  /** Unix socket on which the node serves control messages in and events out. */
  readonly controlSocket: string;
  readonly consenters: readonly Consenter[];
  readonly clients: readonly ClientIdentity[];
  readonly transport: TransportSettings;
  readonly seed: string;
}

/** What an orderer's replica is: ours, or the Go library SmartBFT itself (docs/interop.md). */
export type Implementation = "testbed" | "smartbft-go";

export interface OrdererConfig extends NodeConfigBase {
  readonly kind: "orderer";
  /** Which program this was written for; the other one refuses it. */
  readonly implementation: Implementation;
  readonly id: NodeId;
  readonly port: number;
  readonly options: ProtocolOptions;
  readonly tickPhase: Duration;
  /** Emit `message` events for every message in and out. */
  readonly messageTrace: boolean;
}

export interface PeerConfig extends NodeConfigBase {
  readonly kind: "peer";
  /** Names of orderers to pull blocks from, in order of preference; the rest follow in id order. */
  readonly blockSources: readonly string[];
  /** A header seen elsewhere and no block for this long: take another source (Fabric: 30 s). */
  readonly censorshipTimeout: Duration;
  readonly reconnectBackoffBase: Duration;
  readonly reconnectBackoffMax: Duration;
}

export interface ClientConfig extends NodeConfigBase {
  readonly kind: "client";
  readonly mspId: string;
}

export type NodeConfig = OrdererConfig | PeerConfig | ClientConfig;
