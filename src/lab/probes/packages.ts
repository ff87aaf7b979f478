// Debian packages the netns runtime cannot do without, found by the programs they bring: an installation from elsewhere counts.
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { hasCode, toolPath } from "../../system/index.js";

/** Programs by package; a path is looked up as it is, a name on PATH and in the administrators' folders. */
const programsOf: Readonly<Record<string, readonly string[]>> = {
  iproute2: ["ip", "tc", "bridge"],
  nftables: ["nft"],
  frr: ["/usr/lib/frr/zebra", "/usr/lib/frr/ospfd", "/usr/lib/frr/bfdd", "/usr/lib/frr/staticd", "vtysh"],
  "util-linux": ["unshare", "nsenter", "setpriv"],
  "iputils-ping": ["ping"],
  coreutils: ["stdbuf"],
  procps: ["sysctl"],
};

/** Names of the packages that are missing, sorted; empty when a lab can run. */
export function missingPackages(): readonly string[] {
  const missing: string[] = [];
  for (const [name, programs] of Object.entries(programsOf)) {
    for (const program of programs) {
      if (findProgram(program) === undefined && !missing.includes(name)) missing.push(name);
    }
  }
  return missing.toSorted();
}

/** Full path of a program; undefined when it is not installed. */
export function findProgram(program: string): string | undefined {
  const candidates = program.startsWith("/")
    ? [program]
    : toolPath()
        .split(":")
        .map((folder) => join(folder, program));
  for (const candidate of candidates) {
    try {
      accessSync(candidate, constants.X_OK); // some two hundred looks, each of a few µs
      return candidate;
    } catch (error) {
      if (!hasCode(error, "ENOENT", "ENOTDIR", "EACCES")) throw error;
    }
  }
  return undefined;
}
