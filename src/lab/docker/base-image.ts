// The lower layer of the node image: Debian with FRR and the tools, and a Node binary from the npm registry. It is made in one of
// two ways: from a Debian image, where the engine has one or reaches a registry that does, else by debootstrap on this machine. It
// changes only with this file, so it is made once for an engine.
import { copyFile, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type Docker from "dockerode";
import { EnvironmentLacks, hasCode, OperatingError, runCommand } from "../../system/index.js";
import { findProgram } from "../probes/packages.js";
import { baseReference, recipe, stepMsMax, type Making } from "./base-recipe.js";
import { imageFromDebian } from "./debian-image.js";
import { imageByDebootstrap } from "./debootstrap-image.js";
import { engineError } from "./engine.js";
import { hasImage, registryAnswer } from "./images.js";
import { endingWithUs, makingFolder } from "./making-folder.js";

/** A mirror of Docker's registry, or an image that the engine has by another name. */
const debianImage = (): string => process.env["TESTBED_DEBIAN_IMAGE"] ?? `debian:${recipe.suite}-slim`;

/** How the base image can be made here, and why in this way; `cannot` says what keeps it from either. */
export type Way =
  | { readonly way: "debian"; readonly image: string; readonly why: string }
  | { readonly way: "debootstrap"; readonly why: string }
  | { readonly way: "none"; readonly cannot: string };

export async function wayToBase(engine: Docker): Promise<Way> {
  const image = debianImage();
  if (await hasImage(engine, image)) return { way: "debian", image, why: `the engine has ${image}` };
  const registry = await registryAnswer(engine, image);
  if (registry.answers) return { way: "debian", image, why: `a registry has ${image}` };
  const lacks = await debootstrapLacks();
  if (lacks === "") return { way: "debootstrap", why: `no registry gives ${image}: ${registry.why}` };
  return { way: "none", cannot: `no registry gives ${image} (${registry.why}), and debootstrap needs ${lacks}` };
}

async function debootstrapLacks(): Promise<string> {
  const lacks = [
    ...(findProgram("debootstrap") === undefined ? ["its package"] : []),
    ...(process.getuid?.() === 0 ? [] : ["root"]),
  ];
  return lacks.join(" and ");
}

/** Reference of the base image in the engine, made when it is not there. */
export async function baseImage(engine: Docker, making: Making): Promise<string> {
  if (await hasImage(engine, baseReference)) return baseReference;
  const way = await wayToBase(engine);
  if (way.way === "none") {
    throw new EnvironmentLacks([`a way to make the node image: ${way.cannot}`], {
      suggestion:
        "install debootstrap and run   testbed images build   once as root (labs need no root then), or set TESTBED_DEBIAN_IMAGE to a Debian image that the engine can have",
    });
  }
  const folder = await makingFolder("base");
  try {
    making.progress(`base image by ${way.way === "debian" ? `FROM ${way.image}` : "debootstrap"}: ${way.why}`);
    const node = await nodeBinary(folder, making);
    if (way.way === "debian") await imageFromDebian(engine, { image: way.image, folder, node }, making);
    else await imageByDebootstrap(engine, { folder, node }, making);
  } catch (error) {
    if (error instanceof OperatingError) throw error;
    throw engineError("Make the base image", error);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return baseReference;
}

/** Path of a Node binary for the image. */
async function nodeBinary(folder: string, { signal, progress }: Making): Promise<string> {
  const { nodePackage, nodeVersion } = recipe;
  progress(`Node ${nodeVersion} from the npm registry`);
  const place = join(folder, "npm");
  await mkdir(place);
  const flags = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
  const install = ["npm", "install", "--prefix", place, ...flags, `${nodePackage}@${nodeVersion}`];
  const [command = "", ...args] = [...endingWithUs(), ...install];
  await runCommand(command, args, {
    signal,
    timeoutMs: stepMsMax,
    environment: { HOME: process.env["HOME"] ?? folder },
  });
  const target = join(folder, "node");
  try {
    await copyFile(join(place, "node_modules", nodePackage, "bin", "node"), target);
  } catch (cause) {
    if (!hasCode(cause, "ENOENT")) throw cause;
    throw new OperatingError(`Make the base image: package ${nodePackage} has no bin/node`, { cause });
  }
  return target;
}
