// Reads messages as they are on their way. A broadcast is one array of bytes, so what was sent to all is decoded once.
import { decodeMessage, type Decoded, type Message } from "../smartbft/index.js";

/** Answers what the bytes say; they must not change after they were read. */
export function messageReader(): (bytes: Uint8Array) => Decoded<Message> {
  const messages = new WeakMap<Uint8Array, Decoded<Message>>();
  return (bytes) => {
    let known = messages.get(bytes);
    if (known === undefined) messages.set(bytes, (known = decodeMessage(bytes)));
    return known;
  };
}
