// The node image as archives in a folder, made before the torture's world: that has no way to a mirror of Debian or to a registry.
//   image.ts      makes the archive of the image for the programs as they are built now, if it is not there; that of the base image
//                 makes the next time quick
import { execFileSync } from "node:child_process";
import { createReadStream, createWriteStream, existsSync, mkdirSync, mkdtempSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import Docker from "dockerode";
import { buildNodeImage } from "../../src/lab/index.js";
import { baseReference } from "../../src/lab/docker/base-recipe.js";
import { nodeImageReference } from "../../src/lab/docker/node-image.js";

const root = join(import.meta.dirname, "..", "..");
const dockerd = join(root, "scripts", "dockerd");

const archiveOf = (reference: string): string => join(root, ".cache", "torture", `${reference.replace(":", "-")}.tar`);

export const nodeArchive = async (): Promise<string> => archiveOf(await nodeImageReference());

/** Gives an engine the images of an archive. */
export async function loadImages(engine: Docker, archive: string): Promise<void> {
  const loading = await engine.loadImage(createReadStream(archive));
  await new Promise<void>((resolve, reject) => {
    engine.modem.followProgress(loading, (error) => (error === null ? resolve() : reject(error)));
  });
}

async function saveImage(engine: Docker, reference: string, archive: string): Promise<void> {
  await pipeline(await engine.getImage(reference).get(), createWriteStream(`${archive}.part`));
  renameSync(`${archive}.part`, archive);
}

async function main(): Promise<void> {
  const node = await nodeArchive();
  if (existsSync(node)) return;
  mkdirSync(dirname(node), { recursive: true });
  const place = mkdtempSync("/tmp/testbed-image-");
  const host = execFileSync(dockerd, ["start", place], { encoding: "utf8" }).trim();
  try {
    process.env["DOCKER_HOST"] = host;
    const engine = new Docker({ socketPath: host.replace("unix://", "") });
    const base = archiveOf(baseReference);
    const isKept = existsSync(base);
    if (isKept) await loadImages(engine, base);
    const progress = (phase: string): void => void process.stdout.write(`  ${phase}\n`);
    const reference = await buildNodeImage({ signal: new AbortController().signal, progress });
    if (!isKept) await saveImage(engine, baseReference, base);
    await saveImage(engine, reference, node);
  } finally {
    execFileSync(dockerd, ["stop", place], { stdio: "inherit" });
  }
}

const [, script = ""] = process.argv;
if (script.endsWith("image.ts")) await main();
