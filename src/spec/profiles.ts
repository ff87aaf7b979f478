// The three profiles: named sets of protocol timers, transport settings and the peer's own timers. Every default that
// decides how long a broken path goes unnoticed has a value here. Numbers of `fabric`: a Fabric v3 orderer with its
// sample BFT channel; of `library`: SmartBFT's own defaults; of `fast`: made for demonstrations. docs/timers.md tells
// what each of them does on the way from "interface down" to "first commit".
import { milliseconds, seconds } from "../base/index.js";
import type { TransportSettings } from "../boundary/index.js";
import { libraryOptions, type ProtocolOptions } from "../smartbft/index.js";
import type { PeerTimers, Profile, ProfileName } from "./topology.js";

/**
 * `reno` is the only congestion control that every kernel has built in and lets every network namespace choose: what
 * the kernel lists as available may be refused inside a namespace (its `tcp_allowed_congestion_control` decides), and
 * a lab whose numbers depend on the machine is worth nothing. A topology may choose `cubic` where its kernel allows it.
 */
const tcpCongestionControl = "reno";

const fabricProtocol: ProtocolOptions = {
  ...libraryOptions,
  requestBatchMaxCount: 100,
  requestBatchMaxBytes: 10_485_760,
  requestBatchMaxInterval: milliseconds(200),
  incomingMessageBufferSize: 200,
  requestPoolSize: 100_000,
  requestForwardTimeout: seconds(5),
  requestComplainTimeout: seconds(20),
  requestAutoRemoveTimeout: seconds(180),
  viewChangeResendInterval: seconds(5),
  viewChangeTimeout: seconds(20),
  leaderHeartbeatTimeout: seconds(60),
  leaderHeartbeatCount: 10,
  collectTimeout: seconds(1),
  syncOnStart: false,
  speedUpViewChange: false,
  leaderRotation: false,
  decisionsPerLeader: 0,
  // Absent in the sample channel, where the orderer then takes RequestBatchMaxBytes.
  requestMaxBytes: 10_485_760,
  tickInterval: seconds(1),
};

const fabricTransport: TransportSettings = {
  broadcast: "sequential",
  // A connect attempt of grpc-go lasts at least this long before it is given up.
  connectTimeout: seconds(20),
  keepaliveTime: seconds(60),
  keepaliveTimeout: seconds(20),
  reconnectBackoffBase: seconds(1),
  reconnectBackoffMax: seconds(120),
  // grpc-go sets it to the keepalive timeout on every connection, so all Fabric nodes have 20 s.
  tcpUserTimeout: seconds(20),
  // The kernel's default; Fabric does not change it.
  tcpSynRetries: 6,
  sendBufferMessages: 100,
  tcpCongestionControl,
  // As the library: a queue of IncomingMessageBufferSize for everybody.
  ingress: "shared",
};

/** core.yaml's defaults. The backoff limit of an hour is the real one: after a long outage a peer may be away for minutes. */
const fabricPeer: PeerTimers = {
  censorshipTimeout: seconds(30),
  reconnectBackoffBase: milliseconds(100),
  reconnectBackoffMax: seconds(3600),
};

const fastProtocol: ProtocolOptions = {
  ...fabricProtocol,
  requestBatchMaxInterval: milliseconds(50),
  requestPoolSize: 10_000,
  requestForwardTimeout: milliseconds(500),
  requestComplainTimeout: milliseconds(1_500),
  viewChangeResendInterval: seconds(1),
  viewChangeTimeout: seconds(5),
  leaderHeartbeatTimeout: seconds(5),
  leaderHeartbeatCount: 5,
  collectTimeout: milliseconds(200),
  tickInterval: milliseconds(100),
};

const fastTransport: TransportSettings = {
  ...fabricTransport,
  broadcast: "parallel",
  connectTimeout: seconds(2),
  keepaliveTime: seconds(2),
  keepaliveTimeout: seconds(2),
  reconnectBackoffBase: milliseconds(200),
  reconnectBackoffMax: seconds(2),
  tcpUserTimeout: seconds(4),
  // The connect attempt then fails after 3 s (1 s, then 2 s) in place of more than a minute.
  tcpSynRetries: 1,
};

const fastPeer: PeerTimers = {
  censorshipTimeout: seconds(2),
  reconnectBackoffBase: milliseconds(100),
  reconnectBackoffMax: seconds(2),
};

export const profiles: Readonly<Record<ProfileName, Profile>> = {
  fabric: { name: "fabric", protocol: fabricProtocol, transport: fabricTransport, peer: fabricPeer },
  library: { name: "library", protocol: libraryOptions, transport: fabricTransport, peer: fabricPeer },
  fast: { name: "fast", protocol: fastProtocol, transport: fastTransport, peer: fastPeer },
};

export const profileNames: readonly ProfileName[] = ["fabric", "library", "fast"];
