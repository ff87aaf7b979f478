// What the base image holds, in whichever way it is made, and the name that follows from it.
import { sha256Hex } from "../../base/index.js";
import { label } from "./engine.js";

export interface Making {
  readonly signal: AbortSignal;
  readonly progress: (phase: string) => void;
}

export const recipe = {
  suite: "bookworm",
  packages: ["frr", "iproute2", "nftables", "tcpdump", "iputils-ping", "procps"],
  nodePackage: `node-linux-${process.arch}`,
  /** Debian's own Node is older than what the programs need. */
  nodeVersion: "20.20.2",
} as const;

/** A slow mirror on a busy machine. */
export const stepMsMax = 900_000;

export const baseRepository = "testbed-base";
export const baseTag = sha256Hex(Buffer.from(JSON.stringify(recipe))).slice(0, 12);
export const baseReference = `${baseRepository}:${baseTag}`;
export const baseLabels = { [label.base]: baseTag } as const;
