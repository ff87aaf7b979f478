// Reads a node's configuration: JSON that the lab wrote from its own typed values, so only what tells a wrong file from a
// right one is checked here, by name. Everything else is the contract of boundary/node-config.ts.
import { readFile } from "node:fs/promises";
import type { NodeConfig } from "../boundary/index.js";
import { UserError } from "../system/index.js";

const kinds: readonly string[] = ["orderer", "peer", "client"];

/** Rejects with `UserError` when the file is not there, is no JSON, or is of another format or kind. */
export async function readConfig(path: string): Promise<NodeConfig> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    throw new UserError(`Read the configuration "${path}": expected a JSON file`, { cause });
  }
  if (typeof value !== "object" || value === null)
    throw new UserError(`${path}: got no object, expected a configuration`);
  if (!("format" in value) || value.format !== 1) {
    throw new UserError(
      `${path}: format: got ${"format" in value ? JSON.stringify(value.format) : "none"}, expected 1`,
    );
  }
  if (!("kind" in value) || typeof value.kind !== "string" || !kinds.includes(value.kind)) {
    throw new UserError(`${path}: kind: expected one of ${kinds.join(", ")}`);
  }
  if ("implementation" in value && value.implementation !== "testbed") {
    throw new UserError(`${path}: implementation: got ${JSON.stringify(value.implementation)}, expected testbed`);
  }
  // Written by the lab from a NodeConfig; see above.
  return value as NodeConfig;
}
