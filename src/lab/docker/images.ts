// Images in an engine: whether one is there, whether a registry would give it, how one is fetched, and what a build's progress says.
import type Docker from "dockerode";
import { EnvironmentLacks, OperatingError } from "../../system/index.js";
import { engineError, messageOf, statusOf } from "./engine.js";

export async function hasImage(engine: Docker, reference: string): Promise<boolean> {
  try {
    await engine.getImage(reference).inspect();
    return true;
  } catch (error) {
    if (statusOf(error) === 404) return false;
    throw engineError(`Look for image ${reference}`, error);
  }
}

/** Registries that are there answer within one; a machine without one would wait for half a minute. */
const registryMsMax = 5_000;

export type RegistryAnswer = { readonly answers: true } | { readonly answers: false; readonly why: string };

/** Asks the registry through the engine, which is who would fetch it: no image is moved. */
export async function registryAnswer(engine: Docker, reference: string): Promise<RegistryAnswer> {
  const limit = AbortSignal.timeout(registryMsMax);
  try {
    await engine.getImage(reference).distribution({ abortSignal: limit });
    return { answers: true };
  } catch (error) {
    const why = limit.aborted ? `no answer within ${registryMsMax} ms` : `the engine said "${messageOf(error).trim()}"`;
    return { answers: false, why };
  }
}

/** Fetches an image that the engine lacks; rejects with EnvironmentLacks, naming who asks for it. */
export async function fetchImage(
  engine: Docker,
  { reference, asker }: { readonly reference: string; readonly asker: string },
): Promise<void> {
  try {
    await followed(engine, await engine.pull(tagged(reference)));
  } catch (cause) {
    throw lacksImage({ reference, asker }, `it could not fetch it: it said "${messageOf(cause).trim()}"`);
  }
}

export function lacksImage(
  { reference, asker }: { readonly reference: string; readonly asker: string },
  why: string,
): EnvironmentLacks {
  return new EnvironmentLacks([`image ${reference}, which ${asker} asks for: the engine has none, and ${why}`], {
    suggestion: `load it into the engine (docker load, docker build -t ${reference} …), or name another`,
  });
}

/** Without a tag an engine would fetch every one there is. */
const tagged = (reference: string): string => (/[:@][^/]*$/.test(reference) ? reference : `${reference}:latest`);

/** Reads an engine's progress to its end. A step that fails does not reject by itself: its last line says so. */
export async function followed(engine: Docker, stream: NodeJS.ReadableStream): Promise<void> {
  const lines = await new Promise<readonly unknown[]>((resolve, reject) => {
    engine.modem.followProgress(stream, (error, all) => (error === null ? resolve(all) : reject(error)));
  });
  for (const line of lines) {
    if (typeof line === "object" && line !== null && "error" in line) throw new OperatingError(String(line.error));
  }
}
