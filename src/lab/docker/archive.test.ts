// Archives as the engine's API takes them, held against the tar of this machine.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { archiveOf, firstFileIn } from "./archive.js";

const long = `/${"folder/".repeat(18)}file`;

test("tar unpacks what is packed here, paths over 100 bytes too", () => {
  const folder = mkdtempSync(join(tmpdir(), "archive-"));
  try {
    const files = [
      { path: "/etc/motd", text: "hello\n", mode: 0o644 },
      { path: "/empty", text: "", mode: 0o600 },
      { path: long, text: "x".repeat(1_025), mode: 0o755 },
    ];
    const { status, stderr } = spawnSync("tar", ["--extract", "--directory", folder], { input: archiveOf(files) });
    expect([status, stderr.toString()]).toEqual([0, ""]);
    for (const { path, text, mode } of files) {
      expect(readFileSync(join(folder, path), "utf8")).toBe(text);
      expect(statSync(join(folder, path)).mode & 0o777).toBe(mode);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("what tar packs is read here; a folder and an empty archive have no file", () => {
  const packed = (...args: readonly string[]): Buffer =>
    spawnSync("tar", ["--create", "--format=ustar", "--directory", import.meta.dirname, ...args]).stdout;
  expect(firstFileIn(packed("archive.ts"))?.toString()).toBe(
    readFileSync(join(import.meta.dirname, "archive.ts"), "utf8"),
  );
  expect(firstFileIn(packed("--no-recursion", "."))).toBeUndefined();
  expect(firstFileIn(archiveOf([]))).toBeUndefined();
});
