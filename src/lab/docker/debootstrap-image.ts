// The base image by debootstrap: a Debian system made in a folder of this machine, as root, and imported into the engine. What
// reaches no registry of images reaches a mirror of Debian.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type Docker from "dockerode";
import { OperatingError, tryCommand } from "../../system/index.js";
import { baseLabels, baseRepository, baseTag, recipe, stepMsMax, type Making } from "./base-recipe.js";
import { engineError } from "./engine.js";
import { followed } from "./images.js";
import { endingWholeWithUs } from "./making-folder.js";

export async function imageByDebootstrap(
  engine: Docker,
  { folder, node }: { readonly folder: string; readonly node: string },
  making: Making,
): Promise<void> {
  const root = join(folder, "root");
  await debootstrap(root, making);
  const place = join(root, "usr", "local", "bin");
  await mkdir(place, { recursive: true });
  await copyFile(node, join(place, "node"));
  await importRoot(engine, root, making);
}

async function debootstrap(root: string, { signal, progress }: Making): Promise<void> {
  const { suite, packages } = recipe;
  progress(`Debian ${suite} by debootstrap (some minutes, once)`);
  const make = ["debootstrap", "--variant=minbase", `--include=${packages.join(",")}`, suite, root];
  const [command = "", ...args] = [...endingWholeWithUs(), "nice", "-n", "10", ...make];
  // Its own end is looked at: what it said is in its standard output.
  const { exitCode, stdout, stderr } = await tryCommand(command, args, {
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

async function importRoot(engine: Docker, root: string, { signal, progress }: Making): Promise<void> {
  progress("importing the base image");
  signal.throwIfAborted();
  const tar = spawn("tar", ["--create", "--numeric-owner", "--directory", root, "."], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = once(tar, "exit");
  try {
    const changes = Object.entries(baseLabels).map(([name, value]) => `LABEL ${name}=${value}`);
    await followed(engine, await engine.importImage(tar.stdout, { repo: baseRepository, tag: baseTag, changes }));
  } catch (error) {
    throw engineError("Import the base image", error);
  } finally {
    tar.kill("SIGKILL"); // of no effect when it has ended
    await ended;
  }
}
