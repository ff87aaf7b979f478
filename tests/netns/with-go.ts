// Tests with orderers that are the Go library: where there is a Go.
import { spawnSync } from "node:child_process";
import { test } from "vitest";

const reasonToSkip = (): string => (spawnSync("go", ["version"]).status === 0 ? "" : "needs Go");

/** Defines the tests, or one that says why not. */
export function withGo(define: () => void): void {
  const reason = reasonToSkip();
  if (reason === "") define();
  else test("orderers that are the Go library", ({ skip }) => skip(reason));
}
