// Starts an engine of our own before the docker tests and ends it after them (TESTBED_KEPT_ENGINE=FOLDER: keeps it); where there
// can be none, says why: each test is skipped with that reason, and in CI no reason but "needs root" is let pass (tests/allowed-skips).
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  export interface ProvidedContext {
    /** DOCKER_HOST of the tests' engine; empty when there is none. */
    engine: string;
    /** Why there is none. */
    noEngine: string;
  }
}

const script = join(import.meta.dirname, "..", "..", "scripts", "dockerd");

export default function setup(project: TestProject): (() => void) | undefined {
  const without = (reason: string): undefined => {
    project.provide("noEngine", reason);
    project.provide("engine", "");
  };
  const lacks = ["dockerd", "debootstrap"].filter(
    (tool) => spawnSync("sh", ["-c", 'command -v "$0"', tool]).status !== 0,
  );
  if (process.getuid?.() !== 0) return without("needs root");
  if (lacks.length > 0) return without(`needs ${lacks.join(", ")}: scripts/setup --tests installs what has it`);
  // One that is kept from run to run has its images already; it is started when it does not run.
  const kept = process.env["TESTBED_KEPT_ENGINE"] ?? "";
  const folder = kept === "" ? mkdtempSync("/tmp/testbed-engine-") : kept;
  const { status, stdout, stderr } = spawnSync(script, ["start", folder], { encoding: "utf8" });
  const stop = (): void => void execFileSync(script, ["stop", folder], { stdio: "inherit" });
  if (status !== 0) {
    if (kept === "") stop();
    return without(
      `needs a machine that can run a Docker engine; it said "${stderr.trim().split("\n").slice(-3).join("; ")}"`,
    );
  }
  project.provide("noEngine", "");
  project.provide("engine", stdout.trim());
  return kept === "" ? stop : undefined;
}
