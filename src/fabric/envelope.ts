// Envelopes: the transactions that are ordered, and what an orderer must know about one before it takes it
// (fabric-wire.md sections 2 and 5.1). A creator is SerializedIdentity{mspid, PEM}; until certificates come the PEM is
// the public key itself, and a member is who the configuration lists. Transaction identity: smartbft.md Appendix A.
import { concat, equalBytes, sha256Hex, utf8 } from "../base/index.js";
import type { RequestInfo, VerifyItem } from "../smartbft/index.js";
import { decoded, encodeFields, Fields, type Decoded } from "./protobuf.js";
import { isLowS, lowS } from "./signature.js";

/** `common.HeaderType`, the values that occur here. */
export const headerType = {
  config: 1,
  configUpdate: 2,
  endorserTransaction: 3,
  ordererTransaction: 4,
  seek: 5,
} as const;

/** `google.protobuf.Timestamp`: wall time, written and never computed with. */
export interface Timestamp {
  readonly seconds: number;
  readonly nanoseconds: number;
}

export interface Envelope {
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

/** An envelope's payload with both of its headers opened. */
export interface Payload {
  readonly type: number;
  readonly channel: string;
  readonly claimedTransactionId: string;
  readonly epoch: number;
  readonly creator: Uint8Array;
  readonly nonce: Uint8Array;
  readonly data: Uint8Array;
}

export const nonceSize = 24;

/** Serialised identity of a member: its MSP and its PEM text. */
export const creatorOf = ({ mspId, publicKey }: { readonly mspId: string; readonly publicKey: string }): Uint8Array =>
  encodeFields([1, mspId], [2, utf8(publicKey)]);

/** Lower-case hex of SHA-256(nonce ‖ creator). */
export const transactionIdOf = (nonce: Uint8Array, creator: Uint8Array): string => sha256Hex(nonce, creator);

export interface EnvelopeContent {
  readonly channel: string;
  readonly creator: Uint8Array;
  /** 24 random bytes. */
  readonly nonce: Uint8Array;
  readonly data: Uint8Array;
  readonly timestamp: Timestamp;
  /** DER signature over SHA-256 of the bytes; s may be in either half. */
  readonly sign: (bytes: Uint8Array) => Uint8Array;
}

/** A signed transaction envelope and its identity. */
export function envelopeFor(content: EnvelopeContent): { readonly transactionId: string; readonly bytes: Uint8Array } {
  const transactionId = transactionIdOf(content.nonce, content.creator);
  return { transactionId, bytes: signedEnvelope(content, { type: headerType.endorserTransaction, transactionId }) };
}

/** A signed envelope of any type. */
export function signedEnvelope(
  { channel, creator, nonce, data, timestamp, sign }: EnvelopeContent,
  { type, transactionId }: { readonly type: number; readonly transactionId: string },
): Uint8Array {
  const time = encodeFields([1, timestamp.seconds], [2, timestamp.nanoseconds]);
  const channelHeader = encodeFields([1, type], [3, [time]], [4, channel], [5, transactionId]);
  const signatureHeader = encodeFields([1, creator], [2, nonce]);
  const header = encodeFields([1, channelHeader], [2, signatureHeader]);
  const payload = encodeFields([1, [header]], [2, data]);
  return encodeEnvelope({ payload, signature: normalised(sign(payload)) });
}

/** A signature that its signer made: anything but DER is passed on, and whoever checks it will refuse it. */
export function normalised(signature: Uint8Array): Uint8Array {
  const low = lowS(signature);
  return low.kind === "good" ? low.value : signature;
}

export const encodeEnvelope = ({ payload, signature }: Envelope): Uint8Array =>
  encodeFields([1, payload], [2, signature]);

/** Refuses an envelope without payload or signature, and bytes that are not its one canonical encoding (section 8). */
export function decodeEnvelope(bytes: Uint8Array): Decoded<Envelope> {
  return decoded("envelope", () => {
    const fields = new Fields(bytes);
    const envelope = { payload: fields.bytes(1), signature: fields.bytes(2) };
    if (envelope.payload.length === 0) throw new Error("no payload");
    if (envelope.signature.length === 0) throw new Error("no signature");
    if (!equalBytes(encodeEnvelope(envelope), bytes)) throw new Error("not its canonical encoding");
    return envelope;
  });
}

export function decodePayload(bytes: Uint8Array): Decoded<Payload> {
  return decoded("payload", () => {
    const fields = new Fields(bytes);
    const header = new Fields(fields.bytes(1));
    const channelHeader = new Fields(header.bytes(1));
    const signatureHeader = new Fields(header.bytes(2));
    return {
      type: channelHeader.integer(1),
      channel: channelHeader.text(4),
      claimedTransactionId: channelHeader.text(5),
      epoch: channelHeader.integer(6),
      creator: signatureHeader.bytes(1),
      nonce: signatureHeader.bytes(2),
      data: fields.bytes(2),
    };
  });
}

/** Who may write to a channel, by client identity: hex SHA-256 of the creator. */
export interface Members {
  readonly channel: string;
  /** Public key by client identity. */
  readonly keys: ReadonlyMap<string, string>;
}

export function membersOf(
  channel: string,
  clients: readonly { readonly mspId: string; readonly publicKey: string }[],
): Members {
  return { channel, keys: new Map(clients.map((client) => [sha256Hex(creatorOf(client)), client.publicKey])) };
}

/** Why an envelope is refused, with the status a Broadcast answers (section 5.1). */
export interface BadEnvelope {
  readonly kind: "bad";
  readonly status: 400 | 403;
  readonly reason: string;
}

export interface GoodEnvelope {
  readonly kind: "good";
  readonly transactionId: string;
  readonly clientId: string;
  /** What must verify before the envelope may enter the pool. */
  readonly item: VerifyItem;
}

/** Everything an orderer asks of a transaction but its signature, in Fabric's order: channel, type, form, membership. */
export function examineEnvelope(bytes: Uint8Array, members: Members): GoodEnvelope | BadEnvelope {
  const opened = openEnvelope(bytes);
  if (opened.kind === "bad") return { kind: "bad", status: 400, reason: opened.reason };
  const { envelope, payload, identity } = opened.value;
  if (payload.channel !== members.channel) return bad(400, "channel does not exist");
  if (payload.type !== headerType.endorserTransaction) return bad(400, `header type ${payload.type} is not ordered`);
  if (payload.creator.length === 0 || payload.nonce.length === 0) return bad(400, "no creator or no nonce");
  const { clientId, requestId } = identity;
  const key = members.keys.get(clientId);
  if (key === undefined) return bad(403, "creator is not a member of the channel");
  if (!isLowS(envelope.signature)) return bad(403, "signature is not DER with s in the lower half");
  const item = { key, message: envelope.payload, signature: envelope.signature };
  return { kind: "good", transactionId: requestId, clientId, item };
}

/** Identity of a request: hex SHA-256(creator), hex SHA-256(nonce ‖ creator); undefined when the bytes are none. */
export function requestIdentity(bytes: Uint8Array): RequestInfo | undefined {
  const opened = openEnvelope(bytes);
  return opened.kind === "good" ? opened.value.identity : undefined;
}

const identityOf = ({ creator, nonce }: Payload): RequestInfo => ({
  clientId: sha256Hex(creator),
  requestId: transactionIdOf(nonce, creator),
});

type Opened = Decoded<{ readonly envelope: Envelope; readonly payload: Payload; readonly identity: RequestInfo }>;

function openEnvelope(bytes: Uint8Array): Opened {
  const envelope = decodeEnvelope(bytes);
  if (envelope.kind === "bad") return envelope;
  const payload = decodePayload(envelope.value.payload);
  if (payload.kind === "bad") return payload;
  const identity = identityOf(payload.value);
  return { kind: "good", value: { envelope: envelope.value, payload: payload.value, identity } };
}

/** `TxValidationCode`, the values a peer of ours gives. */
export const validationCode = {
  valid: 0,
  badPayload: 2,
  badCommonHeader: 3,
  badTransactionId: 8,
  duplicateTransactionId: 9,
} as const;

/** A committing peer's look at one entry of a block, in Fabric's order (section 2); duplicates are the caller's to know. */
export function validationOf(bytes: Uint8Array): { readonly code: number; readonly transactionId: string } {
  const opened = openEnvelope(bytes);
  if (opened.kind === "bad") return { code: validationCode.badPayload, transactionId: "" };
  const { payload, identity } = opened.value;
  const transactionId = identity.requestId;
  if (payload.nonce.length === 0 || payload.creator.length === 0 || payload.epoch !== 0) {
    return { code: validationCode.badCommonHeader, transactionId };
  }
  if (payload.claimedTransactionId !== transactionId) return { code: validationCode.badTransactionId, transactionId };
  return { code: validationCode.valid, transactionId };
}

const bad = (status: 400 | 403, reason: string): BadEnvelope => ({ kind: "bad", status, reason });

/** Transaction bytes a client fills to a size: a counter makes every one different, the rest is zero. */
export function dataOfSize(sizeBytes: number, counter: number): Uint8Array {
  const text = utf8(`${counter} `);
  return text.length >= sizeBytes ? text.slice(0, sizeBytes) : concat(text, new Uint8Array(sizeBytes - text.length));
}
