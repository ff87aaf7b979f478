// Tests with orderers that are the Go library: once, as root, and where there is a Go.
import { spawnSync } from "node:child_process";
import { test } from "vitest";

function reasonToSkip(): string {
  if (process.getuid?.() !== 0) return "once is enough, and root did it: nothing in it depends on the user";
  return spawnSync("go", ["version"]).status === 0 ? "" : "needs Go";
}

/** Defines the tests, or one that says why not. */
export function withGo(define: () => void): void {
  const reason = reasonToSkip();
  if (reason === "") define();
  else test("orderers that are the Go library", ({ skip }) => skip(reason));
}
