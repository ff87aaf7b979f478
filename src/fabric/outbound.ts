// What the senders among the machines need of a transport: a channel to one node that knows its state, and streams on it.
// A port with two implementations: gRPC in a node's process (node/channel.ts), simulated TCP and gRPC in virtual time
// (sim/world/channel.ts). Callbacks and no promises: who calls back decides when, and a machine never waits.
import type { Duration, NodeId } from "../base/index.js";
import type { StreamEvent } from "../boundary/index.js";

/** States as gRPC names them (its connectivity semantics). */
export type ChannelState = "idle" | "connecting" | "ready" | "transient-failure" | "shutdown";

export type Method = "step" | "broadcast" | "deliver";

export interface ChannelTarget {
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

/** Told about a stream that was opened; nothing more after `failed` or `ended`, nor after `cancel`. */
export interface StreamListener {
  readonly data: (bytes: Uint8Array) => void;
  readonly failed: (reason: string) => void;
  /** The server ended it with gRPC's OK. */
  readonly ended: () => void;
}

export interface OutboundStream {
  /** `taken` is called when the transport has taken the bytes: what is not taken yet is still ours to hold. */
  write(bytes: Uint8Array, taken?: () => void): void;
  /** No more writes; the server may still answer. */
  end(): void;
  cancel(): void;
  pause(): void;
  resume(): void;
}

export interface OutboundChannel extends Disposable {
  readonly state: ChannelState;
  /**
   * Calls back once with the state in which a connection attempt ended, or "connecting" when it has not within `timeout`.
   * An idle channel begins an attempt.
   */
  settled(timeout: Duration, then: (state: ChannelState) => void): void;
  /** Only meaningful in state "ready". `sender`: the consenter that opens it, for `step`. */
  open(method: Method, listener: StreamListener, sender?: NodeId): OutboundStream;
  /** An event about this channel. */
  tell(state: StreamEvent["state"], detail: string): void;
}
