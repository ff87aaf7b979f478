// Protobuf bytes to values (reference section 1.2), for input that may be hostile: every exported function answers a
// value or a reason, none throws. Any field order and both forms of repeated integers are accepted; unknown fields are
// skipped. Stricter than Go in two points: an integer above 2^53 - 1 and a known field with a foreign wire type are
// refused. Byte strings are copies, so a host may reuse its receive buffer. The bytes themselves are field-reader.ts.
import { emptyBytes, nodeId, sequence, view, type NodeId, type Sequence, type View } from "../../base/index.js";
import type { Proposal, Signature } from "../contract.js";
import { FieldReader } from "./field-reader.js";
import type {
  Commit,
  Decoded,
  Message,
  NewView,
  PrePrepare,
  Prepare,
  SavedMessage,
  SignedViewData,
  ViewChange,
  ViewData,
  ViewMetadata,
} from "./message.js";

export const decodeMessage = (bytes: Uint8Array): Decoded<Message> => guarded(bytes, readMessage);
export const decodeViewData = (bytes: Uint8Array): Decoded<ViewData> => guarded(bytes, readViewData);
export const decodeViewMetadata = (bytes: Uint8Array): Decoded<ViewMetadata> => guarded(bytes, readViewMetadata);
export const decodePreparesFrom = (bytes: Uint8Array): Decoded<readonly NodeId[]> => guarded(bytes, readPreparesFrom);
export const decodeSavedMessage = (bytes: Uint8Array): Decoded<SavedMessage> => guarded(bytes, readSavedMessage);
export const decodeLogRecord = (bytes: Uint8Array): Decoded<LogRecord> => guarded(bytes, readLogRecord);

/** `LogRecord`, the content of a frame of the log (section 10.2). */
export interface LogRecord {
  /** 0 entry, 1 control, 2 CRC anchor. */
  readonly type: number;
  readonly truncate: boolean;
  readonly data: Uint8Array;
}

/** The one place where the reader's errors end: whatever it throws means that the bytes are no such value. */
function guarded<T>(bytes: Uint8Array, read: (reader: FieldReader) => T): Decoded<T> {
  try {
    return { kind: "good", value: read(new FieldReader(bytes)) };
  } catch (error) {
    return { kind: "bad", reason: error instanceof Error ? error.message : String(error) };
  }
}

function readMessage(reader: FieldReader): Message {
  let message: Message | undefined;
  reader.each((number, field) => {
    const read = contents[number];
    if (read === undefined) return false;
    message = field.message(read);
    return true;
  });
  if (message === undefined) throw new Error("message without content");
  return message;
}

const contents: Readonly<Record<number, (reader: FieldReader) => Message>> = {
  1: readPrePrepare,
  2: readPrepare,
  3: readCommit,
  4: readViewChange,
  5: readSignedViewData,
  6: readNewView,
  7: (reader) => ({ kind: "HeartBeat", ...readViewAndSequence(reader) }),
  8: (reader) => ({ kind: "HeartBeatResponse", view: readViewAndSequence(reader).view }),
  9: (reader) => {
    reader.each(() => false);
    return { kind: "StateTransferRequest" };
  },
  10: (reader) => ({ kind: "StateTransferResponse", ...readViewAndSequence(reader) }),
};

function readViewAndSequence(reader: FieldReader): { readonly view: View; readonly sequence: Sequence } {
  let viewNumber = 0;
  let sequenceNumber = 0;
  reader.each((number, field) => {
    if (number === 1) viewNumber = field.integer();
    else if (number === 2) sequenceNumber = field.integer();
    else return false;
    return true;
  });
  return { view: view(viewNumber), sequence: sequence(sequenceNumber) };
}

function readPrePrepare(reader: FieldReader): PrePrepare {
  let viewNumber = 0;
  let sequenceNumber = 0;
  let proposal: Proposal | undefined;
  const previousSignatures: Signature[] = [];
  reader.each((number, field) => {
    if (number === 1) viewNumber = field.integer();
    else if (number === 2) sequenceNumber = field.integer();
    else if (number === 3) proposal = field.message(readProposal);
    else if (number === 4) previousSignatures.push(field.message(readSignature));
    else return false;
    return true;
  });
  return {
    kind: "PrePrepare",
    view: view(viewNumber),
    sequence: sequence(sequenceNumber),
    proposal,
    previousSignatures,
  };
}

function readPrepare(reader: FieldReader): Prepare {
  let viewNumber = 0;
  let sequenceNumber = 0;
  let digest = "";
  let assist = false;
  reader.each((number, field) => {
    if (number === 1) viewNumber = field.integer();
    else if (number === 2) sequenceNumber = field.integer();
    else if (number === 3) digest = field.text();
    else if (number === 4) assist = field.flag();
    else return false;
    return true;
  });
  return { kind: "Prepare", view: view(viewNumber), sequence: sequence(sequenceNumber), digest, assist };
}

function readCommit(reader: FieldReader): Commit {
  let viewNumber = 0;
  let sequenceNumber = 0;
  let digest = "";
  let signature: Signature | undefined;
  let assist = false;
  reader.each((number, field) => {
    if (number === 1) viewNumber = field.integer();
    else if (number === 2) sequenceNumber = field.integer();
    else if (number === 3) digest = field.text();
    else if (number === 4) signature = field.message(readSignature);
    else if (number === 5) assist = field.flag();
    else return false;
    return true;
  });
  return { kind: "Commit", view: view(viewNumber), sequence: sequence(sequenceNumber), digest, signature, assist };
}

function readViewChange(reader: FieldReader): ViewChange {
  let nextView = 0;
  let reason = "";
  reader.each((number, field) => {
    if (number === 1) nextView = field.integer();
    else if (number === 2) reason = field.text();
    else return false;
    return true;
  });
  return { kind: "ViewChange", nextView: view(nextView), reason };
}

function readSignedViewData(reader: FieldReader): SignedViewData {
  let raw = emptyBytes;
  let signer = 0;
  let signature = emptyBytes;
  reader.each((number, field) => {
    if (number === 1) raw = field.bytes();
    else if (number === 2) signer = field.integer();
    else if (number === 3) signature = field.bytes();
    else return false;
    return true;
  });
  return { kind: "ViewData", raw, signer: nodeId(signer), signature };
}

function readNewView(reader: FieldReader): NewView {
  const entries: SignedViewData[] = [];
  reader.each((number, field) => {
    if (number !== 2) return false;
    entries.push(field.message(readSignedViewData));
    return true;
  });
  return { kind: "NewView", entries };
}

function readViewData(reader: FieldReader): ViewData {
  let nextView = 0;
  let lastDecision: Proposal | undefined;
  const lastDecisionSignatures: Signature[] = [];
  let inFlightProposal: Proposal | undefined;
  let inFlightPrepared = false;
  reader.each((number, field) => {
    if (number === 1) nextView = field.integer();
    else if (number === 2) lastDecision = field.message(readProposal);
    else if (number === 3) lastDecisionSignatures.push(field.message(readSignature));
    else if (number === 4) inFlightProposal = field.message(readProposal);
    else if (number === 5) inFlightPrepared = field.flag();
    else return false;
    return true;
  });
  return { nextView: view(nextView), lastDecision, lastDecisionSignatures, inFlightProposal, inFlightPrepared };
}

function readSignature(reader: FieldReader): Signature {
  let signer = 0;
  let value = emptyBytes;
  let message = emptyBytes;
  reader.each((number, field) => {
    if (number === 1) signer = field.integer();
    else if (number === 2) value = field.bytes();
    else if (number === 3) message = field.bytes();
    else return false;
    return true;
  });
  return { signer: nodeId(signer), value, message };
}

function readProposal(reader: FieldReader): Proposal {
  let header = emptyBytes;
  let payload = emptyBytes;
  let metadata = emptyBytes;
  let verificationSequence = 0;
  reader.each((number, field) => {
    if (number === 1) header = field.bytes();
    else if (number === 2) payload = field.bytes();
    else if (number === 3) metadata = field.bytes();
    else if (number === 4) verificationSequence = field.integer();
    else return false;
    return true;
  });
  return { header, payload, metadata, verificationSequence };
}

function readViewMetadata(reader: FieldReader): ViewMetadata {
  let viewNumber = 0;
  let sequenceNumber = 0;
  let decisions = 0;
  const blacklist: NodeId[] = [];
  let previousSignatureDigest = emptyBytes;
  reader.each((number, field) => {
    if (number === 1) viewNumber = field.integer();
    else if (number === 2) sequenceNumber = field.integer();
    else if (number === 3) decisions = field.integer();
    else if (number === 4) for (const id of field.integers()) blacklist.push(nodeId(id));
    else if (number === 5) previousSignatureDigest = field.bytes();
    else return false;
    return true;
  });
  return { view: view(viewNumber), sequence: sequence(sequenceNumber), decisions, blacklist, previousSignatureDigest };
}

function readPreparesFrom(reader: FieldReader): readonly NodeId[] {
  const ids: NodeId[] = [];
  reader.each((number, field) => {
    if (number !== 1) return false;
    for (const id of field.integers()) ids.push(nodeId(id));
    return true;
  });
  return ids;
}

function readSavedMessage(reader: FieldReader): SavedMessage {
  let saved: SavedMessage | undefined;
  reader.each((number, field) => {
    if (number === 1) saved = field.message(readProposedRecord);
    else if (number === 2) {
      const commit = field.message(readMessage);
      if (commit.kind !== "Commit") throw new Error(`commit record holds a ${commit.kind}`);
      saved = { kind: "commit", commit };
    } else if (number === 3) saved = { kind: "newView", metadata: field.message(readViewMetadata) };
    else if (number === 4) saved = { kind: "viewChange", viewChange: field.message(readViewChange) };
    else return false;
    return true;
  });
  if (saved === undefined) throw new Error("log record of unknown kind");
  return saved;
}

function readProposedRecord(reader: FieldReader): SavedMessage {
  let prePrepare: PrePrepare | undefined;
  let prepare: Prepare | undefined;
  reader.each((number, field) => {
    if (number === 1) prePrepare = field.message(readPrePrepare);
    else if (number === 2) prepare = field.message(readPrepare);
    else return false;
    return true;
  });
  if (prePrepare === undefined || prepare === undefined) throw new Error("proposed record without both messages");
  return { kind: "proposed", prePrepare, prepare };
}

function readLogRecord(reader: FieldReader): LogRecord {
  let type = 0;
  let truncate = false;
  let data = emptyBytes;
  reader.each((number, field) => {
    if (number === 1) type = field.integer();
    else if (number === 2) truncate = field.flag();
    else if (number === 3) data = field.bytes();
    else return false;
    return true;
  });
  return { type, truncate, data };
}
