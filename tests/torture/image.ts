// The node image as archives in a folder, made before the torture's world: that has no way to a mirror of Debian or to a registry.
//   image.ts      makes the archive of the image for the programs as they are built now, if it is not there; that of the base image
//                 makes the next time quick. TESTBED_KEPT_ENGINE=FOLDER: the engine of scripts/dockerd in FOLDER is used, and its
//                 images, in place of one that is gone afterwards
import { execFileSync } from "node:child_process";
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import Docker from "dockerode";
import { buildNodeImage } from "../../src/lab/index.js";
import { baseReference } from "../../src/lab/docker/base-recipe.js";
import { hasImage } from "../../src/lab/docker/images.js";
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

/** Of other programs than those built now, or half written: hundreds of megabytes each. */
function removeAllBut(kept: string): void {
  const folder = dirname(kept);
  for (const name of readdirSync(folder)) {
    if (join(folder, name) !== kept) rmSync(join(folder, name));
  }
}

async function main(): Promise<void> {
  const node = await nodeArchive();
  if (existsSync(node)) return;
  const base = archiveOf(baseReference);
  mkdirSync(dirname(node), { recursive: true });
  removeAllBut(base);
  const shared = process.env["TESTBED_KEPT_ENGINE"] ?? "";
  const place = shared === "" ? mkdtempSync("/tmp/testbed-image-") : shared;
  const host = execFileSync(dockerd, ["start", place], { encoding: "utf8" }).trim();
  try {
    process.env["DOCKER_HOST"] = host;
    const engine = new Docker({ socketPath: host.replace("unix://", "") });
    const isArchived = existsSync(base);
    if (isArchived && !(await hasImage(engine, baseReference))) await loadImages(engine, base);
    const progress = (phase: string): void => void process.stdout.write(`  ${phase}\n`);
    const reference = await buildNodeImage({ signal: new AbortController().signal, progress });
    if (!isArchived && shared === "") await saveImage(engine, baseReference, base);
    await saveImage(engine, reference, node);
  } finally {
    if (shared === "") execFileSync(dockerd, ["stop", place], { stdio: "inherit" });
  }
}

const [, script = ""] = process.argv;
if (script.endsWith("image.ts")) await main();
