// Whether an engine can carry a lab: that it can be used at all, that its image can be had, that hosts' own images can, that its
// kernel has what links ask for. Nothing is left behind by a look.
import { access } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import type Docker from "dockerode";
import type { Plan } from "../../plan/index.js";
import { EnvironmentLacks, hasCode, type CommandResult } from "../../system/index.js";
import { refuseMissing } from "../links/requirements.js";
import { checkRoom } from "../probes/room.js";
import { programs } from "../programs.js";
import { engineAddress } from "./engine-address.js";
import { hasSmartbftGo } from "../smartbft-go.js";
import { type LabName, labelsOf, logConfig, removeContainer, startError } from "./containers.js";
import { engineAnswers, engineFacts, messageOf, openEngine } from "./engine.js";
import { fetchImage, hasImage, lacksImage, registryAnswer } from "./images.js";
import { imagePresence } from "./node-image.js";

export type Fitness = { readonly fit: true; readonly why: string } | { readonly fit: false; readonly why: string };

/** For who chooses a runtime: an engine answers, and labs can be had on it. */
export async function engineFitness(): Promise<Fitness> {
  const answer = await engineAnswers();
  if ("why" in answer) return { fit: false, why: answer.why };
  const engine = `engine ${answer.version} answers at ${answer.where}`;
  const presence = await imagePresence(openEngine());
  return "cannot" in presence ? { fit: false, why: `${engine}, but ${presence.cannot}` } : { fit: true, why: engine };
}

/** What is asked of an engine whatever the plan is: it starts programs for its answers, which takes as long as a plan. */
export interface EngineAsked {
  readonly facts: Promise<unknown>;
  readonly info: Promise<unknown>;
}

/** The answers are heard by who looks at them. */
export function askEngine(engine: Docker, { signal }: { readonly signal: AbortSignal }): EngineAsked {
  // Dockerode's types leave the option out that its `info` takes.
  const stoppable = engine as unknown as { info(options: { readonly abortSignal: AbortSignal }): Promise<unknown> };
  const asked = { facts: engineFacts(), info: stoppable.info({ abortSignal: signal }) };
  for (const answer of Object.values(asked)) answer.catch(() => undefined);
  return asked;
}

/**
 * Answers the node image, or undefined when it has to be made. Rejects with EnvironmentLacks when the engine cannot carry this plan.
 * All is asked at once, or was before, and looked at in the order of what follows.
 */
export async function checkEngine(
  engine: Docker,
  plan: Plan,
  { facts, info }: EngineAsked = askEngine(engine, { signal: new AbortController().signal }),
): Promise<string | undefined> {
  const imageAsked = imagePresence(engine);
  imageAsked.catch(() => undefined);
  await facts;
  if (hasSmartbftGo(plan)) {
    throw new EnvironmentLacks(["an image with the program of orderers that are smartbft-go"], {
      suggestion: "use --runtime netns; containers have our own replica only (docs/limitations.md)",
    });
  }
  for (const program of [programs.agent, programs.service, programs.relay]) {
    try {
      await access(program);
    } catch (cause) {
      if (!hasCode(cause, "ENOENT")) throw cause;
      throw new EnvironmentLacks([`the built program ${program}`], { suggestion: "run scripts/build", cause });
    }
  }
  // An engine behind a socket of this machine has this machine's kernel; of another's limits nothing is known.
  if (engineAddress().socketPath !== undefined) {
    const { CgroupVersion: version } = (await info) as { readonly CgroupVersion?: string }; // as the API says
    await checkRoom(plan, { cgroups: version === "2" ? 2 : 1 });
  }
  const presence = await imageAsked;
  if ("cannot" in presence) {
    throw new EnvironmentLacks([`a way to make the node image: ${presence.cannot}`], {
      suggestion: "see testbed images build --help, or use --runtime netns, which needs no image",
    });
  }
  for (const [reference, asker] of ownImagesOf(plan)) {
    if (await hasImage(engine, reference)) continue;
    const registry = await registryAnswer(engine, reference);
    if (!registry.answers) throw lacksImage({ reference, asker }, `no registry gives it: ${registry.why}`);
  }
  return presence.present;
}

/** Fetches the hosts' own images that the engine lacks. */
export async function fetchOwnImages(engine: Docker, plan: Plan, progress: (phase: string) => void): Promise<void> {
  for (const [reference, asker] of ownImagesOf(plan)) {
    if (await hasImage(engine, reference)) continue;
    await fetchImage(engine, { reference, asker });
    progress(`image ${reference}`);
  }
}

/** References with who asks for each. */
function ownImagesOf(plan: Plan): ReadonlyMap<string, string> {
  const images = new Map<string, string>();
  for (const { name, host } of plan.nodes) if (host.image !== "") images.set(host.image, `host ${name}`);
  return images;
}

/** What links ask of the kernel, tried on the engine's: in a container that is gone afterwards. */
export async function checkEngineKernel(
  engine: Docker,
  plan: Plan,
  { image, name }: { readonly image: string; readonly name: LabName },
): Promise<void> {
  await refuseMissing(plan, (command) => runInContainer(engine, command, { image, name }));
}

async function runInContainer(
  engine: Docker,
  command: readonly string[],
  { image, name }: { readonly image: string; readonly name: LabName },
): Promise<CommandResult> {
  let id = "";
  try {
    const container = await engine.createContainer({
      Image: image,
      Cmd: [...command],
      Labels: labelsOf(name, "probe", ""),
      NetworkDisabled: true,
      HostConfig: { NetworkMode: "none", CapAdd: ["NET_ADMIN"], LogConfig: logConfig },
    });
    id = container.id;
    await container.start();
    const { StatusCode: exitCode } = (await container.wait()) as { readonly StatusCode: number }; // as the API says
    const stderr = await container.logs({ stderr: true, stdout: false, follow: true });
    return { exitCode, stdout: "", stderr: textOf(await buffer(stderr)) };
  } catch (error) {
    throw startError(`that probes the kernel (${messageOf(error)})`, image, error);
  } finally {
    if (id !== "") await removeContainer(engine, id);
  }
}

/** Each part of a log comes after eight bytes that say whose it is and how long. */
function textOf(log: Buffer): string {
  let text = "";
  for (let at = 0; at + 8 <= log.length; ) {
    const size = log.readUInt32BE(at + 4);
    text += log.toString("utf8", at + 8, at + 8 + size);
    at += 8 + size;
  }
  return text;
}
