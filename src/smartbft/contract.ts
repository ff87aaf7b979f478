// The contract of the consensus core: what goes in, what comes out, what it asks of the application.
//
//     replica.step(now, input) → effects      replica.deadline() → the earliest instant at which step must be called
//
// A host keeps one queue of effects and carries them out in order: a `persist` is durable before any later `send` leaves.
// Effects with an answer (`verify`, `deliver`, `synchronise`) are answered by exactly one later input; the replica never
// blocks on them, but the rules that the library runs "while it waits" are kept. Hosts: node (gRPC, disks), sim, tests.
import type { NodeId, Sequence, View } from "../base/index.js";
import type { ProtocolOptions } from "./options.js";
import type { Decoded, Message } from "./wire/message.js";

/** Section 1.2, `Proposal`. All byte strings present, maybe empty; metadata is an encoded ViewMetadata. */
export interface Proposal {
  readonly header: Uint8Array;
  readonly payload: Uint8Array;
  readonly metadata: Uint8Array;
  readonly verificationSequence: number;
}

/** Section 1.2, `Signature`. */
export interface Signature {
  readonly signer: NodeId;
  readonly value: Uint8Array;
  readonly message: Uint8Array;
}

/** A decided proposal with its commit signatures: Q-1 foreign ones in order of completion, then one's own. */
export interface Decision {
  readonly proposal: Proposal;
  readonly signatures: readonly Signature[];
}

/** Identity of a request: two strings that the application derives (section 1.4). */
export interface RequestInfo {
  readonly clientId: string;
  readonly requestId: string;
}

/** One signature to check. `key` names a public key that the host knows; the check is ECDSA P-256 over SHA-256 of message. */
export interface VerifyItem {
  readonly key: string;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

export type Input =
  | { readonly kind: "start" }
  | { readonly kind: "deadline" }
  /**
   * An encoded `Message` and the sender that the transport vouches for. `decoded`: what `decodeMessage` makes of the bytes, where
   * the host knows it already.
   */
  | {
      readonly kind: "message";
      readonly from: NodeId;
      readonly bytes: Uint8Array;
      readonly decoded?: Decoded<Message>;
    }
  /**
   * A client's request at this node; answered by one `submitted` effect with the same token, maybe much later. `info` is its
   * identity where the host, who has examined it, knows it already.
   */
  | { readonly kind: "submit"; readonly token: number; readonly request: Uint8Array; readonly info?: RequestInfo }
  /** A raw request that a follower forwarded to us as leader. */
  | { readonly kind: "forwarded"; readonly from: NodeId; readonly request: Uint8Array }
  | { readonly kind: "complain"; readonly view: View; readonly stopView: boolean }
  | { readonly kind: "verified"; readonly id: number; readonly results: readonly boolean[] }
  | { readonly kind: "delivered"; readonly sequence: Sequence; readonly reconfiguration?: Reconfiguration }
  /** The newest decision of the local ledger after the sync (undefined at genesis) and the requests it brought in. */
  | {
      readonly kind: "synchronised";
      readonly id: number;
      readonly decision: Decision | undefined;
      readonly requests: readonly RequestInfo[];
      /** When any of the decisions that it brought reconfigured: the newest state. */
      readonly reconfiguration?: Reconfiguration;
    };

/** What a decision made of the cluster (section 4.6): the members now, and options that differ from before. */
export interface Reconfiguration {
  /** In any order. Without this replica it is evicted, and does nothing any more. */
  readonly nodes: readonly NodeId[];
  /** All but `requestPoolSize`, which a running pool keeps. */
  readonly options?: Partial<ProtocolOptions>;
}

export type Effect =
  /** Append an encoded SavedMessage; `truncate` marks a new starting point of the log. Durable before any later send. */
  | { readonly kind: "persist"; readonly record: Uint8Array; readonly truncate: boolean }
  | { readonly kind: "send"; readonly to: NodeId; readonly bytes: Uint8Array }
  | { readonly kind: "forward"; readonly to: NodeId; readonly request: Uint8Array }
  /** Store the decision durably, then answer `delivered`. In order, never twice for one sequence. */
  | { readonly kind: "deliver"; readonly sequence: Sequence; readonly decision: Decision }
  | { readonly kind: "verify"; readonly id: number; readonly items: readonly VerifyItem[] }
  | { readonly kind: "synchronise"; readonly id: number }
  | { readonly kind: "submitted"; readonly token: number; readonly outcome: SubmitOutcome }
  | { readonly kind: "trace"; readonly trace: Trace };

export type SubmitOutcome =
  | { readonly kind: "accepted"; readonly request: RequestInfo }
  | { readonly kind: "refused"; readonly reason: SubmitRefusal };

export type SubmitRefusal =
  | "no leader"
  | "request already exists"
  | "request already processed"
  | "request too large"
  | "pool full"
  | "malformed request";

/** What an application answers about a proposal's content, everything but signatures. */
export type Examination =
  | { readonly kind: "acceptable"; readonly requests: readonly RequestInfo[]; readonly items: readonly VerifyItem[] }
  | { readonly kind: "refused"; readonly reason: string };

/**
 * The application side (section 2), synchronous: signatures are decomposed into items and checked by the host through
 * `verify`. `assemble` and `examine` see the state after the last decision that was answered with `delivered`.
 */
export interface Application {
  /** Identity of a request, or undefined when the bytes are no request. */
  requestInfo(request: Uint8Array): RequestInfo | undefined;
  /** Signatures that must verify before a forwarded request enters the pool; undefined when the bytes are no request. */
  requestItems(request: Uint8Array): readonly VerifyItem[] | undefined;
  /** A proposal from all or a prefix of the requests; copies `metadata` verbatim. */
  assemble(metadata: Uint8Array, requests: readonly Uint8Array[]): Proposal;
  examine(proposal: Proposal): Examination;
  /** Requests of a decided proposal, unchecked. */
  requestsOf(proposal: Proposal): readonly RequestInfo[];
  signProposal(proposal: Proposal, auxiliary: Uint8Array): Signature;
  sign(bytes: Uint8Array): Uint8Array;
  /** What must verify for `signature` to be a commit signature over `proposal`; undefined when it cannot be one. */
  commitSignatureItem(signature: Signature, proposal: Proposal): VerifyItem | undefined;
  /** What must verify for `signature` by `signer` over `bytes` (ViewData); undefined for an unknown signer. */
  signatureItem(signer: NodeId, signature: Uint8Array, bytes: Uint8Array): VerifyItem | undefined;
  /** Auxiliary data embedded in a commit signature's message, unchecked; empty in Fabric. */
  auxiliary(message: Uint8Array): Uint8Array;
  verificationSequence(): number;
  /** Whether the last decision changed the membership: the blacklist then stays as it is. Absent in Fabric. */
  membershipChange?(): boolean;
}

/** Where a replica starts from: the application's last decision and the log's entries since the last truncation. */
export interface Recovery {
  readonly lastDecision: Decision | undefined;
  readonly walEntries: readonly Uint8Array[];
}

export type MessageType =
  | "PrePrepare"
  | "Prepare"
  | "Commit"
  | "ViewChange"
  | "ViewData"
  | "NewView"
  | "HeartBeat"
  | "HeartBeatResponse"
  | "StateTransferRequest"
  | "StateTransferResponse";

/** Components as the library names them, so that a reader of the library finds the way. */
export type Component =
  | "consensus"
  | "controller"
  | "view"
  | "viewChanger"
  | "heartbeatMonitor"
  | "collector"
  | "pool"
  | "batcher"
  | "state"
  /** No component of the library: the wrapper of a node that is Byzantine by order. */
  | "byzantine";

export type Fact = string | number | boolean | readonly number[];

/**
 * A step the protocol took. `received` is emitted once per incoming message, with the decision taken on it;
 * `sent` once per outgoing one. `step` names: see `steps`. Facts are small and flat: they become CSV and JSON as they are.
 */
export type Trace =
  | {
      readonly kind: "received";
      readonly from: NodeId;
      readonly type: MessageType | "unknown";
      readonly view?: number;
      readonly sequence?: number;
      readonly assist?: boolean;
      readonly digest?: string;
      /** What was done with it, in a few words: "stored", "dropped: view 1, expected 2", "rejected: …". */
      readonly decision: string;
      /** What it caused at once: names of effects and steps, in order. */
      readonly effects: readonly string[];
    }
  | {
      readonly kind: "sent";
      readonly to: NodeId;
      readonly type: MessageType;
      readonly view?: number;
      readonly sequence?: number;
      readonly assist?: boolean;
      /** Of a Prepare or Commit: the first 16 characters of what it votes for. */
      readonly digest?: string;
    }
  | {
      readonly kind: "step";
      readonly component: Component;
      readonly step: Step;
      readonly facts: Readonly<Record<string, Fact>>;
    };

/** Names of the steps; the facts that results rely on stand behind each. Others may carry more facts. */
export const steps = [
  "started", // any component at start, in the library's order: collector, viewChanger, controller
  "stopped",
  "forwardTimeout", // pool: { clientId, requestId, leader, isLeader }
  "complainTimeout", // pool: { clientId, requestId, leader, isLeader } = OnLeaderFwdRequestTimeout
  "autoRemoved", // pool: { clientId, requestId }
  "refused", // pool: { reason }
  "timersStopped", // pool: { count }
  "timersRestarted", // pool: { count }
  "batch", // batcher: { count, bytes }
  "proposing", // view: { view, sequence, count }
  "prePrepared", // view: { view, sequence }  "Processed proposal with seq"
  "prepared", // view: { view, sequence }
  "deciding", // view: { view, sequence }
  "delivered", // controller or viewChanger: { view, sequence, count }
  "badProposal", // view: { view, sequence, leader, reason }
  "badVote", // view: { from, reason }
  "heartbeatSent", // heartbeatMonitor: { view, sequence }
  "heartbeatTimeout", // heartbeatMonitor: { view, leader }
  "role", // heartbeatMonitor: { role: "leader" | "follower", view, leader }
  "heartbeatsStopped", // heartbeatMonitor: the leader that complains about itself falls silent
  "complaint", // controller: { reason: "request" | "heartbeat" | "badProposal" | "wrongView" | "application", view, leader, stopView }
  "viewChangeStarted", // viewChanger: { view: last view, nextView }  own vote broadcast
  "viewChangeJoined", // viewChanger: { view: last view, nextView }   vote quorum seen (F+1 with speed-up)
  "viewChangeResent", // viewChanger: { nextView }
  "viewChangeTimeout", // viewChanger: { view, attempt }
  "inFlightUnwatched", // viewChanger: { view }  a tick passes while an in-flight commit waits and no timeout is watched
  "viewChangeLost", // viewChanger: { view }  the timeout's own request found the queue full
  "viewDataSent", // viewChanger: { nextView, leader }
  "viewDataAccepted", // viewChanger: { from, nextView }
  "viewDataRefused", // viewChanger: { from, reason }
  "viewDataQuorum", // viewChanger: { nextView }
  "newViewSent", // viewChanger: { view }
  "newViewAccepted", // viewChanger: { view }
  "newViewRefused", // viewChanger: { view, reason }
  "inFlightWaiting", // viewChanger: { view, sequence }  two ticks
  "inFlightStarted", // viewChanger: { view, sequence }
  "inFlightCommitted", // viewChanger: { view, sequence }
  "inFlightFailed", // viewChanger: { view, sequence, reason }
  "viewInstalled", // controller: { view, sequence }  "ViewChanged, the new view is"
  "rotating", // controller: { view, sequence, from, to }  the tenure ends with this decision
  "blacklist", // controller: { view, sequence, blacklist }  a delivered decision changed it
  "viewStarting", // controller: { view, sequence, decisions, leader }
  "viewAborted", // controller: { view }
  "syncRequested", // controller: { reason }
  "syncStarted", // controller: { }
  "syncEnded", // controller: { view, sequence }
  "stateCollected", // collector: { view, sequence }
  "stateTimeout", // collector
  "viewLearnt", // viewChanger: { view }  informed of a new view by a sync
  "lagging", // view: { votes, view, sequence }  discoverIfSyncNeeded
  "pruned", // pool: { count }  requests that no longer verify
  "reconfigured", // consensus: { nodes }  fresh components around the same state
  "evicted", // consensus: { nodes }  no longer a member
  "misbehaving", // byzantine: { how }  faulty by order from here on
  "behaving", // byzantine: { how }  what it was until here
  "restored", // state: { from: "proposed" | "commit" | "viewChange" | "newView" | "nothing" }
] as const;
export type Step = (typeof steps)[number];
