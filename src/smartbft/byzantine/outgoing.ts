// What a wrapper does with messages on their way out: replaces, adds and drops them, and keeps the traces true. The
// replica lists the trace of a message right before the message; a host tells it when the message is handed over.
import { present, type NodeId } from "../../base/index.js";
import { outline } from "../core.js";
import { decodeMessage } from "../wire/decode.js";
import { encodeMessage } from "../wire/encode.js";
import type { Message } from "../wire/message.js";
import type { WrapperEffect } from "./contract.js";

export interface Outgoing {
  readonly to: NodeId;
  readonly message: Message;
}

/** The message's trace and the message. */
export function sending({ to, message }: Outgoing): readonly WrapperEffect[] {
  return sendingBytes(to, encodeMessage(message));
}

/** As `sending`, of bytes that are a message. */
export function sendingBytes(to: NodeId, bytes: Uint8Array): readonly WrapperEffect[] {
  const told = outline(messageIn(bytes));
  return [
    { kind: "trace", trace: { kind: "sent", to, ...told } },
    { kind: "send", to, bytes },
  ];
}

/**
 * The effects with what `say` makes of each message in the message's place: `undefined` leaves it as it is, an empty list
 * drops it. A broadcast comes as one message for each target, in order.
 */
export function saying(
  effects: readonly WrapperEffect[],
  say: (out: Outgoing, bytes: Uint8Array) => readonly WrapperEffect[] | undefined,
): readonly WrapperEffect[] {
  const result: WrapperEffect[] = [];
  let told: WrapperEffect | undefined;
  for (const effect of effects) {
    if (effect.kind === "trace" && effect.trace.kind === "sent") {
      told = effect;
      continue;
    }
    if (effect.kind !== "send") result.push(effect);
    else {
      const instead = say({ to: effect.to, message: messageIn(effect.bytes) }, effect.bytes);
      if (instead !== undefined) result.push(...instead);
      else result.push(...(told === undefined ? [] : [told]), effect);
    }
    told = undefined;
  }
  return result;
}

/** Bytes that a replica of ours has encoded, or has decoded before. */
export function messageIn(bytes: Uint8Array): Message {
  const decoded = decodeMessage(bytes);
  return present(decoded.kind === "good" ? decoded.value : undefined, "a message in the bytes that were sent");
}

/** The others in two groups, in order of id: the first is the smaller one where the number is odd. */
export function halves(nodes: readonly NodeId[], self: NodeId): readonly [readonly NodeId[], readonly NodeId[]] {
  const others = nodes.filter((id) => id !== self).toSorted((left, right) => left - right);
  const middle = Math.floor(others.length / 2);
  return [others.slice(0, middle), others.slice(middle)];
}
