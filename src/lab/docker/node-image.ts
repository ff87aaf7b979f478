// The node image: the base, and over it a thin layer with our programs. Its tag is the hash of what is in it, so an image made of
// other sources is never used by mistake: it is another image. The same image carries the switchboard, whose program is the agent.
import { chmod, cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type Docker from "dockerode";
import { sha256Hex } from "../../base/index.js";
import { EnvironmentLacks, hasCode } from "../../system/index.js";
import { imageRoot, programRoot, programs } from "../programs.js";
import { baseImage, wayToBase } from "./base-image.js";
import { baseReference } from "./base-recipe.js";
import { engineError, engineFacts, label, messageOf, openEngine, statusOf } from "./engine.js";
import { followed, hasImage } from "./images.js";
import { makingFolder } from "./making-folder.js";
import { quickRuntime } from "./quick-runtime.js";

export interface ImageOptions {
  readonly signal: AbortSignal;
  readonly progress: (phase: string) => void;
}

const repository = "testbed-node";

/** `run`: folders that each container would otherwise make at its start (images/node/hold). */
const instructions = `FROM ${baseReference}\nCOPY testbed ${imageRoot}\nCOPY run /run\n`;

/** Reference of the image for the programs as they are built now; made when the engine has none. */
export async function nodeImage(engine: Docker, options: ImageOptions): Promise<string> {
  const files = await programFiles();
  const hash = await hashOf(files);
  const reference = referenceOf(hash);
  if (await hasImage(engine, reference)) return reference;
  const base = await baseImage(engine, options);
  options.progress("the programs' layer of the node image");
  const context = await makingFolder("image");
  try {
    for (const { from, to } of files) {
      const target = join(context, "testbed", to);
      await mkdir(dirname(target), { recursive: true });
      await cp(from, target, { recursive: true });
    }
    for (const folder of ["run", "run/frr", "run/lock"]) {
      await mkdir(join(context, folder));
      await chmod(join(context, folder), 0o755); // whatever the umask
    }
    await writeFile(join(context, "Dockerfile"), instructions);
    const build = await engine.buildImage(
      { context, src: ["Dockerfile", "testbed", "run"] },
      // `forcerm`: a build that fails would leave a container behind.
      {
        t: reference,
        forcerm: true,
        labels: { [label.program]: hash, [label.runtime]: await quickRuntime(engine, base) },
      },
    );
    await followed(engine, build);
  } catch (error) {
    throw engineError(`Build image ${reference}`, error);
  } finally {
    await rm(context, { recursive: true, force: true });
  }
  await removeStale(engine, reference);
  return reference;
}

const referenceOf = (hash: string): string => `${repository}:${hash.slice(0, 12)}`;

/** `testbed images build`: rejects with EnvironmentLacks when there is no engine. */
export async function buildNodeImage(options: ImageOptions): Promise<string> {
  await engineFacts();
  return nodeImage(openEngine(), options);
}

/** What the image for the programs as they are built now is called, whether there is one or not. */
export const nodeImageReference = async (): Promise<string> => referenceOf(await hashOf(await programFiles()));

/** The image for the programs as they are built now; undefined when it would have to be made. */
async function presentImage(engine: Docker): Promise<string | undefined> {
  const reference = await nodeImageReference();
  return (await hasImage(engine, reference)) ? reference : undefined;
}

/** The image for the programs as they are built now, or how it can come to be, or why it cannot: nothing is made. */
export async function imagePresence(
  engine: Docker,
): Promise<{ readonly present: string | undefined } | { readonly cannot: string }> {
  try {
    const present = await presentImage(engine);
    if (present !== undefined || (await hasImage(engine, baseReference))) return { present };
    const way = await wayToBase(engine);
    return way.way === "none" ? { cannot: way.cannot } : { present };
  } catch (error) {
    if (error instanceof EnvironmentLacks) return { cannot: error.missing.join("; ") };
    throw error;
  }
}

interface ProgramFile {
  readonly from: string;
  /** Place below the image's program folder: the same as below our own root. */
  readonly to: string;
}

/** What a node and the agent need of this installation. */
async function programFiles(): Promise<readonly ProgramFile[]> {
  const ours = [programs.agent, programs.service, programs.relay, programs.start, programs.hold];
  const koffi = dirname(createRequire(join(programRoot, "package.json")).resolve("koffi"));
  // Koffi's loader finds its native part in a package beside it.
  const native = `@koromix/koffi-linux-${process.arch}`;
  const parts = ["package.json", "index.js", "index.cjs", "indirect.js", "indirect.cjs", "lib", "src"];
  const built = dirname(programs.agent);
  const bundle = /^(?:start\.cjs|part-(?:agent|node)\.cjs(?:\.code)?|part-.*\.mjs)$/;
  const shared = (await readdir(built)).filter((name) => bundle.test(name)).map((name) => join(built, name));
  const files = [
    ...[...ours, ...shared.toSorted()].map((from) => ({ from, to: from.slice(programRoot.length + 1) })),
    ...parts.map((part) => ({ from: join(koffi, part), to: join("node_modules", "koffi", part) })),
    { from: join(koffi, "..", native), to: join("node_modules", native) },
  ];
  for (const { from } of files) {
    try {
      await readdir(dirname(from));
    } catch (cause) {
      if (!hasCode(cause, "ENOENT")) throw cause;
      throw new EnvironmentLacks([`the built program ${from}`], { suggestion: "run scripts/build", cause });
    }
  }
  return files;
}

/** Of packages the names of their parts and their version, of our own files everything but what V8 has made of them. */
async function hashOf(files: readonly ProgramFile[]): Promise<string> {
  const parts: Uint8Array[] = [Buffer.from(instructions)];
  for (const { from, to } of files) {
    parts.push(Buffer.from(`\n${to}\n`));
    const isPackage = to.startsWith("node_modules");
    if (to.endsWith(".code")) continue;
    if (!isPackage || to.endsWith("package.json")) parts.push(await readFile(from));
  }
  return sha256Hex(...parts);
}

/** Images of other sources go, unless a lab still uses them. */
async function removeStale(engine: Docker, reference: string): Promise<void> {
  const images = await engine.listImages({ filters: { label: [label.program] } });
  for (const { RepoTags } of images) {
    for (const tag of RepoTags ?? []) {
      if (tag === reference || !tag.startsWith(`${repository}:`)) continue;
      try {
        await engine.getImage(tag).remove();
      } catch (error) {
        // 409: a container uses it. 404: another command removed it.
        if (![404, 409].includes(statusOf(error))) throw engineError(`Remove image ${tag}: ${messageOf(error)}`, error);
      }
    }
  }
}
