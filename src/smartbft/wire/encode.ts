// Values to protobuf bytes, the one canonical encoder (reference section 1.2): zero scalars are omitted, repeated
// integers packed, fields ascending, as Go's encoder does it. The inverse is decode.ts.
import { assertNever } from "../../base/index.js";
import type { Proposal, Signature } from "../contract.js";
import { FieldWriter } from "./field-writer.js";
import type {
  Commit,
  Message,
  PrePrepare,
  Prepare,
  SavedMessage,
  SignedViewData,
  ViewChange,
  ViewData,
  ViewMetadata,
} from "./message.js";

/** One for all: messages and records of the log live for a moment, what a ledger keeps does not. */
const output = new FieldWriter();

export function encodeMessage(message: Message): Uint8Array {
  return output.shared((writer) => writeMessage(writer, message));
}

export function encodeViewData(data: ViewData): Uint8Array {
  return output.own((writer) => {
    writer.integer(1, data.nextView);
    if (data.lastDecision !== undefined) writer.message(2, data.lastDecision, writeProposal);
    for (const signature of data.lastDecisionSignatures) writer.message(3, signature, writeSignature);
    if (data.inFlightProposal !== undefined) writer.message(4, data.inFlightProposal, writeProposal);
    writer.flag(5, data.inFlightPrepared);
  });
}

/** `black_list` in the given order: it is compared element by element. */
export function encodeViewMetadata(metadata: ViewMetadata): Uint8Array {
  return output.own((writer) => {
    writeViewMetadata(writer, metadata);
  });
}

/** The identities whose Prepares a signer had collected, in order of arrival (section 1.4). */
export function encodePreparesFrom(ids: readonly number[]): Uint8Array {
  return output.own((writer) => {
    writer.integers(1, ids);
  });
}

export function encodeSavedMessage(saved: SavedMessage): Uint8Array {
  return output.shared((writer) => {
    switch (saved.kind) {
      case "proposed":
        writer.message(1, saved, (inner, { prePrepare, prepare }) => {
          inner.message(1, prePrepare, writePrePrepare);
          inner.message(2, prepare, writePrepare);
        });
        break;
      case "commit":
        writer.message(2, saved.commit, writeMessage);
        break;
      case "newView":
        writer.message(3, saved.metadata, writeViewMetadata);
        break;
      case "viewChange":
        writer.message(4, saved.viewChange, writeViewChange);
        break;
      default:
        assertNever(saved);
    }
  });
}

function writeMessage(writer: FieldWriter, message: Message): void {
  switch (message.kind) {
    case "PrePrepare":
      return writer.message(1, message, writePrePrepare);
    case "Prepare":
      return writer.message(2, message, writePrepare);
    case "Commit":
      return writer.message(3, message, writeCommit);
    case "ViewChange":
      return writer.message(4, message, writeViewChange);
    case "ViewData":
      return writer.message(5, message, writeSignedViewData);
    case "NewView":
      return writer.message(6, message, (inner, { entries }) => {
        // Field number 1 is unused in NewView.
        for (const entry of entries) inner.message(2, entry, writeSignedViewData);
      });
    case "HeartBeat":
      return writer.message(7, message, writeViewAndSequence);
    case "HeartBeatResponse":
      return writer.message(8, message, (inner, { view }) => inner.integer(1, view));
    case "StateTransferRequest":
      return writer.message(9, message, () => undefined);
    case "StateTransferResponse":
      return writer.message(10, message, writeViewAndSequence);
    default:
      assertNever(message);
  }
}

function writeViewAndSequence(
  writer: FieldWriter,
  message: { readonly view: number; readonly sequence: number },
): void {
  writer.integer(1, message.view);
  writer.integer(2, message.sequence);
}

function writePrePrepare(writer: FieldWriter, message: PrePrepare): void {
  writeViewAndSequence(writer, message);
  if (message.proposal !== undefined) writer.message(3, message.proposal, writeProposal);
  for (const signature of message.previousSignatures) writer.message(4, signature, writeSignature);
}

function writePrepare(writer: FieldWriter, message: Prepare): void {
  writeViewAndSequence(writer, message);
  writer.text(3, message.digest);
  writer.flag(4, message.assist);
}

function writeCommit(writer: FieldWriter, message: Commit): void {
  writeViewAndSequence(writer, message);
  writer.text(3, message.digest);
  if (message.signature !== undefined) writer.message(4, message.signature, writeSignature);
  writer.flag(5, message.assist);
}

function writeViewChange(writer: FieldWriter, message: ViewChange): void {
  writer.integer(1, message.nextView);
  writer.text(2, message.reason);
}

function writeSignedViewData(writer: FieldWriter, message: SignedViewData): void {
  writer.bytes(1, message.raw);
  writer.integer(2, message.signer);
  writer.bytes(3, message.signature);
}

function writeSignature(writer: FieldWriter, signature: Signature): void {
  writer.integer(1, signature.signer);
  writer.bytes(2, signature.value);
  writer.bytes(3, signature.message);
}

function writeProposal(writer: FieldWriter, proposal: Proposal): void {
  writer.bytes(1, proposal.header);
  writer.bytes(2, proposal.payload);
  writer.bytes(3, proposal.metadata);
  writer.integer(4, proposal.verificationSequence);
}

function writeViewMetadata(writer: FieldWriter, metadata: ViewMetadata): void {
  writer.integer(1, metadata.view);
  writer.integer(2, metadata.sequence);
  writer.integer(3, metadata.decisions);
  writer.integers(4, metadata.blacklist);
  writer.bytes(5, metadata.previousSignatureDigest);
}
