// The reading side of Deliver streams, as the machines that read them see it: a machine opens streams by number and is
// told what comes of them. One host routine serves the peer and the synchroniser: connect to `to`, send `seekEnvelope`
// of the seek, hand over each response's bytes as they are.
import type { Duration } from "../base/index.js";
import type { Seek } from "./deliver.js";

export type StreamEffect =
  /** Open a Deliver stream. `stream` is a fresh number; nothing is answered before the host has it open. */
  | { readonly kind: "open"; readonly stream: number; readonly to: string; readonly seek: Seek }
  /** Cancel it. Inputs about it that were under way are ignored. */
  | { readonly kind: "close"; readonly stream: number }
  /** Stop, or go on, reading from it: the transport's flow control does the rest. */
  | { readonly kind: "pause"; readonly stream: number }
  | { readonly kind: "resume"; readonly stream: number };

export type StreamInput =
  /** The connection stands and the seek is written. */
  | { readonly kind: "opened"; readonly stream: number }
  /** An encoded DeliverResponse. */
  | { readonly kind: "response"; readonly stream: number; readonly bytes: Uint8Array }
  /** It failed, could not be opened, or was ended by the other side. Not told for streams that the machine closed. */
  | { readonly kind: "ended"; readonly stream: number; readonly reason: string };

export interface Backoff {
  readonly base: Duration;
  readonly max: Duration;
}

/** Wait before an attempt after `failures` failures among `count` sources: it doubles per full round (section 6). */
export function backoffAfter(failures: number, count: number, { base, max }: Backoff): Duration {
  const rounds = Math.floor(failures / Math.max(1, count));
  // The product of two durations' worth of safe integers; above 2^40 any cap has long been reached.
  const wait = base * 2 ** Math.min(rounds, 40);
  return wait < max ? (wait as Duration) : max;
}
