// The docker runtime: a lab is a switchboard container with the agent in it and a container for each node, on an engine of this
// machine. Its folder, its connection and its events are those of a netns lab (the folder is mounted at its own path); what is
// different is how it begins and how it ends. Containers are found by their labels, never by name.
import { access, rm } from "node:fs/promises";
import { join } from "node:path";
import type Docker from "dockerode";
import type { Plan } from "../../plan/index.js";
import { CleanupStack, EnvironmentLacks, hasCode, OperatingError, readTextIfThere } from "../../system/index.js";
import { possible } from "../agent/network.js";
import type { LabSummary, RunningLab, Runtime, UpOptions } from "../contract.js";
import { checkRequirements } from "../links/requirements.js";
import { isAlive } from "../netns/host-process.js";
import { type LabEnds, LocalLab, openLab } from "../netns/running-lab.js";
import { awaitAgent, writeSettings } from "../netns/runtime.js";
import { hasPrivileges, unshareArguments } from "../netns/sandbox.js";
import { createLabFolder, labFolder, labNames, readLab, type LabRecord } from "../netns/state-folder.js";
import { programs } from "../programs.js";
import { hasSmartbftGo } from "../smartbft-go.js";
import {
  containersWith,
  type LabPlace,
  removeLabContainers,
  startContainer,
  switchboardContainer,
  switchboardRole,
} from "./containers.js";
import { dockerFormat, engineAnswers, engineVersion, label, localSocket, openEngine } from "./engine.js";
import { nodeImage } from "./node-image.js";

export const dockerRuntime: Runtime = { check, up, attach, list, clean };

interface Waits {
  readonly signal: AbortSignal;
}

async function check(plan: Plan, { signal }: Waits): Promise<void> {
  await engineVersion(openEngine());
  if (localSocket() === undefined) {
    throw new EnvironmentLacks([`an engine on this machine: DOCKER_HOST is "${process.env["DOCKER_HOST"] ?? ""}"`], {
      suggestion: "labs on an engine elsewhere do not work yet (docs/limitations.md): use one at unix://…",
    });
  }
  if (process.getuid?.() !== 0) {
    throw new EnvironmentLacks(["root, which the docker runtime still needs for the files its containers write"], {
      suggestion: "run it as root, or use --runtime netns, which needs none",
    });
  }
  if (hasSmartbftGo(plan)) {
    throw new EnvironmentLacks(["an image with the program of orderers that are smartbft-go"], {
      suggestion: "use --runtime netns; containers have our own replica only (docs/limitations.md)",
    });
  }
  for (const program of [programs.agent, programs.service]) {
    try {
      await access(program);
    } catch (cause) {
      if (!hasCode(cause, "ENOENT")) throw cause;
      throw new EnvironmentLacks([`the built program ${program}`], { suggestion: "run scripts/build", cause });
    }
  }
  // The engine is on this machine, and its kernel is ours.
  const inside = ["unshare", ...unshareArguments({ userNamespace: !(await hasPrivileges()) }), "--"];
  await checkRequirements(plan, { inside, signal });
}

async function up(plan: Plan, options: UpOptions): Promise<RunningLab> {
  const startedAt = performance.now();
  const { signal } = options;
  const report = (phase: string): void =>
    options.progress({ phase, milliseconds: Math.round(performance.now() - startedAt) });
  signal.throwIfAborted();
  await check(plan, { signal });
  const engine = openEngine();
  const image = await nodeImage(engine, { signal, progress: report });
  await using cleanup = new CleanupStack();
  const createdAt = new Date().toISOString();
  const nodes = plan.nodes.map((node) => node.name);
  const facts = { name: plan.lab, runtime: "docker", userNamespace: false, createdAt } as const;
  const { directory, replaced } = await createLabFolder(plan.lab, nodes, facts);
  cleanup.defer(`folder ${directory}`, () => rm(directory, { recursive: true, force: true }));
  if (replaced) report(`removed the folder of a dead lab "${plan.lab}"`);
  const place: LabPlace = { lab: plan.lab, directory, image };
  for (const each of await removeLabContainers(engine, place)) report(`removed ${each} of a dead lab`);
  await writeSettings(directory, plan, { ...options, image, smartbftGo: "" });
  cleanup.defer(`containers of lab ${plan.lab}`, async () => {
    await removeLabContainers(engine, place);
  });
  const { connection, record } = await startAgent(engine, plan, { place, signal });
  report("switchboard");
  cleanup.defer("connection to the agent", () => connection[Symbol.dispose]());
  connection.onProgress = (progress) => report(progress.phase);
  await connection.request({ do: "await-up" }, { signal });
  cleanup.move(); // the lab is up: it is the user's now
  return new LocalLab(record, connection, containerEnds(record));
}

async function startAgent(
  engine: Docker,
  plan: Plan,
  { place, signal }: Waits & { readonly place: LabPlace },
): ReturnType<typeof awaitAgent> {
  const sysctls = await possible(plan.steps.switchboardSysctls);
  const engineSocket = localSocket() ?? "";
  const { id } = await startContainer(engine, switchboardContainer(place, { engineSocket, sysctls }));
  const watching = new AbortController();
  const ended = agentEnd(engine.getContainer(id), place.directory, watching.signal);
  ended.catch(() => undefined); // heard by who waits, until it listens
  try {
    return await awaitAgent(place.directory, ended, { signal });
  } finally {
    watching.abort(); // a question to the engine that stays open would keep this process
  }
}

/** Rejects when the agent's container ends, with what it said. */
async function agentEnd(container: Docker.Container, directory: string, signal: AbortSignal): Promise<never> {
  await container.wait({ abortSignal: signal });
  const log = (await readTextIfThere(join(directory, "agent.log"))) ?? "";
  const said = log.trim().split("\n").slice(-12).join("\n");
  throw new OperatingError(`Run the lab: its agent ended, expected it to stay; it said "${said}"`);
}

const containerEnds = (record: LabRecord): LabEnds => ({
  execArguments: ([container = ""], command) => [process.execPath, programs.engineExec, container, ...command],
  end: async () => {
    await removeLabContainers(openEngine(), { lab: record.name, directory: labFolder(record.name) });
  },
});

async function attach(name: string): Promise<RunningLab> {
  return openLab(name, await readLab(name), containerEnds);
}

/** Labs of this user's state folder that have a switchboard; none where no engine answers. */
async function list(): Promise<readonly LabSummary[]> {
  if ("why" in (await engineAnswers())) return [];
  const switchboards = await containersWith(openEngine(), [
    `${label.format}=${dockerFormat}`,
    `${label.role}=${switchboardRole}`,
  ]);
  return switchboards
    .map(({ Labels, State, Created }) => ({
      name: Labels[label.lab] ?? "",
      runtime: "docker" as const,
      directory: Labels[label.directory] ?? "",
      alive: State === "running",
      startedAt: new Date(Created * 1_000).toISOString(),
    }))
    .filter(({ name, directory }) => directory === labFolder(name))
    .toSorted((left, right) => (left.name < right.name ? -1 : 1));
}

async function clean(): Promise<readonly string[]> {
  if ("why" in (await engineAnswers())) return []; // what is left of docker labs waits for their engine
  const engine = openEngine();
  const removed: string[] = [];
  const containers = await containersWith(engine, [`${label.format}=${dockerFormat}`]);
  const names = containers
    .filter(({ Labels }) => Labels[label.directory] === labFolder(Labels[label.lab] ?? ""))
    .map(({ Labels }) => Labels[label.lab] ?? "");
  for (const name of new Set(names)) {
    if (await lives(name)) continue;
    removed.push(...(await removeLabContainers(engine, { lab: name, directory: labFolder(name) })));
  }
  for (const name of await labNames()) {
    if ((await readLab(name))?.runtime !== "docker" || (await lives(name))) continue;
    await rm(labFolder(name), { recursive: true, force: true });
    removed.push(labFolder(name));
  }
  return removed;
}

/** A docker lab of this name runs or comes up. */
async function lives(name: string): Promise<boolean> {
  const record = await readLab(name);
  return record?.runtime === "docker" && (await isAlive(record.owner));
}
