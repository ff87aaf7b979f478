// The program of orderers that are `implementation: smartbft-go`: interop/, a Go program, built when it is first needed and
// kept under the hash of its sources (docs/interop.md). Building happens outside the sandbox, as the user.
import { access, mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { sha256Hex, utf8 } from "../base/index.js";
import type { Plan } from "../plan/index.js";
import { EnvironmentLacks, hasCode, OperatingError, tryCommand, type CommandResult } from "../system/index.js";
import { stateRoot } from "./netns/state-folder.js";
import { programs } from "./programs.js";

interface Waits {
  readonly signal: AbortSignal;
}

/** A cold build compiles gRPC and the library: a minute on two busy cores, and modules may have to be fetched first. */
const buildMsMax = 600_000;

export const hasSmartbftGo = (plan: Plan): boolean =>
  plan.nodes.some(({ service }) => service?.kind === "orderer" && service.implementation === "smartbft-go");

/** Rejects with EnvironmentLacks where the program is not built and Go is not there to build it. */
export async function checkSmartbftGo({ signal }: Waits): Promise<void> {
  if ((await builtProgram(await sourceHash())) !== undefined) return;
  try {
    const { exitCode } = await tryCommand("go", ["version"], { signal });
    if (exitCode === 0) return;
  } catch (cause) {
    if (!(cause instanceof OperatingError)) throw cause;
    throw lacksGo("Go, to build the orderers that are smartbft-go", cause);
  }
  throw lacksGo("a Go that answers `go version`, to build the orderers that are smartbft-go");
}

/** Path of the program, built if it was not. Rejects with EnvironmentLacks, with what `go build` said, when that fails. */
export async function smartbftGo({ signal }: Waits): Promise<string> {
  await checkSmartbftGo({ signal });
  const hash = await sourceHash();
  const built = await builtProgram(hash);
  if (built !== undefined) return built;
  const path = await writablePlace(hash);
  const temporary = `${path}.${process.pid}`;
  try {
    const result = await build(temporary, { signal });
    if (result.exitCode !== 0) throw lacksGo(`a Go that can build ${programs.interop}: it said "${lastWords(result)}"`);
    await rename(temporary, path); // whole or not at all: another process may build the same
  } finally {
    await rm(temporary, { force: true });
  }
  return path;
}

/** Static, so that it runs in any container or root; without paths of this machine in it. */
function build(target: string, { signal }: Waits): Promise<CommandResult> {
  return tryCommand("go", ["build", "-C", programs.interop, "-trimpath", "-o", target, "."], {
    signal,
    timeoutMs: buildMsMax,
    environment: { CGO_ENABLED: "0", GOFLAGS: "-mod=readonly -buildvcs=false" },
  });
}

const lastWords = ({ stderr }: CommandResult): string => stderr.trim().split("\n").slice(-3).join("; ").slice(0, 600);

const lacksGo = (what: string, cause?: unknown): EnvironmentLacks =>
  new EnvironmentLacks([what], {
    suggestion: "install Go 1.26 or newer (go.dev/dl), or write `implementation: testbed`; see docs/interop.md",
    ...(cause === undefined ? {} : { cause }),
  });

/** Beside the other built programs, or where those may not be written, in the state folder. */
const places = (hash: string): readonly string[] => {
  const name = `smartbft-go-${hash.slice(0, 16)}`;
  return [join(dirname(programs.agent), name), join(stateRoot(), "programs", name)];
};

async function builtProgram(hash: string): Promise<string | undefined> {
  for (const path of places(hash)) {
    try {
      await access(path);
      return path;
    } catch (error) {
      if (!hasCode(error, "ENOENT", "ENOTDIR")) throw error;
    }
  }
  return undefined;
}

async function writablePlace(hash: string): Promise<string> {
  const [beside = "", inState = ""] = places(hash);
  try {
    await mkdir(dirname(beside), { recursive: true });
    await access(dirname(beside), 2); // W_OK
    return beside;
  } catch (error) {
    if (!hasCode(error, "EACCES", "EPERM", "EROFS")) throw error;
    await mkdir(dirname(inState), { recursive: true, mode: 0o700 });
    return inState;
  }
}

/** Of names and contents of everything that goes into the program. */
async function sourceHash(): Promise<string> {
  const names = await readdir(programs.interop, { recursive: true });
  const sources = names.filter((name) => /(\.go|go\.mod|go\.sum)$/.test(name) && !name.endsWith("_test.go")).toSorted();
  const parts: Uint8Array[] = [];
  for (const name of sources) parts.push(utf8(`${name}\n`), await readFile(join(programs.interop, name)));
  return sha256Hex(...parts);
}
