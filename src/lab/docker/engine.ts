// The Docker engine that this command speaks to, whether it can be used, and the labels by which everything of ours on it is found.
import Docker from "dockerode";
import { EnvironmentLacks, UserError } from "../../system/index.js";
import { engineAddress, type EngineAddress } from "./engine-address.js";
import { messageOf, statusOf, unreachable } from "./engine-errors.js";

export { engineError, messageOf, statusOf } from "./engine-errors.js";

/** On every container, volume and image of ours. */
export const label = {
  format: "testbed.format",
  lab: "testbed.lab",
  /** Whose lab it is: the folder that a netns lab of this name would have; two users may have labs of one name. */
  directory: "testbed.directory",
  /** Name of the node, or empty for the container of the agent. */
  node: "testbed.node",
  role: "testbed.role",
  /** On the container of the agent: names of the containers that it makes, without what they begin with, comma-separated. */
  members: "testbed.members",
  /** On volumes: the process that makes the lab, as HOST/PID/START. */
  maker: "testbed.maker",
  /** On images: hash of what is in it. */
  program: "testbed.program",
  base: "testbed.base",
  /** On node images: what containers run by on this engine; empty: its own choice. */
  runtime: "testbed.runtime",
} as const;

export const dockerFormat = "1";

/** Throws a UserError when the settings that name it cannot be used. */
export const openEngine = (address: EngineAddress = engineAddress()): Docker => new Docker(address.options);

/** Of Docker 20.10, the oldest engine that labs were tried on. */
const apiVersionMin = [1, 41] as const;
const answerMsMax = 5_000;

export interface EngineFacts {
  readonly version: string;
  /** Where it is and which setting says so. */
  readonly where: string;
}

const elsewhere = "start one, name another with DOCKER_HOST, or use --runtime netns, which needs none";

/** What the engine says of itself; rejects with EnvironmentLacks when nobody answers or it cannot be used. */
export async function engineFacts(address: EngineAddress = engineAddress()): Promise<EngineFacts> {
  const where = `${address.host} (${address.source})`;
  const timeout = AbortSignal.timeout(answerMsMax);
  let said: unknown;
  try {
    said = await askVersion(openEngine(address), timeout);
  } catch (cause) {
    throw lackOf(where, cause, timeout.aborted);
  }
  const facts = factsFrom(said);
  const lack = wrongWith(facts);
  if (lack === "") return { version: facts.version, where };
  throw new EnvironmentLacks([`a Docker engine that can be used at ${where}: ${lack}`], { suggestion: elsewhere });
}

/** Aborted when late: a connection that nobody answers would keep this process for minutes. */
function askVersion(engine: Docker, abortSignal: AbortSignal): Promise<unknown> {
  // Dockerode's types leave the option out that its `version` takes.
  const asking = engine as unknown as { version(options: { readonly abortSignal: AbortSignal }): Promise<unknown> };
  return asking.version({ abortSignal });
}

/** Its version, for who has spoken to it before. */
export const engineVersion = async (engine: Docker): Promise<string> => (await engine.version()).Version;

function lackOf(where: string, cause: unknown, isLate: boolean): EnvironmentLacks {
  const status = statusOf(cause);
  if (status > 0) {
    const refused = `it answers and refuses with status ${status}: it said "${messageOf(cause).trim()}"`;
    return new EnvironmentLacks([`a Docker engine that can be used at ${where}: ${refused}`], {
      suggestion: "ask who runs it for the right to use it, or use --runtime netns, which needs none",
    });
  }
  const why = isLate ? `no answer within ${answerMsMax} ms` : unreachable(cause);
  const reason = why === "" ? `"${messageOf(cause)}"` : isLate ? why : `${why} ("${messageOf(cause)}")`;
  const isForbidden = typeof cause === "object" && cause !== null && "code" in cause && cause.code === "EACCES";
  return new EnvironmentLacks([`a Docker engine at ${where}: ${reason}`], {
    suggestion: isForbidden ? "ask to be put into the group that owns the socket, or use --runtime netns" : elsewhere,
  });
}

interface Said {
  readonly version: string;
  readonly apiVersion: string;
  readonly system: string;
  readonly architecture: string;
}

function factsFrom(said: unknown): Said {
  const of = (name: string): string => {
    if (typeof said !== "object" || said === null) return "";
    const value: unknown = Object.entries(said).find(([key]) => key === name)?.[1];
    return typeof value === "string" ? value : "";
  };
  return { version: of("Version"), apiVersion: of("ApiVersion"), system: of("Os"), architecture: of("Arch") };
}

/** Go's names of what Node calls otherwise. */
const goArchitectures: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

function wrongWith({ version, apiVersion, system, architecture }: Said): string {
  const parts = /^(\d+)\.(\d+)$/.exec(apiVersion);
  if (parts === null) return "what answers there is no Docker engine: it told no version of its API";
  const [major = 0, minor = 0] = parts.slice(1).map(Number);
  const isOld = major < apiVersionMin[0] || (major === apiVersionMin[0] && minor < apiVersionMin[1]);
  if (isOld)
    return `version ${version} speaks API ${apiVersion}, and ${apiVersionMin.join(".")} (Docker 20.10) is needed`;
  if (system !== "linux") return `its containers are of "${system}", and those of Linux are needed`;
  const own = goArchitectures[process.arch] ?? process.arch;
  // The image is made of what is installed here.
  return architecture === own ? "" : `it runs on ${architecture}, and the programs here are for ${own}`;
}

/** The engine that can be used, or why there is none: for who chooses a runtime, and for who looks for labs. */
export async function engineAnswers(): Promise<EngineFacts | { readonly why: string }> {
  try {
    return await engineFacts();
  } catch (error) {
    if (error instanceof EnvironmentLacks) return { why: error.missing.join("; ") };
    if (error instanceof UserError) return { why: error.message };
    throw error;
  }
}

/** Where the engine's own socket is on its machine: the agent speaks to it by that. */
export function socketOfEngine(address: EngineAddress = engineAddress()): string {
  return process.env["TESTBED_ENGINE_SOCKET"] ?? address.socketPath ?? "/var/run/docker.sock";
}
