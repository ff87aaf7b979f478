// The log on disk: byte for byte the library's files, whole after a torn write, refused when it is damaged elsewhere.
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fromHex, toHex } from "../base/index.js";
import type { WalRecord } from "../smartbft/index.js";
import { Wal } from "./wal.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "testbed-wal-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const record = (hex: string, truncate = false): WalRecord => ({ record: fromHex(hex) ?? new Uint8Array(), truncate });
const fileOf = (index: number): string => join(folder, `${index.toString(16).padStart(16, "0")}.wal`);
const files = (): readonly string[] => readdirSync(folder).toSorted();

async function written(...batches: readonly (readonly WalRecord[])[]): Promise<readonly string[]> {
  const { wal, entries } = await Wal.open(folder);
  for (const batch of batches) await wal.append(batch);
  await wal[Symbol.asyncDispose]();
  return entries.map(toHex);
}

test("writes the vector of the reference, in one batch or several", async () => {
  await written([record("01020304", true)], [record("05060708090a0b0c"), record("1a0408011004")]);
  expect(toHex(readFileSync(fileOf(1)))).toBe(
    "020000000100edde0802000000000000" +
      "0800000029111ffa10011a0401020304" +
      "0a000000535932ca1a0805060708090a0b0c000000000000" +
      "080000005cfc506a1a061a0408011004",
  );
  expect(await written()).toEqual(["01020304", "05060708090a0b0c", "1a0408011004"]);
  expect(toHex(readFileSync(fileOf(2)))).toBe("020000005cfc506a0802000000000000");
});

test("gives back what follows the newest truncation, across restarts", async () => {
  expect(await written([record("aa")], [record("bb", true)])).toEqual([]);
  expect(await written([record("cc")])).toEqual(["bb"]);
  expect(await written([record("dd", true)])).toEqual(["bb", "cc"]);
  expect(await written()).toEqual(["dd"]);
});

test.each([1, 7, 8, 9, 15, 23])("a last write torn after %i bytes is cut off, and a copy is kept", async (kept) => {
  await written([record("01020304", true)]);
  const good = readFileSync(fileOf(1)).length;
  await written([record("05060708090a0b0c")]);
  // The second run wrote into file 2: an anchor of 16 bytes and a frame of 24.
  truncateSync(fileOf(2), 16 + kept);
  const { wal, entries, repaired } = await Wal.open(folder);
  await wal[Symbol.asyncDispose]();
  expect(entries.map(toHex)).toEqual(["01020304"]);
  expect(repaired).toContain("cut to 16 bytes");
  expect(readFileSync(fileOf(1))).toHaveLength(good);
  expect(files().filter((name) => name.endsWith(".copy"))).toHaveLength(1);
  expect(await written()).toEqual(["01020304"]);
});

test("a last file without an anchor is removed", async () => {
  await written([record("01020304", true)]);
  writeFileSync(fileOf(2), "short");
  expect(await written()).toEqual(["01020304"]);
});

test("damage before the last file is refused by name", async () => {
  await written([record("01020304", true)]);
  await written([record("05")]);
  appendFileSync(fileOf(1), Buffer.alloc(16, 1));
  await expect(Wal.open(folder)).rejects.toThrow(`${fileOf(1)} is damaged`);
});

test("a missing file is refused by name", async () => {
  await written([record("01")]);
  await written([record("02")]);
  await written([record("03")]);
  rmSync(fileOf(2));
  await expect(Wal.open(folder)).rejects.toThrow(`${fileOf(2)} is damaged: missing`);
});

test("a full file is followed by the next, and files below the newest truncation go", async () => {
  const { wal } = await Wal.open(folder, 200);
  for (let index = 0; index < 40; index++) await wal.append([record("00".repeat(30), true), record("11".repeat(30))]);
  await wal[Symbol.asyncDispose]();
  expect(files().length).toBeLessThan(4);
  expect(await written()).toEqual(["00".repeat(30), "11".repeat(30)]);
});

test("other names in the folder are ignored", async () => {
  writeFileSync(join(folder, "oops-0000000000000001.wal"), "x");
  writeFileSync(join(folder, "0000000000000001.wal.copy"), "x");
  expect(await written([record("01")])).toEqual([]);
  expect(await written()).toEqual(["01"]);
});

/** The folder's files by name, as a crash would leave them. */
type Disk = ReadonlyMap<string, Buffer>;
const disk = (): Disk => new Map(files().map((name) => [name, readFileSync(join(folder, name))]));
function restore(content: Disk): void {
  for (const name of files()) rmSync(join(folder, name));
  for (const [name, bytes] of content) writeFileSync(join(folder, name), bytes);
}
const opened = async (): Promise<readonly string[]> => {
  const { wal, entries } = await Wal.open(folder, 160);
  await wal.append([record("ee")]);
  await wal[Symbol.asyncDispose]();
  return entries.map(toHex);
};

describe("a crash at every byte of every write, files that fill up and go included", () => {
  const appends = Array.from({ length: 10 }, (_, index) => {
    const data = `${index}`.padStart(2, "0").repeat(9 + index);
    return { data, truncate: index % 3 === 0 };
  });
  /** What a restart must find after so many appends. */
  const expected = (count: number): readonly string[] => {
    const done = appends.slice(0, count);
    const from = done.findLastIndex(({ truncate }) => truncate);
    return done.slice(Math.max(0, from)).map(({ data }) => data);
  };

  test("what was durable is there, what was torn is not, and the log goes on", { timeout: 90_000 }, async () => {
    const states: Disk[] = [];
    const { wal } = await Wal.open(folder, 160);
    states.push(disk());
    for (const { data, truncate } of appends) {
      await wal.append([record(data, truncate)]);
      states.push(disk());
    }
    await wal[Symbol.asyncDispose]();
    let crashes = 0;
    for (const [index, before] of states.slice(0, -1).entries()) {
      const after = states[index + 1] ?? new Map<string, Buffer>();
      for (const crash of crashesBetween(before, after)) {
        restore(crash.content);
        const found = await opened();
        expect(found, `append ${index + 1}: ${crash.what}`).toEqual(expected(crash.complete ? index + 1 : index));
        expect(await opened(), `append ${index + 1}: ${crash.what}, and again`).toEqual([...found, "ee"]);
        crashes++;
      }
    }
    expect(crashes).toBeGreaterThan(120);
    expect(Math.max(...states.map((state) => state.size)), "files at one time").toBeLessThanOrEqual(5);
  });
});

interface Crash {
  readonly what: string;
  readonly content: Disk;
  /** Whether the record was durable by then. */
  readonly complete: boolean;
}

/** What may be on disk between two appends: the last file grown by some bytes; then, as it rolls, the next one begun. */
function* crashesBetween(before: Disk, after: Disk): Generator<Crash> {
  const last = [...before.keys()].at(-1) ?? "";
  const old = before.get(last) ?? Buffer.alloc(0);
  const grown = after.get(last);
  // The roll may have removed the file that was written to; then only whole steps are left to look at.
  if (grown === undefined) return;
  for (let size = old.length; size <= grown.length; size++) {
    // Every byte of the header, some of the rest, and the last: each crash costs two starts with their fsyncs.
    const torn = size - old.length;
    if (torn > 9 && torn % 6 !== 0 && size < grown.length - 1) continue;
    const content = new Map(before).set(last, grown.subarray(0, size));
    yield { what: `${torn} bytes of it`, content, complete: size === grown.length };
  }
  for (const [name, bytes] of after) {
    if (before.has(name)) continue;
    for (const size of [0, 1, 8, bytes.length]) {
      const content = new Map([...before, [last, grown] as const, [name, bytes.subarray(0, size)] as const]);
      yield { what: `the next file with ${size} bytes`, content, complete: true };
    }
  }
}

test("a flipped bit before the last two records is refused by name, wherever it is", async () => {
  await written(Array.from({ length: 6 }, (_, index) => record(`0${index}`.repeat(10), index === 0)));
  const good = readFileSync(fileOf(1));
  const size = (good.length - 16) / 6;
  for (let bit = 16 * 8; bit < (good.length - 2 * size) * 8; bit += 3) {
    const flipped = Buffer.from(good);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    writeFileSync(fileOf(1), flipped);
    await expect(Wal.open(folder), `bit ${bit}`).rejects.toThrow(`${fileOf(1)} is damaged`);
  }
  writeFileSync(fileOf(1), good);
  expect(await written()).toHaveLength(6);
});

test("the size is bounded: a thousand decisions leave no more than three small files", async () => {
  const { wal } = await Wal.open(folder, 1000);
  for (let index = 0; index < 1000; index++)
    await wal.append([record("00".repeat(100), true), record("11".repeat(60))]);
  await wal[Symbol.asyncDispose]();
  expect(files().length).toBeLessThanOrEqual(3);
  expect(files().reduce((sum, name) => sum + readFileSync(join(folder, name)).length, 0)).toBeLessThan(3500);
});
