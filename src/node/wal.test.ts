// The log on disk: byte for byte the library's files, whole after a torn write, refused when it is damaged elsewhere.
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
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
