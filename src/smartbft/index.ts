// smartbft: SmartBFT as a deterministic machine. Pure. Start with contract.ts, then replica.ts.
export {
  steps,
  type Application,
  type Component,
  type Decision,
  type Effect,
  type Examination,
  type Fact,
  type Input,
  type MessageType,
  type Proposal,
  type Reconfiguration,
  type Recovery,
  type RequestInfo,
  type Signature,
  type Step,
  type SubmitOutcome,
  type SubmitRefusal,
  type Trace,
  type VerifyItem,
} from "./contract.js";
export { libraryOptions, optionProblems, type Fidelity, type Options, type ProtocolOptions } from "./options.js";
export {
  misbehaviours,
  type Insider,
  type Misbehaviour,
  type Participant,
  type Twin,
  type WrapperEffect,
} from "./byzantine/contract.js";
export { Turncoat, type TurncoatInput } from "./byzantine/turncoat.js";
export { decodedMetadata } from "./checkpoint.js";
export { isReasonOfImproved } from "./in-flight-votes.js";
export { Ingress, type IngressKind } from "./ingress.js";
export { IngressTurns, type TurnsOptions } from "./ingress-turns.js";
export { Replica, type ReplicaStatus } from "./replica.js";
export type { Phase } from "./view.js";
export type {
  Commit,
  Decoded,
  HeartBeat,
  HeartBeatResponse,
  Message,
  NewView,
  NormalMessage,
  PrePrepare,
  Prepare,
  SavedMessage,
  SignedViewData,
  StateTransferRequest,
  StateTransferResponse,
  ViewChange,
  ViewChangeMessage,
  ViewData,
  ViewMetadata,
} from "./wire/message.js";
export {
  decodeMessage,
  decodePreparesFrom,
  decodeSavedMessage,
  decodeViewData,
  decodeViewMetadata,
} from "./wire/decode.js";
export {
  encodeMessage,
  encodePreparesFrom,
  encodeSavedMessage,
  encodeViewData,
  encodeViewMetadata,
} from "./wire/encode.js";
export {
  derElement,
  derInteger,
  derOctets,
  derSequence,
  previousSignaturesDigest,
  proposalDigest,
} from "./wire/digest.js";
export {
  anchorFrame,
  firstLogCrc,
  frameRecord,
  readFrames,
  readLog,
  type Frame,
  type FramesRead,
  type LogRead,
} from "./wire/frames.js";
export { EffectQueue, type EffectPorts, type SentTrace, type WalRecord } from "./effect-queue.js";
