// Messages of the Broadcast, Deliver and cluster streams as bytes (fabric-wire.md sections 5 and 7.1). A host that gives
// gRPC identity serialisers writes and reads these bytes as they are: an envelope or block is never encoded twice.
import type { SubmitOutcome } from "../smartbft/index.js";
import { decodeBlock, encodeBlock, withoutData, type Block } from "./block.js";
import { decodePayload, headerType, signedEnvelope, type EnvelopeContent, type Envelope } from "./envelope.js";
import { decoded, encodeFields, Fields, type Decoded } from "./protobuf.js";

/** `common.Status`, the values that occur here. */
export const status = {
  success: 200,
  badRequest: 400,
  forbidden: 403,
  notFound: 404,
  internal: 500,
  unavailable: 503,
} as const;

export type SeekPosition =
  | { readonly kind: "newest" | "oldest" | "nextCommit" }
  | { readonly kind: "specified"; readonly number: number };

/** Full blocks, or blocks without data (HEADER_WITH_SIG). */
export type Content = "block" | "header";

export interface Seek {
  readonly start: SeekPosition;
  readonly stop: SeekPosition;
  /** True: a block that is not there yet is 404 instead of waited for. */
  readonly failIfNotReady: boolean;
  readonly content: Content;
}

/** "Never completes": peers mean 2^64 - 1, which a JavaScript number cannot hold; larger numbers are read as this one. */
export const never: SeekPosition = { kind: "specified", number: Number.MAX_SAFE_INTEGER };

export const seekFrom = (number: number, content: Content): Seek => ({
  start: { kind: "specified", number },
  stop: never,
  failIfNotReady: false,
  content,
});

export const seekRange = (first: number, last: number): Seek => ({
  start: { kind: "specified", number: first },
  stop: { kind: "specified", number: last },
  failIfNotReady: false,
  content: "block",
});

/** Asks for exactly the last block: how heights are probed. The height is its number plus one. */
export const seekNewest: Seek = {
  start: { kind: "newest" },
  stop: { kind: "newest" },
  failIfNotReady: false,
  content: "header",
};

/** A signed DELIVER_SEEK_INFO envelope; `content.data` is ignored. */
export function seekEnvelope(seek: Seek, content: Omit<EnvelopeContent, "data">): Uint8Array {
  const data = encodeSeek(seek);
  return signedEnvelope({ ...content, data }, { type: headerType.seek, transactionId: "" });
}

export const encodeSeek = ({ start, stop, failIfNotReady, content }: Seek): Uint8Array =>
  encodeFields(
    [1, [encodePosition(start)]],
    [2, [encodePosition(stop)]],
    [3, failIfNotReady ? 1 : 0],
    [5, content === "header" ? 1 : 0],
  );

function encodePosition(position: SeekPosition): Uint8Array {
  if (position.kind === "specified") return encodeFields([3, [encodeFields([1, position.number])]]);
  return encodeFields([positionFields[position.kind], [new Uint8Array(0)]]);
}

const positionFields = { newest: 1, oldest: 2, nextCommit: 4 } as const;

/** Channel, creator and wish of a seek envelope. Its signature is not looked at. */
export function decodeSeekEnvelope(bytes: Uint8Array): Decoded<{ readonly channel: string; readonly seek: Seek }> {
  const payload = decodeAnyEnvelope(bytes);
  if (payload.kind === "bad") return payload;
  const opened = decodePayload(payload.value.payload);
  if (opened.kind === "bad") return opened;
  if (opened.value.type !== headerType.seek)
    return { kind: "bad", reason: `header type ${opened.value.type} is no seek` };
  const seek = decodeSeek(opened.value.data);
  return seek.kind === "bad" ? seek : { kind: "good", value: { channel: opened.value.channel, seek: seek.value } };
}

/** Readers of seek envelopes do not ask for a canonical encoding, nor for a signature. */
function decodeAnyEnvelope(bytes: Uint8Array): Decoded<Envelope> {
  return decoded("envelope", () => {
    const fields = new Fields(bytes);
    return { payload: fields.bytes(1), signature: fields.bytes(2) };
  });
}

export function decodeSeek(bytes: Uint8Array): Decoded<Seek> {
  return decoded("seek", () => {
    const fields = new Fields(bytes);
    if (!fields.has(1) || !fields.has(2)) throw new Error("no start or no stop");
    return {
      start: decodePosition(fields.bytes(1)),
      stop: decodePosition(fields.bytes(2)),
      failIfNotReady: fields.integer(3) === 1,
      content: fields.integer(5) === 1 ? "header" : "block",
    };
  });
}

function decodePosition(bytes: Uint8Array): SeekPosition {
  const fields = new Fields(bytes);
  if (fields.has(3)) return { kind: "specified", number: new Fields(fields.bytes(3)).integerClamped(1) };
  if (fields.has(1)) return { kind: "newest" };
  if (fields.has(2)) return { kind: "oldest" };
  if (fields.has(4)) return { kind: "nextCommit" };
  throw new Error("position of unknown kind");
}

export type DeliverResponse =
  | { readonly kind: "status"; readonly status: number }
  | { readonly kind: "block"; readonly block: Block };

export const deliverStatus = (code: number): Uint8Array => encodeFields([1, code]);

/** The response that carries a stored block: its bytes as they are, or without data unless it is a config block. */
export function deliverBlock(stored: Uint8Array, content: Content): Uint8Array {
  const block = content === "header" ? decodeBlock(stored) : undefined;
  const whole = block?.kind !== "good" || isConfigBlock(block.value);
  return encodeFields([2, [whole ? stored : encodeBlock(withoutData(block.value))]]);
}

/** The one block of a channel without reconfiguration that is a config block is block 0. */
const isConfigBlock = (block: Block): boolean => block.header.number === 0;

export function decodeDeliverResponse(bytes: Uint8Array): Decoded<DeliverResponse> {
  const fields = decoded("deliver response", () => new Fields(bytes));
  if (fields.kind === "bad") return fields;
  return decoded("deliver response", () => {
    if (!fields.value.has(2)) return { kind: "status", status: fields.value.integer(1) };
    const block = decodeBlock(fields.value.bytes(2));
    if (block.kind === "bad") throw new Error(block.reason);
    return { kind: "block", block: block.value };
  });
}

export interface BroadcastResponse {
  readonly status: number;
  readonly info: string;
}

export const encodeBroadcastResponse = (response: BroadcastResponse): Uint8Array =>
  encodeFields([1, response.status], [2, response.info]);

export function decodeBroadcastResponse(bytes: Uint8Array): Decoded<BroadcastResponse> {
  return decoded("broadcast response", () => {
    const fields = new Fields(bytes);
    return { status: fields.integer(1), info: fields.text(2) };
  });
}

/** What a Broadcast answers for what the replica did with the request: gateways compare the text (section 4.1). */
export function broadcastResponseFor(outcome: SubmitOutcome): BroadcastResponse {
  if (outcome.kind === "accepted") return { status: status.success, info: "" };
  return { status: status.unavailable, info: `failed to submit request: ${outcome.reason}` };
}

/** `ClusterNodeServiceStepRequest`: consensus message or forwarded request. */
export type ClusterStep =
  | { readonly kind: "consensus"; readonly message: Uint8Array }
  | { readonly kind: "transaction"; readonly envelope: Uint8Array };

export const encodeClusterStep = (step: ClusterStep): Uint8Array =>
  step.kind === "consensus"
    ? encodeFields([1, [encodeFields([1, step.message])]])
    : encodeFields([2, [encodeFields([2, [step.envelope]])]]);

/** The result does not share memory with the input. */
export function decodeClusterStep(bytes: Uint8Array): Decoded<ClusterStep> {
  return decoded("cluster step", () => {
    const fields = new Fields(new Uint8Array(bytes));
    if (fields.has(1)) return { kind: "consensus", message: new Fields(fields.bytes(1)).bytes(1) };
    if (fields.has(2)) return { kind: "transaction", envelope: new Fields(fields.bytes(2)).bytes(2) };
    throw new Error("step of unknown kind");
  });
}
