// The DeliverReader on gRPC: each stream on a channel of its own, seeks signed by this node.
import { randomBytes } from "node:crypto";
import type { Duration } from "../base/index.js";
import type { Consenter, TransportSettings } from "../boundary/index.js";
import { DeliverReader, nonceSize, type StreamInput } from "../fabric/index.js";
import { Channel } from "./channel.js";
import type { Emit } from "./events.js";
import { wallTime } from "./wall-time.js";

export interface BlockReaderOptions {
  readonly channel: string;
  /** Serialised identity that signs seeks. */
  readonly creator: Uint8Array;
  readonly sign: (bytes: Uint8Array) => Uint8Array;
  readonly consenters: readonly Consenter[];
  readonly transport: TransportSettings;
  readonly connectTimeout: Duration;
  readonly emit: Emit;
}

/** Caller disposes. */
export function blockReader(options: BlockReaderOptions, push: (input: StreamInput) => void): DeliverReader {
  const { channel, creator, sign, consenters, transport, connectTimeout, emit } = options;
  return new DeliverReader(
    {
      orderers: consenters,
      connectTimeout,
      connect: (target) => new Channel(target, "deliver", transport, emit),
      seekContent: () => ({ channel, creator, sign, nonce: randomBytes(nonceSize), timestamp: wallTime() }),
    },
    push,
  );
}
