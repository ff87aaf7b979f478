// The messages of the protocol as values (reference section 1.2). What travels is in encode.ts and decode.ts.
//
// Optional parts of the wire stay optional here only where the protocol tells absence from emptiness: a PrePrepare
// without proposal, a Commit without signature, ViewData without last decision. Everything else has proto3's zero.
import type { NodeId, Sequence, View } from "../../base/index.js";
import type { Proposal, Signature } from "../contract.js";

export interface PrePrepare {
  readonly kind: "PrePrepare";
  readonly view: View;
  readonly sequence: Sequence;
  readonly proposal: Proposal | undefined;
  readonly previousSignatures: readonly Signature[];
}

export interface Prepare {
  readonly kind: "Prepare";
  readonly view: View;
  readonly sequence: Sequence;
  /** 64 lower-case hexadecimal characters when honest; any text otherwise. */
  readonly digest: string;
  readonly assist: boolean;
}

export interface Commit {
  readonly kind: "Commit";
  readonly view: View;
  readonly sequence: Sequence;
  readonly digest: string;
  readonly signature: Signature | undefined;
  readonly assist: boolean;
}

export interface ViewChange {
  readonly kind: "ViewChange";
  readonly nextView: View;
  readonly reason: string;
}

/** `SignedViewData`: `raw` is an encoded ViewData and is what the signature covers, so it travels as received. */
export interface SignedViewData {
  readonly kind: "ViewData";
  readonly raw: Uint8Array;
  readonly signer: NodeId;
  readonly signature: Uint8Array;
}

export interface NewView {
  readonly kind: "NewView";
  readonly entries: readonly SignedViewData[];
}

export interface HeartBeat {
  readonly kind: "HeartBeat";
  readonly view: View;
  readonly sequence: Sequence;
}

export interface HeartBeatResponse {
  readonly kind: "HeartBeatResponse";
  readonly view: View;
}

export interface StateTransferRequest {
  readonly kind: "StateTransferRequest";
}

export interface StateTransferResponse {
  readonly kind: "StateTransferResponse";
  readonly view: View;
  readonly sequence: Sequence;
}

/** The normal case: what a View handles. */
export type NormalMessage = PrePrepare | Prepare | Commit;
/** What the view changer handles. */
export type ViewChangeMessage = ViewChange | SignedViewData | NewView;

export type Message =
  | NormalMessage
  | ViewChangeMessage
  | HeartBeat
  | HeartBeatResponse
  | StateTransferRequest
  | StateTransferResponse;

export interface ViewData {
  readonly nextView: View;
  /** Present but empty at genesis. */
  readonly lastDecision: Proposal | undefined;
  readonly lastDecisionSignatures: readonly Signature[];
  readonly inFlightProposal: Proposal | undefined;
  readonly inFlightPrepared: boolean;
}

export interface ViewMetadata {
  readonly view: View;
  readonly sequence: Sequence;
  readonly decisions: number;
  readonly blacklist: readonly NodeId[];
  /** 32 raw bytes, or empty when absent. */
  readonly previousSignatureDigest: Uint8Array;
}

/** A record of the write-ahead log (`SavedMessage`). */
export type SavedMessage =
  | { readonly kind: "proposed"; readonly prePrepare: PrePrepare; readonly prepare: Prepare }
  | { readonly kind: "commit"; readonly commit: Commit }
  | { readonly kind: "newView"; readonly metadata: ViewMetadata }
  | { readonly kind: "viewChange"; readonly viewChange: ViewChange };

/** A decoded value, or why the bytes are none. */
export type Decoded<T> =
  | { readonly kind: "good"; readonly value: T }
  | { readonly kind: "bad"; readonly reason: string };
