// Blocks on disk: what was appended is there after a restart, and a torn last block is not.
import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Ledger } from "./ledger.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "testbed-ledger-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const blockOf = (number: number): Uint8Array => new Uint8Array(100 + number).fill(number);

async function filled(count: number): Promise<void> {
  await using ledger = await Ledger.open(folder);
  await Promise.all(Array.from({ length: count }, (_, index) => ledger.append(blockOf(index))));
  expect(ledger.height).toBe(count);
}

async function expectBlocks(count: number): Promise<void> {
  await using ledger = await Ledger.open(folder);
  expect(ledger.height).toBe(count);
  for (let number = 0; number < count; number++) expect(await ledger.read(number)).toEqual(blockOf(number));
}

test("keeps blocks in order across a restart, more than are cached", async () => {
  await filled(150);
  await expectBlocks(150);
});

test("tells watchers of each durable block until they are disposed", async () => {
  await using ledger = await Ledger.open(folder);
  const heights: number[] = [];
  const watch = ledger.watch(() => heights.push(ledger.height));
  await ledger.append(blockOf(0));
  await ledger.append(blockOf(1));
  watch[Symbol.dispose]();
  await ledger.append(blockOf(2));
  expect(heights).toEqual([1, 2]);
});

test.each([1, 8, 50, 101])("a last block torn by %i bytes is cut off, and appending goes on", async (missing) => {
  await filled(3);
  const path = join(folder, "blocks");
  truncateSync(path, readFileSync(path).length - missing);
  await expectBlocks(2);
  await using ledger = await Ledger.open(folder);
  await ledger.append(blockOf(2));
  expect(await ledger.read(2)).toEqual(blockOf(2));
});

test("bytes that are no block are cut off", async () => {
  await filled(2);
  appendFileSync(join(folder, "blocks"), Buffer.alloc(500, 0xff));
  await expectBlocks(2);
});

test("a block beyond the height is an error", async () => {
  await using ledger = await Ledger.open(folder);
  await expect(ledger.read(0)).rejects.toThrow("Read block 0: the height is 0");
});
