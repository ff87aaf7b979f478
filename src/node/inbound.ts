// Streams that others open to this node, as tasks: each is read message by message at the pace of the work it causes, so
// that gRPC's flow control holds back a sender that is too fast. The end of a stream is told, never thrown.
import { once } from "node:events";
import type { StreamEvent } from "../boundary/index.js";
import type { Emit } from "./events.js";
import type { InboundStream } from "./rpc.js";

export interface InboundOptions {
  readonly peer: string;
  readonly service: StreamEvent["service"];
  readonly emit: Emit;
}

/**
 * Reads until the other side ends or breaks the stream, or `take` answers "end"; then ends it with gRPC OK. `closed` is
 * aborted when the stream is gone, so that work in progress for it can stop. Never rejects but for a failure of `take`.
 */
export async function serveInbound(
  stream: InboundStream,
  { peer, service, emit }: InboundOptions,
  take: (bytes: Buffer, context: { readonly closed: AbortSignal }) => Promise<"next" | "end"> | "next" | "end",
): Promise<void> {
  const gone = new AbortController();
  const tell = (state: StreamEvent["state"], detail: string): void =>
    emit({ kind: "stream", peer, service, state, detail });
  tell("opened", "inbound");
  let detail = "inbound";
  stream.on("cancelled", () => {
    detail = "inbound, cancelled";
    gone.abort();
  });
  stream.on("error", (error) => {
    detail = `inbound, ${error.message}`;
    gone.abort();
  });
  try {
    // Leaving the loop must not destroy the stream: its last answer is still to be sent.
    for await (const bytes of stream.iterator({ destroyOnReturn: false })) {
      // Raw methods carry Buffers; the stream's type does not know.
      if ((await take(bytes as Buffer, { closed: gone.signal })) === "end") break;
    }
  } catch (error) {
    // A stream that broke: `error` or `cancelled` has said so. Anything else is ours.
    if (!gone.signal.aborted && !stream.destroyed) throw error;
  }
  gone.abort();
  stream.end();
  tell("closed", detail);
}

/** Writes at the pace of the reader. Resolves false when the stream is gone. */
export async function writeTo(stream: InboundStream, bytes: Uint8Array, closed: AbortSignal): Promise<boolean> {
  if (closed.aborted || stream.destroyed) return false;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (stream.write(buffer)) return true;
  try {
    await once(stream, "drain", { signal: closed });
  } catch (error) {
    if (closed.aborted || stream.destroyed) return false;
    throw error;
  }
  return true;
}
