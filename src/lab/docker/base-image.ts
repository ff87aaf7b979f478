// The lower layer of the node image: Debian with FRR and the tools, made by debootstrap because a registry of images may not
// be reachable, and a Node binary from the npm registry. It changes only with this file, so it is made once for an engine.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type Docker from "dockerode";
import { sha256Hex } from "../../base/index.js";
import { EnvironmentLacks, hasCode, OperatingError, runCommand, tryCommand } from "../../system/index.js";
import { findProgram } from "../probes/packages.js";
import { engineError, label, statusOf } from "./engine.js";

interface Making {
  readonly signal: AbortSignal;
  readonly progress: (phase: string) => void;
}

const suite = "bookworm";
const packages = ["frr", "iproute2", "nftables", "tcpdump", "iputils-ping", "procps"];
/** Debian's own Node is older than what the programs need. */
const nodeVersion = "20.20.2";
/** A slow mirror on a busy machine. */
const stepMsMax = 900_000;

const repository = "testbed-base";

/** Reference of the base image in the engine, made when it is not there. */
export async function baseImage(engine: Docker, making: Making): Promise<string> {
  const nodePackage = `node-linux-${process.arch}`;
  const recipe = JSON.stringify({ suite, packages, nodePackage, nodeVersion });
  const tag = sha256Hex(Buffer.from(recipe)).slice(0, 12);
  const reference = `${repository}:${tag}`;
  if (await hasImage(engine, reference)) return reference;
  await checkTools();
  const folder = await mkdtemp(join(tmpdir(), "testbed-base-"));
  try {
    const root = join(folder, "root");
    await debootstrap(root, making);
    await installNode(folder, root, { nodePackage, ...making });
    await importRoot(engine, root, { tag, ...making });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return reference;
}

export async function hasImage(engine: Docker, reference: string): Promise<boolean> {
  try {
    await engine.getImage(reference).inspect();
    return true;
  } catch (error) {
    if (statusOf(error) === 404) return false;
    throw engineError(`Look for image ${reference}`, error);
  }
}

async function checkTools(): Promise<void> {
  if ((await findProgram("debootstrap")) === undefined) {
    throw new EnvironmentLacks(["package debootstrap, of which the node image is made"], {
      suggestion: "sudo apt-get install --yes --no-install-recommends debootstrap",
    });
  }
  if (process.getuid?.() !== 0) {
    throw new EnvironmentLacks(["root, which debootstrap needs to make the node image"], {
      suggestion: "run   testbed images build   once as root; labs that use the image need it no more",
    });
  }
}

async function debootstrap(root: string, { signal, progress }: Making): Promise<void> {
  progress(`Debian ${suite} by debootstrap (some minutes, once)`);
  const args = ["--variant=minbase", `--include=${packages.join(",")}`, suite, root];
  // Its own end is looked at: what it said is in its standard output.
  const { exitCode, stdout, stderr } = await tryCommand("nice", ["-n", "10", "debootstrap", ...args], {
    signal,
    timeoutMs: stepMsMax,
  });
  if (exitCode !== 0) {
    const said = `${stdout}\n${stderr}`.trim().split("\n").slice(-5).join("; ");
    throw new OperatingError(`Make the base image: debootstrap ended with ${exitCode} and said "${said}"`);
  }
  for (const waste of ["var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale"]) {
    await rm(join(root, waste), { recursive: true, force: true });
  }
}

async function installNode(
  folder: string,
  root: string,
  { nodePackage, signal, progress }: Making & { readonly nodePackage: string },
): Promise<void> {
  progress(`Node ${nodeVersion} from the npm registry`);
  const place = join(folder, "npm");
  await mkdir(place);
  const flags = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
  await runCommand("npm", ["install", "--prefix", place, ...flags, `${nodePackage}@${nodeVersion}`], {
    signal,
    timeoutMs: stepMsMax,
    environment: { HOME: process.env["HOME"] ?? folder },
  });
  await mkdir(join(root, "usr", "local", "bin"), { recursive: true });
  try {
    await copyFile(join(place, "node_modules", nodePackage, "bin", "node"), join(root, "usr", "local", "bin", "node"));
  } catch (cause) {
    if (!hasCode(cause, "ENOENT")) throw cause;
    throw new OperatingError(`Make the base image: package ${nodePackage} has no bin/node`, { cause });
  }
}

async function importRoot(
  engine: Docker,
  root: string,
  { tag, signal, progress }: Making & { readonly tag: string },
): Promise<void> {
  progress("importing the base image");
  signal.throwIfAborted();
  const tar = spawn("tar", ["--create", "--numeric-owner", "--directory", root, "."], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = once(tar, "exit");
  try {
    const changes = [`LABEL ${label.base}=${tag}`];
    await followed(engine, await engine.importImage(tar.stdout, { repo: repository, tag, changes }));
  } catch (error) {
    throw engineError("Import the base image", error);
  } finally {
    tar.kill("SIGKILL"); // of no effect when it has ended
    await ended;
  }
}

/** Reads an engine's progress to its end. A step that fails does not reject by itself: its last line says so. */
export async function followed(engine: Docker, stream: NodeJS.ReadableStream): Promise<void> {
  const lines = await new Promise<readonly unknown[]>((resolve, reject) => {
    engine.modem.followProgress(stream, (error, all) => (error === null ? resolve(all) : reject(error)));
  });
  for (const line of lines) {
    if (typeof line === "object" && line !== null && "error" in line) throw new OperatingError(String(line.error));
  }
}
