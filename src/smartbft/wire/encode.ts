// Values to protobuf bytes, the one canonical encoder (reference section 1.2): zero scalars are omitted, repeated
// integers packed, fields ascending, as Go's encoder does it. The inverse is decode.ts.
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { assertNever } from "../../base/index.js";
import type { Proposal, Signature } from "../contract.js";
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

/** One writer for all, as its buffer grows to what messages need; a large one is let go, and so is one that was left half full. */
let idle: BinaryWriter | undefined = new BinaryWriter();
const keptBytesMax = 65_536;

function written(write: (writer: BinaryWriter) => void): Uint8Array {
  const writer = idle ?? new BinaryWriter();
  idle = undefined;
  write(writer);
  const bytes = writer.finish();
  if (bytes.length <= keptBytesMax) idle = writer;
  return bytes;
}

export function encodeMessage(message: Message): Uint8Array {
  return written((writer) => writeMessage(writer, message));
}

export function encodeViewData(data: ViewData): Uint8Array {
  return written((writer) => {
    integer(writer, 1, data.nextView);
    if (data.lastDecision !== undefined) nested(writer, 2, data.lastDecision, writeProposal);
    for (const signature of data.lastDecisionSignatures) nested(writer, 3, signature, writeSignature);
    if (data.inFlightProposal !== undefined) nested(writer, 4, data.inFlightProposal, writeProposal);
    flag(writer, 5, data.inFlightPrepared);
  });
}

/** `black_list` in the given order: it is compared element by element. */
export function encodeViewMetadata(metadata: ViewMetadata): Uint8Array {
  return written((writer) => {
    writeViewMetadata(writer, metadata);
  });
}

/** The identities whose Prepares a signer had collected, in order of arrival (section 1.4). */
export function encodePreparesFrom(ids: readonly number[]): Uint8Array {
  return written((writer) => {
    packed(writer, 1, ids);
  });
}

export function encodeSavedMessage(saved: SavedMessage): Uint8Array {
  return written((writer) => {
    switch (saved.kind) {
      case "proposed":
        nested(writer, 1, saved, (inner, { prePrepare, prepare }) => {
          nested(inner, 1, prePrepare, writePrePrepare);
          nested(inner, 2, prepare, writePrepare);
        });
        break;
      case "commit":
        nested(writer, 2, saved.commit, writeMessage);
        break;
      case "newView":
        nested(writer, 3, saved.metadata, writeViewMetadata);
        break;
      case "viewChange":
        nested(writer, 4, saved.viewChange, writeViewChange);
        break;
      default:
        assertNever(saved);
    }
  });
}

function writeMessage(writer: BinaryWriter, message: Message): void {
  switch (message.kind) {
    case "PrePrepare":
      return nested(writer, 1, message, writePrePrepare);
    case "Prepare":
      return nested(writer, 2, message, writePrepare);
    case "Commit":
      return nested(writer, 3, message, writeCommit);
    case "ViewChange":
      return nested(writer, 4, message, writeViewChange);
    case "ViewData":
      return nested(writer, 5, message, writeSignedViewData);
    case "NewView":
      return nested(writer, 6, message, (inner, { entries }) => {
        // Field number 1 is unused in NewView.
        for (const entry of entries) nested(inner, 2, entry, writeSignedViewData);
      });
    case "HeartBeat":
      return nested(writer, 7, message, writeViewAndSequence);
    case "HeartBeatResponse":
      return nested(writer, 8, message, (inner, { view }) => integer(inner, 1, view));
    case "StateTransferRequest":
      return nested(writer, 9, message, () => undefined);
    case "StateTransferResponse":
      return nested(writer, 10, message, writeViewAndSequence);
    default:
      assertNever(message);
  }
}

function writeViewAndSequence(
  writer: BinaryWriter,
  message: { readonly view: number; readonly sequence: number },
): void {
  integer(writer, 1, message.view);
  integer(writer, 2, message.sequence);
}

function writePrePrepare(writer: BinaryWriter, message: PrePrepare): void {
  writeViewAndSequence(writer, message);
  if (message.proposal !== undefined) nested(writer, 3, message.proposal, writeProposal);
  for (const signature of message.previousSignatures) nested(writer, 4, signature, writeSignature);
}

function writePrepare(writer: BinaryWriter, message: Prepare): void {
  writeViewAndSequence(writer, message);
  text(writer, 3, message.digest);
  flag(writer, 4, message.assist);
}

function writeCommit(writer: BinaryWriter, message: Commit): void {
  writeViewAndSequence(writer, message);
  text(writer, 3, message.digest);
  if (message.signature !== undefined) nested(writer, 4, message.signature, writeSignature);
  flag(writer, 5, message.assist);
}

function writeViewChange(writer: BinaryWriter, message: ViewChange): void {
  integer(writer, 1, message.nextView);
  text(writer, 2, message.reason);
}

function writeSignedViewData(writer: BinaryWriter, message: SignedViewData): void {
  byteString(writer, 1, message.raw);
  integer(writer, 2, message.signer);
  byteString(writer, 3, message.signature);
}

function writeSignature(writer: BinaryWriter, signature: Signature): void {
  integer(writer, 1, signature.signer);
  byteString(writer, 2, signature.value);
  byteString(writer, 3, signature.message);
}

function writeProposal(writer: BinaryWriter, proposal: Proposal): void {
  byteString(writer, 1, proposal.header);
  byteString(writer, 2, proposal.payload);
  byteString(writer, 3, proposal.metadata);
  integer(writer, 4, proposal.verificationSequence);
}

function writeViewMetadata(writer: BinaryWriter, metadata: ViewMetadata): void {
  integer(writer, 1, metadata.view);
  integer(writer, 2, metadata.sequence);
  integer(writer, 3, metadata.decisions);
  packed(writer, 4, metadata.blacklist);
  byteString(writer, 5, metadata.previousSignatureDigest);
}

function nested<T>(
  writer: BinaryWriter,
  field: number,
  value: T,
  write: (writer: BinaryWriter, value: T) => void,
): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  write(writer, value);
  writer.join();
}

function integer(writer: BinaryWriter, field: number, value: number): void {
  if (value !== 0) uint64(writer.tag(field, WireType.Varint), value);
}

function packed(writer: BinaryWriter, field: number, values: readonly number[]): void {
  if (values.length === 0) return;
  writer.tag(field, WireType.LengthDelimited).fork();
  for (const value of values) uint64(writer, value);
  writer.join();
}

/** A varint is the same for both widths; the 32-bit writer needs no BigInt. */
function uint64(writer: BinaryWriter, value: number): void {
  if (value <= 0xffff_ffff) writer.uint32(value);
  else writer.uint64(value);
}

function text(writer: BinaryWriter, field: number, value: string): void {
  if (value !== "") writer.tag(field, WireType.LengthDelimited).string(value);
}

function byteString(writer: BinaryWriter, field: number, value: Uint8Array): void {
  if (value.length > 0) writer.tag(field, WireType.LengthDelimited).bytes(value);
}

function flag(writer: BinaryWriter, field: number, value: boolean): void {
  if (value) writer.tag(field, WireType.Varint).bool(true);
}
