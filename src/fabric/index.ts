// fabric: Fabric's bytes and machines. Pure. Start with block.ts, then application.ts; the machines that a host runs are
// deliver-session.ts (orderer), synchroniser.ts (orderer), peer.ts and client.ts.
export { OrdererApplication, requestsIn, type OrdererApplicationOptions } from "./application.js";
export {
  blockSignatures,
  checkedBlock,
  hasItsData,
  judge,
  verifyBlock,
  verifyHeader,
  type BlockSignatures,
  type ConsenterKey,
  type Refused,
  type Verdict,
} from "./block-verification.js";
export {
  dataHash,
  decodeBlock,
  encodeBlock,
  headerDer,
  headerHash,
  headOf,
  viewMetadataOf,
  withoutData,
  type Block,
  type BlockHeader,
  type Head,
} from "./block.js";
export { blockFrom, decisionFrom, storedDecision } from "./decision.js";
export {
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
  seekRange,
  status,
  type BroadcastResponse,
  type ClusterStep,
  type Content,
  type DeliverResponse,
  type Seek,
  type SeekPosition,
} from "./deliver.js";
export {
  creatorOf,
  dataOfSize,
  envelopeFor,
  examineEnvelope,
  membersOf,
  nonceSize,
  requestIdentity,
  transactionIdOf,
  validationCode,
  type BadEnvelope,
  type EnvelopeContent,
  type GoodEnvelope,
  type Members,
  type Timestamp,
} from "./envelope.js";
export { ClientMachine, type ClientEffect, type ClientInput, type ClientOptions } from "./client.js";
export { DeliverSession, type DeliverEffect, type DeliverInput } from "./deliver-session.js";
export type { Backoff, StreamEffect, StreamInput } from "./deliver-stream.js";
export { PeerMachine, type PeerEffect, type PeerInput, type PeerOptions } from "./peer.js";
export {
  fabricSyncLimits,
  Synchroniser,
  type SyncEffect,
  type SyncInput,
  type SyncLimits,
  type SyncOutcome,
  type SynchroniserOptions,
} from "./synchroniser.js";
export { genesisBlock, type GenesisConsenter } from "./genesis.js";
export { blockEvent } from "./block-event.js";
export { BroadcastClient } from "./broadcast-client.js";
export { ClusterSenders, type SendersOptions } from "./cluster-senders.js";
export { ClusterLink, type LinkOptions, type SendResult } from "./cluster-link.js";
export { DeliverReader, type ReaderOptions } from "./deliver-reader.js";
export { receivedEvent, rejectedEvent, sentEvent } from "./message-events.js";
export type {
  ChannelState,
  ChannelTarget,
  Method,
  OutboundChannel,
  OutboundStream,
  StreamListener,
} from "./outbound.js";
export { ordererMachines, type OrdererMachines, type OrdererParts } from "./orderer-machines.js";
export { laneOf, Outbox, type Lane } from "./outbox.js";
export type { Decoded } from "./protobuf.js";
export { isLowS, lowS } from "./signature.js";
