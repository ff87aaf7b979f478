// Frames of the write-ahead log as pure functions (reference section 10.2, 10.3): a header (length, CRC-32C chained over
// all frames), a LogRecord, padding to eight bytes. Byte-exact with the Go library, so its tools read our logs.
//
// Not here: files. The host names them (`%016x.wal`), writes and fsyncs what `frameRecord` returns, rolls to a new file
// that begins with `anchorFrame(crc)` when the end offset passes the size limit minus 16, deletes the files below the
// newest truncation point when it rolls, and after reading continues in a fresh file.
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { assert, concat } from "../../base/index.js";
import { decodeLogRecord } from "./decode.js";

/** The chain's start: what the anchor of the first file holds. */
export const firstLogCrc = 0xdeed_0001;

export interface Frame {
  readonly bytes: Uint8Array;
  /** The running CRC after this frame, which the next one continues. */
  readonly crc: number;
}

/** The frame of one appended record. Empty data is a programmer error, as the library refuses it. */
export function frameRecord(crc: number, record: { readonly data: Uint8Array; readonly truncate: boolean }): Frame {
  assert(record.data.length > 0, "Expected a log record with data");
  const writer = new BinaryWriter();
  if (record.truncate) writer.tag(2, WireType.Varint).bool(true);
  writer.tag(3, WireType.LengthDelimited).bytes(record.data);
  const encoded = writer.finish();
  const payload = padded(encoded);
  const next = crc32c(crc, payload);
  return { bytes: concat(header(encoded.length, next), payload), crc: next };
}

/** The first frame of a file: its CRC field is the running value, not a checksum of the frame. */
export const anchorFrame = (crc: number): Uint8Array => {
  const encoded = Uint8Array.of(0x08, anchorType);
  return concat(header(encoded.length, crc), padded(encoded));
};

export interface FramesRead {
  /** Data of the entries since the last truncation mark in these bytes, the marked one included. */
  readonly entries: readonly Uint8Array[];
  /** Whether a truncation mark was met: entries of earlier files are then void. */
  readonly truncated: boolean;
  /** Bytes up to the end of the last good frame: a torn file is repaired by cutting it there. 0 when the anchor is bad. */
  readonly goodBytes: number;
  /** The running CRC after the last good frame; undefined when not even the anchor was good. */
  readonly crc: number | undefined;
  /** Why reading stopped before the end; undefined when it did not. */
  readonly problem: string | undefined;
}

/** Reads one file. `crc` is the running value that its anchor must hold; undefined for the first file, which sets it. */
export function readFrames(bytes: Uint8Array, crc?: number): FramesRead {
  let entries: Uint8Array[] = [];
  let truncated = false;
  let running: number | undefined;
  let offset = 0;
  const stop = (problem: string | undefined): FramesRead => ({
    entries,
    truncated,
    goodBytes: offset,
    crc: running,
    problem,
  });
  if (bytes.length === 0) return stop("file without anchor");
  while (offset < bytes.length) {
    const frame = frameAt(bytes, offset);
    if (frame.kind === "bad") return stop(frame.reason);
    const { record, payload, crc: written } = frame;
    if (record.type === anchorType) {
      if (offset === 0 ? crc !== undefined && written !== crc : written !== running)
        return stop("anchor breaks the chain");
      running = written;
    } else {
      if (running === undefined) return stop("file does not begin with an anchor");
      const next = crc32c(running, payload);
      if (next !== written) return stop("checksum differs");
      running = next;
      if (record.truncate) {
        entries = [];
        truncated = true;
      }
      if (record.type === entryType) entries.push(record.data);
    }
    offset = frame.end;
  }
  return stop(undefined);
}

export interface LogRead {
  readonly entries: readonly Uint8Array[];
  /** The running CRC to continue from in a fresh file. */
  readonly crc: number;
  /**
   * `torn`: the last file ends in a bad frame and may be cut to `goodBytes` (a copy kept beside it), or deleted when
   * that is 0, and everything read again. `fatal`: another file is bad, or the last one in its middle, and nothing may be
   * written.
   */
  readonly state:
    | { readonly kind: "clean" }
    | { readonly kind: "torn"; readonly goodBytes: number; readonly reason: string }
    | { readonly kind: "fatal"; readonly file: number; readonly reason: string };
}

/** Reads a whole log: its files in order, oldest first. `entries` are what the protocol recovers from. */
export function readLog(files: readonly Uint8Array[]): LogRead {
  let entries: readonly Uint8Array[] = [];
  let crc: number | undefined;
  for (const [index, file] of files.entries()) {
    const read = readFrames(file, crc);
    entries = read.truncated ? read.entries : [...entries, ...read.entries];
    crc = read.crc ?? crc;
    if (read.problem !== undefined) {
      const last = index === files.length - 1;
      const goesOn = last && chainGoesOn(file, read.goodBytes, read.crc ?? firstLogCrc);
      const reason = goesOn ? `${read.problem}, but good records follow` : read.problem;
      return {
        entries,
        crc: crc ?? firstLogCrc,
        state:
          last && !goesOn
            ? { kind: "torn", goodBytes: read.goodBytes, reason }
            : { kind: "fatal", file: index, reason },
      };
    }
  }
  return { entries, crc: crc ?? firstLogCrc, state: { kind: "clean" } };
}

/**
 * Whether records that continue the chain stand behind a bad frame: then something flipped bits in the middle, and cutting
 * there would forget votes that were sent. The library cuts. A frame counts when its checksum continues the damaged one's,
 * as written or as computed, or when the next one's continues its own. Costs a pass over the rest of a file that is bad.
 */
function chainGoesOn(bytes: Uint8Array, damagedAt: number, running: number): boolean {
  const damaged = frameAt(bytes, damagedAt);
  const before = damaged.kind === "good" ? [damaged.crc, crc32c(running, damaged.payload)] : [];
  if (damagedAt + headerSize <= bytes.length) before.push(crcFieldAt(bytes, damagedAt));
  for (let offset = damagedAt + headerSize; offset + headerSize <= bytes.length; offset += 8) {
    const frame = frameAt(bytes, offset);
    if (frame.kind === "bad" || frame.end === offset + headerSize || frame.record.type !== entryType) continue;
    if (before.some((crc) => crc32c(crc, frame.payload) === frame.crc)) return true;
    const next = frameAt(bytes, frame.end);
    if (next.kind === "good" && next.end > frame.end + headerSize && crc32c(frame.crc, next.payload) === next.crc)
      return true;
  }
  return false;
}

const crcFieldAt = (bytes: Uint8Array, offset: number): number =>
  new DataView(bytes.buffer, bytes.byteOffset + offset, headerSize).getUint32(4, true);

const entryType = 0;
const anchorType = 2;
const headerSize = 8;

type FrameAt =
  | { readonly kind: "bad"; readonly reason: string }
  | {
      readonly kind: "good";
      readonly record: { readonly type: number; readonly truncate: boolean; readonly data: Uint8Array };
      readonly payload: Uint8Array;
      readonly crc: number;
      readonly end: number;
    };

function frameAt(bytes: Uint8Array, offset: number): FrameAt {
  if (offset + headerSize > bytes.length) return { kind: "bad", reason: "torn header" };
  const fields = new DataView(bytes.buffer, bytes.byteOffset + offset, headerSize);
  const size = fields.getUint32(0, true);
  const end = offset + headerSize + Math.ceil(size / 8) * 8;
  if (end > bytes.length) return { kind: "bad", reason: "torn record" };
  const payload = bytes.subarray(offset + headerSize, end);
  const decoded = decodeLogRecord(payload.subarray(0, size));
  if (decoded.kind === "bad") return { kind: "bad", reason: `undecodable record: ${decoded.reason}` };
  if (decoded.value.type > anchorType) return { kind: "bad", reason: `record of type ${decoded.value.type}` };
  return { kind: "good", record: decoded.value, payload, crc: fields.getUint32(4, true), end };
}

function header(size: number, crc: number): Uint8Array {
  const bytes = new Uint8Array(headerSize);
  const fields = new DataView(bytes.buffer);
  fields.setUint32(0, size, true);
  fields.setUint32(4, crc, true);
  return bytes;
}

function padded(encoded: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(encoded.length / 8) * 8);
  bytes.set(encoded);
  return bytes;
}

/** CRC-32C (Castagnoli, reflected polynomial 82F63B78), continued from `crc`. */
export function crc32c(crc: number, bytes: Uint8Array): number {
  let value = ~crc;
  for (const byte of bytes) value = (crcTable[(value ^ byte) & 0xff] ?? 0) ^ (value >>> 8);
  return ~value >>> 0;
}

const crcTable: Uint32Array = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f6_3b78 : value >>> 1;
  return value;
});
