// The write-ahead log on disk: a folder of `%016x.wal` files, as the Go library lays them out (smartbft.md section 10).
// Frames are the replica's own pure functions; here are names, durability, rolling and the repair of a torn tail.
import { copyFile, mkdir, open, readdir, readFile, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { anchorFrame, firstLogCrc, frameRecord, readLog, type WalRecord } from "../smartbft/index.js";
import { OperatingError } from "../system/index.js";
import { AppendFile, syncFolder } from "./append-file.js";

/** The library's file size: a file that has passed it, less 16 bytes, is followed by the next one. */
const fileSizeMax = 64 * 1024 * 1024;

export class Wal implements AsyncDisposable {
  readonly #folder: string;
  readonly #fileSizeMax: number;
  #index: number;
  #file: AppendFile;
  #crc: number;
  /** Lowest index that exists, and the index of the file that holds the newest truncation mark. */
  #oldest: number;
  #truncationAt: number;

  private constructor(folder: string, limit: number, start: Started) {
    this.#folder = folder;
    this.#fileSizeMax = limit;
    this.#index = start.index;
    this.#file = start.file;
    this.#crc = start.crc;
    this.#oldest = start.oldest;
    this.#truncationAt = start.oldest;
  }

  /**
   * Reads the log, repairs a torn tail, and continues in a fresh file. `entries` are those since the last truncation.
   * Rejects with `OperatingError` when anything but the tail is damaged. Caller disposes.
   */
  static async open(
    folder: string,
    limit = fileSizeMax,
  ): Promise<{ readonly wal: Wal; readonly entries: readonly Uint8Array[]; readonly repaired: string }> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const read = await readRepaired(folder);
    const index = (read.indexes.at(-1) ?? 0) + 1;
    const file = await started(folder, index, read.crc);
    const wal = new Wal(folder, limit, { index, file, crc: read.crc, oldest: read.indexes[0] ?? index });
    return { wal, entries: read.entries, repaired: read.repaired };
  }

  /** Resolves when all records are durable: one write and one fdatasync for all of them. Calls may not overlap. */
  async append(records: readonly WalRecord[]): Promise<void> {
    const frames: Uint8Array[] = [];
    for (const { record, truncate: truncates } of records) {
      const frame = frameRecord(this.#crc, { data: record, truncate: truncates });
      this.#crc = frame.crc;
      if (truncates) this.#truncationAt = this.#index;
      frames.push(frame.bytes);
    }
    await this.#file.append(Buffer.concat(frames));
    if (this.#file.size > this.#fileSizeMax - 16) await this.#roll();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file[Symbol.asyncDispose]();
  }

  /** Files below the newest truncation mark hold nothing that a restart needs. */
  async #roll(): Promise<void> {
    await this.#file[Symbol.asyncDispose]();
    for (; this.#oldest < this.#truncationAt; this.#oldest++) await rm(pathOf(this.#folder, this.#oldest));
    this.#index++;
    this.#file = await started(this.#folder, this.#index, this.#crc);
  }
}

interface Started {
  readonly index: number;
  readonly file: AppendFile;
  readonly crc: number;
  readonly oldest: number;
}

interface Read {
  readonly indexes: readonly number[];
  readonly entries: readonly Uint8Array[];
  readonly crc: number;
  /** What was cut off, for people; empty when nothing was. */
  readonly repaired: string;
}

const pathOf = (folder: string, index: number): string => join(folder, `${index.toString(16).padStart(16, "0")}.wal`);

/** A fresh file with its anchor on disk. */
async function started(folder: string, index: number, crc: number): Promise<AppendFile> {
  const file = await AppendFile.open(pathOf(folder, index));
  await file.append(anchorFrame(crc));
  return file;
}

async function readRepaired(folder: string): Promise<Read> {
  const indexes = (await readdir(folder))
    .filter((name) => /^[0-9a-f]{16}\.wal$/.test(name))
    .map((name) => Number.parseInt(name.slice(0, 16), 16))
    .toSorted((left, right) => left - right);
  for (const [position, index] of indexes.entries()) {
    const expected = (indexes[0] ?? 0) + position;
    if (index !== expected) throw damaged(folder, expected, "missing", "expected files with consecutive numbers");
  }
  if (indexes.length === 0) return { indexes, entries: [], crc: firstLogCrc, repaired: "" };
  const files = await Promise.all(indexes.map((index) => readFile(pathOf(folder, index))));
  const { entries, crc, state } = readLog(files);
  if (state.kind === "clean") return { indexes, entries, crc, repaired: "" };
  if (state.kind === "fatal")
    throw damaged(folder, indexes[state.file] ?? 0, state.reason, "expected damage at the very end of the log only");
  const last = indexes.at(-1) ?? 0;
  await cut(pathOf(folder, last), state.goodBytes);
  await syncFolder(folder);
  const again = await readRepaired(folder);
  return { ...again, repaired: `${pathOf(folder, last)}: ${state.reason}, cut to ${state.goodBytes} bytes` };
}

/** Keeps a copy beside the file, as the library does, then cuts the file, or removes it when nothing in it is good. */
async function cut(path: string, goodBytes: number): Promise<void> {
  await copyFile(path, `${path}.copy`);
  if (goodBytes === 0) {
    await rm(path);
    return;
  }
  await truncate(path, goodBytes);
  const handle = await open(path, "r+");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const damaged = (folder: string, index: number, found: string, expected: string): OperatingError =>
  new OperatingError(`Open the write-ahead log: ${pathOf(folder, index)} is damaged: ${found}; ${expected}`, {
    suggestion: "remove the node's data folder; it catches up from the others",
  });
