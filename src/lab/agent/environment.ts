// The first event of a run: what it ran on. Versions are as the tools print them.
import { release } from "node:os";
import { eventFormat, type EnvironmentEvent } from "../../boundary/index.js";
import { now, tryCommand } from "../../system/index.js";
import type { Homes } from "./homes.js";

const versionCommands: Readonly<Record<string, readonly [string, ...string[]]>> = {
  frr: ["/usr/lib/frr/zebra", "--version"],
  iproute2: ["ip", "-Version"],
  nftables: ["nft", "--version"],
};

type Versions = Readonly<Record<string, string>>;

/** Of the programs that every lab uses. */
export async function toolVersions({ signal }: { readonly signal: AbortSignal }): Promise<Versions> {
  const asked = Object.entries(versionCommands).map(async ([name, [command, ...args]]) => {
    const { stdout, exitCode } = await tryCommand(command, args, { signal });
    return [name, exitCode === 0 ? (stdout.split("\n")[0] ?? "").trim() : "absent"] as const;
  });
  return Object.fromEntries(await Promise.all(asked));
}

export async function environmentEvent(lab: string, homes: Homes, tools: Versions): Promise<EnvironmentEvent> {
  const versions = { kernel: release(), node: process.versions.node, ...(await homes.versions()), ...tools };
  return {
    kind: "environment",
    at: now(),
    node: "",
    format: eventFormat,
    clock: "monotonic",
    runtime: homes.runtime,
    lab,
    versions,
    wallTime: new Date().toISOString(),
  };
}
