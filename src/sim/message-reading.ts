// Reads messages as they leave. A broadcast is one array of bytes, sent to one after the other, so it is decoded once.
import { decodeMessage, type Decoded, type Message } from "../smartbft/index.js";

/** Answers what the bytes say, and remembers the last answer; bytes must not change after they were read. */
export function messageReader(): (bytes: Uint8Array) => Decoded<Message> {
  let last: { readonly bytes: Uint8Array; readonly says: Decoded<Message> } | undefined;
  return (bytes) => {
    if (last?.bytes !== bytes) last = { bytes, says: decodeMessage(bytes) };
    return last.says;
  };
}
