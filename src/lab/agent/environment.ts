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

export async function environmentEvent(
  lab: string,
  homes: Homes,
  { signal }: { readonly signal: AbortSignal },
): Promise<EnvironmentEvent> {
  const versions: Record<string, string> = {
    kernel: release(),
    node: process.versions.node,
    ...(await homes.versions()),
  };
  const asked = Object.entries(versionCommands).map(async ([name, [command, ...args]]) => {
    const { stdout, exitCode } = await tryCommand(command, args, { signal });
    return [name, exitCode === 0 ? (stdout.split("\n")[0] ?? "").trim() : "absent"] as const;
  });
  for (const [name, version] of await Promise.all(asked)) versions[name] = version;
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
