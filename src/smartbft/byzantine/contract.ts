// What a Byzantine node is made of: a wrapper around a real replica, with the replica's own interface, so that a host
// takes it without a branch; never a flag inside the replica. Which wrappers there are is registry.ts; turncoat.ts is the
// one that a host keeps, and that turns from one to the other when it is told to.
//
// Two things that no replica asks for are effects here, and each host carries them out: a message beside the replica's own,
// maybe under another's name (the transport vouches for senders, so only the host can lie), and pulling a whole chain.
import type { Instant, NodeId, Random } from "../../base/index.js";
import type { Application, Decision, Effect, Input } from "../contract.js";
import type { Options } from "../options.js";
import type { ReplicaStatus } from "../replica.js";

/** Names of the wrappers, the same in topology-less simulations, in experiments and on the command line. */
export const misbehaviours = [
  "silent",
  "crash-prone",
  "equivocate",
  "twins",
  "censor",
  "slow-drip",
  "stale-replay",
  "replay-flood",
  "endless-sync",
  "conflicting-view-data",
  "corrupt-signatures",
  "forged-sender",
] as const;
export type Misbehaviour = (typeof misbehaviours)[number];

/** What a wrapper goes round: `Replica` has it. */
export interface Participant {
  step(now: Instant, input: Input): readonly Effect[];
  deadline(): Instant | undefined;
  status(): ReplicaStatus;
}

export type WrapperInput =
  | Input
  /** The answer to `pull`: how many blocks came. */
  | { readonly kind: "pulled"; readonly id: number; readonly blockCount: number };

export type WrapperEffect =
  | Effect
  /**
   * Send `bytes` to `to` in the name of `as`, who may be oneself, on a stream beside the replica's own: it is not ordered
   * with anything, and what finds no room there is dropped.
   */
  | { readonly kind: "sendAs"; readonly as: NodeId; readonly to: NodeId; readonly bytes: Uint8Array }
  /** Read every block of `from`, from genesis on, and forget them; answered by one `pulled`. */
  | { readonly kind: "pull"; readonly id: number; readonly from: NodeId };

export interface Wrapper {
  step(now: Instant, input: WrapperInput): readonly WrapperEffect[];
  deadline(): Instant | undefined;
  status(): ReplicaStatus;
  /** The misbehaviour is over: the replica that goes on, and what is still to be done for it. */
  end(now: Instant): { readonly replica: Participant; readonly effects: readonly WrapperEffect[] };
}

/** A second replica under the same identity, with a ledger of its own in memory. */
export interface Twin {
  readonly replica: Participant;
  /** Extends its ledger: what it assembles and examines from now on follows this decision. */
  readonly deliver: (decision: Decision) => void;
  readonly lastDecision: () => Decision | undefined;
}

/** What the host lends a wrapper: its place in the cluster, its keys, and the means to make replicas. */
export interface Insider {
  readonly self: NodeId;
  readonly options: Options;
  readonly application: Application;
  readonly random: Random;
  /** A replica as a restarted process would have it: from the ledger as it is, and these entries of the log. */
  readonly restart: (walEntries: readonly Uint8Array[]) => Participant;
  /** From the ledger as it is. */
  readonly twin: () => Twin;
}

/** How things stand when a wrapper is put on. */
export interface WrapStart {
  readonly now: Instant;
  /** What the replica has in its log since the last truncation. */
  readonly walEntries: readonly Uint8Array[];
  /** Deliveries and syncs that the host has not answered yet. */
  readonly open: number;
}

export type Wrap = (replica: Participant, insider: Insider, start: WrapStart) => Wrapper;
