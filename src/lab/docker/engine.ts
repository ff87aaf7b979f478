// The Docker engine: the one that DOCKER_HOST names, or the one at its usual place, and the labels by which everything of ours is
// found.
import Docker from "dockerode";
import { EnvironmentLacks, OperatingError } from "../../system/index.js";
import { messageOf } from "./engine-errors.js";

export { engineError, messageOf, statusOf } from "./engine-errors.js";

/** On every container and image of ours. A lab is found by its folder too: two users may have labs of one name. */
export const label = {
  format: "testbed.format",
  lab: "testbed.lab",
  directory: "testbed.directory",
  /** Name of the node, or `switchboardRole` for the container of the agent. */
  node: "testbed.node",
  role: "testbed.role",
  /** On images: hash of what is in it. */
  program: "testbed.program",
  base: "testbed.base",
} as const;

export const dockerFormat = "1";

export const openEngine = (): Docker => new Docker();

const answerMsMax = 5_000;

/** What it says of itself; rejects with EnvironmentLacks when nobody answers. */
export async function engineVersion(engine: Docker): Promise<string> {
  try {
    const { Version } = await inTime(engine.version());
    return Version;
  } catch (cause) {
    const where = process.env["DOCKER_HOST"] ?? "the usual socket";
    throw new EnvironmentLacks([`a Docker engine that answers at ${where} (${messageOf(cause)})`], {
      suggestion: "start one, set DOCKER_HOST, or use --runtime netns, which needs none",
      cause,
    });
  }
}

/** Version of the engine that answers, or why none does: for who chooses a runtime. */
export async function engineAnswers(): Promise<{ readonly version: string } | { readonly why: string }> {
  try {
    return { version: await engineVersion(openEngine()) };
  } catch (error) {
    if (error instanceof EnvironmentLacks) return { why: error.missing.join("; ") };
    throw error;
  }
}

async function inTime<T>(answer: Promise<T>): Promise<T> {
  const timeout = AbortSignal.timeout(answerMsMax);
  const late = new Promise<never>((_, reject) => {
    timeout.addEventListener("abort", () => reject(new OperatingError(`no answer after ${answerMsMax} ms`)));
  });
  return Promise.race([answer, late]);
}

/** Path of the engine's socket on this machine; undefined when the engine is reached in another way. */
export function localSocket(): string | undefined {
  const host = process.env["DOCKER_HOST"] ?? "";
  if (host === "") return "/var/run/docker.sock";
  return host.startsWith("unix://") ? host.slice("unix://".length) : undefined;
}
