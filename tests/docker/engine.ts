// Starts an engine of our own before the docker tests and ends it after them (TESTBED_KEPT_ENGINE=FOLDER: keeps it); without root or docker.io, says why there is none.
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
  const lacks = ["dockerd", "debootstrap"].filter(
    (tool) => spawnSync("sh", ["-c", 'command -v "$0"', tool]).status !== 0,
  );
  const noEngine = process.getuid?.() !== 0 ? "not root" : lacks.length > 0 ? `no ${lacks.join(", no ")}` : "";
  project.provide("noEngine", noEngine);
  project.provide("engine", "");
  if (noEngine !== "") return undefined;
  // One that is kept from run to run has its images already; it is started when it does not run.
  const kept = process.env["TESTBED_KEPT_ENGINE"] ?? "";
  const folder = kept === "" ? mkdtempSync("/tmp/testbed-engine-") : kept;
  project.provide("engine", execFileSync(script, ["start", folder], { encoding: "utf8" }).trim());
  if (kept !== "") return undefined;
  return () => void execFileSync(script, ["stop", folder], { stdio: "inherit" });
}
