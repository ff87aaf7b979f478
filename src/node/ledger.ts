// Blocks on disk, for orderers and peers: one file that only grows, each block behind its size and the first four bytes
// of its SHA-256. The index (offsets by number) is in memory and rebuilt at open, when a torn tail is cut off as well.
// Blocks are bytes here: nothing in this file knows what is in them.
import { mkdir, open, truncate } from "node:fs/promises";
import { join } from "node:path";
import { concat, equalBytes, sha256 } from "../base/index.js";
import { AppendFile } from "./append-file.js";

const prefixSize = 8;
const checkSize = 4;
/** A block larger than this is damage, not data: gRPC carries no more. */
const blockSizeMax = 100 * 1024 * 1024;
/** Newest blocks kept in memory: followers and peers ask for them within milliseconds. */
const cachedCountMax = 64;

interface Place {
  readonly position: number;
  readonly size: number;
}

export class Ledger implements AsyncDisposable {
  readonly #file: AppendFile;
  readonly #places: Place[];
  readonly #cached = new Map<number, Uint8Array>();
  #durable: number;
  readonly #watchers = new Set<() => void>();

  private constructor(file: AppendFile, places: Place[]) {
    this.#file = file;
    this.#places = places;
    this.#durable = places.length;
  }

  /** Caller disposes. */
  static async open(folder: string): Promise<Ledger> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, "blocks");
    const { places, goodBytes } = await placesIn(path);
    const file = await AppendFile.open(path);
    if (file.size > goodBytes) {
      await file[Symbol.asyncDispose]();
      await truncate(path, goodBytes);
      return new Ledger(await AppendFile.open(path), places);
    }
    return new Ledger(file, places);
  }

  /** Number of durable blocks: the next one has this number. */
  get height(): number {
    return this.#durable;
  }

  /** Resolves when the block is durable. Blocks are appended in the order of their numbers; calls may overlap. */
  async append(block: Uint8Array): Promise<void> {
    const number = this.#places.length;
    this.#places.push({ position: this.#file.size + prefixSize, size: block.length });
    this.#cached.set(number, block);
    this.#cached.delete(number - cachedCountMax);
    await this.#file.append(concat(prefixOf(block), block));
    this.#durable = number + 1;
    for (const watcher of this.#watchers) watcher();
  }

  /** A durable block; `number` must be below `height`. */
  async read(number: number): Promise<Uint8Array> {
    const cached = this.#cached.get(number);
    if (cached !== undefined) return cached;
    const place = this.#places[number];
    if (place === undefined || number >= this.#durable)
      throw new Error(`Read block ${number}: the height is ${this.#durable}`);
    return this.#file.read(place.position, place.size);
  }

  /** Calls `watcher` after every block that became durable, until disposed. */
  watch(watcher: () => void): Disposable {
    this.#watchers.add(watcher);
    return { [Symbol.dispose]: () => this.#watchers.delete(watcher) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file[Symbol.asyncDispose]();
  }
}

function prefixOf(block: Uint8Array): Uint8Array {
  const prefix = new Uint8Array(prefixSize);
  new DataView(prefix.buffer).setUint32(0, block.length, true);
  prefix.set(sha256(block).subarray(0, checkSize), prefixSize - checkSize);
  return prefix;
}

/** Every whole block from the start of the file; what follows the last one is a torn tail. */
async function placesIn(path: string): Promise<{ readonly places: Place[]; readonly goodBytes: number }> {
  const places: Place[] = [];
  const handle = await open(path, "a+", 0o600);
  try {
    const { size: fileSize } = await handle.stat();
    let position = 0;
    while (position + prefixSize <= fileSize) {
      const prefix = new Uint8Array(prefixSize);
      await handle.read(prefix, 0, prefixSize, position);
      const size = new DataView(prefix.buffer).getUint32(0, true);
      if (size > blockSizeMax || position + prefixSize + size > fileSize) break;
      const block = new Uint8Array(size);
      await handle.read(block, 0, size, position + prefixSize);
      if (!equalBytes(prefix, prefixOf(block))) break;
      places.push({ position: position + prefixSize, size });
      position += prefixSize + size;
    }
    return { places, goodBytes: position };
  } finally {
    await handle.close();
  }
}
