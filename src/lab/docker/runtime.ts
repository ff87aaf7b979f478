// The docker runtime: a lab is a switchboard container with the agent in it, a container for each node, and a volume that is its
// folder. All of it lives on the engine, which is asked for everything: neither files of this machine nor root are needed, and the
// engine may be elsewhere. What is there is found by its labels, never by name.
import type Docker from "dockerode";
import type { Plan } from "../../plan/index.js";
import { CleanupStack, OperatingError, UserError } from "../../system/index.js";
import type { Beginning, LabSummary, RunningLab, Runtime, UpOptions } from "../contract.js";
import type { AgentConnection } from "../netns/connection.js";
import { LocalLab } from "../netns/running-lab.js";
import { controlSocketOf, labFolder, nodeFolder, socketPathBytesMax } from "../netns/state-folder.js";
import { containersWith, type LabName, switchboardRole } from "./containers.js";
import { dockerFormat, engineAnswers, label, openEngine } from "./engine.js";
import { agentTrouble, connectAgent, containerEnds, removeLab, type Switchboard } from "./engine-lab.js";
import { askEngine, checkEngine, checkEngineKernel, fetchOwnImages } from "./fitness.js";
import { nodeImage } from "./node-image.js";
import { startSwitchboard, taken } from "./switchboard.js";
import { createVolume, removeVolume, volumesOf } from "./volumes.js";

export const dockerRuntime: Runtime & { begin: typeof begin } = { check, begin, up, attach, down, list, clean };

interface Waits {
  readonly signal: AbortSignal;
}

/** A lab of this user's: the folder that a netns lab of this name would have says whose it is. */
const nameOf = (lab: string): LabName => ({ lab, owner: labFolder(lab) });

async function check(plan: Plan, { signal }: Waits): Promise<void> {
  const engine = openEngine();
  const image = await checkEngine(engine, plan);
  signal.throwIfAborted();
  // Without an image there is nothing to try the kernel with: `up` makes it first.
  if (image !== undefined) await checkEngineKernel(engine, plan, { image, name: nameOf(plan.lab) });
}

/** The engine answers while the topology is read. */
class DockerBeginning implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly asked = askEngine(openEngine(), this.#stop);

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
  }
}

async function begin(): Promise<Beginning> {
  return new DockerBeginning();
}

async function up(plan: Plan, options: UpOptions): Promise<RunningLab> {
  const startedAt = performance.now();
  const { signal } = options;
  const report = (phase: string): void =>
    options.progress({ phase, milliseconds: Math.round(performance.now() - startedAt) });
  signal.throwIfAborted();
  const engine = openEngine();
  const name = nameOf(plan.lab);
  const begun = options.beginning instanceof DockerBeginning ? options.beginning : undefined;
  const image =
    (await checkEngine(engine, plan, begun?.asked)) ?? (await nodeImage(engine, { signal, progress: report }));
  await fetchOwnImages(engine, plan, report);
  await checkEngineKernel(engine, plan, { image, name });
  for (const each of await makeRoom(engine, name)) report(`removed ${each} of a dead lab`);
  await using cleanup = new CleanupStack();
  const volume = await createVolume(engine, name);
  cleanup.defer(`volume ${volume.name}`, () => removeVolume(engine, volume.name));
  const { directory } = volume;
  checkPaths(plan, directory);
  const started = await startSwitchboard(engine, plan, { place: { ...name, directory, image }, volume, up: options });
  const { id, connection, ahead } = started;
  cleanup.defer(`containers of lab ${plan.lab}`, async () => {
    await removeLab(engine, name);
  });
  const switchboard = { engine, id, directory };
  cleanup.defer("connection to the agent", () => connection[Symbol.dispose]());
  cleanup.defer("containers on their way", () => ahead.stop());
  report("switchboard");
  connection.onProgress = (progress) => report(progress.phase);
  await isUp(switchboard, connection, { signal });
  cleanup.move(); // the lab is up: it is the user's now
  return new LocalLab(plan.lab, connection, containerEnds(name, switchboard, connection));
}

async function isUp(switchboard: Switchboard, connection: AgentConnection, { signal }: Waits): Promise<void> {
  try {
    await connection.request({ do: "await-up" }, { signal });
  } catch (error) {
    if (error instanceof OperatingError && connection.closed) throw await agentTrouble(switchboard);
    throw error;
  }
}

/** Refuses a name that a lab has; removes what a dead one of ours has left. Two users' labs of one name would share containers' names. */
async function makeRoom(engine: Docker, name: LabName): Promise<readonly string[]> {
  const found = await switchboards(engine, { lab: name.lab });
  for (const { Labels, State } of found) {
    const owner = Labels[label.directory] ?? "";
    if (owner !== name.owner) throw taken(name.lab, `somebody else's, with the folder ${owner}`);
    if (isLive(State)) throw taken(name.lab, `its switchboard is ${State}`);
  }
  const isMade = (await volumesOf(engine, name)).some((volume) => volume.isMade);
  if (isMade && found.every(({ State }) => State === "created")) throw taken(name.lab, "another command makes it now");
  return removeLab(engine, name, { spareMade: true });
}

/** Paths of sockets are short (unix(7)), and where volumes are is the engine's choice. */
function checkPaths(plan: Plan, directory: string): void {
  const longest = Math.max(...plan.nodes.map((node) => controlSocketOf(nodeFolder(directory, node.name)).length));
  if (longest <= socketPathBytesMax) return;
  throw new UserError(
    `${directory}: control sockets in it would have paths of ${longest} bytes; a unix socket's holds at most ${socketPathBytesMax}`,
    { suggestion: "give the engine a data folder with a shorter path (dockerd --data-root)" },
  );
}

async function attach(lab: string): Promise<RunningLab> {
  const engine = openEngine();
  const name = nameOf(lab);
  const switchboard = await runningSwitchboard(engine, name);
  const connection = await connectAgent(switchboard);
  return new LocalLab(lab, connection, containerEnds(name, switchboard, connection));
}

/** The agent is not asked: what it has is the engine's to remove. */
async function down(lab: string): Promise<void> {
  const engine = openEngine();
  const name = nameOf(lab);
  await runningSwitchboard(engine, name);
  await removeLab(engine, name);
}

async function runningSwitchboard(engine: Docker, name: LabName): Promise<Switchboard> {
  const { lab } = name;
  const [found] = await switchboards(engine, name);
  if (found === undefined) {
    throw new UserError(`Lab "${lab}" does not run`, { suggestion: "testbed up TOPOLOGY   starts one" });
  }
  if (found.State !== "running") {
    throw new UserError(`Lab "${lab}" is dead: its agent has gone and its network with it; its containers are left`, {
      suggestion: "testbed clean   removes what it left",
    });
  }
  return { engine, id: found.Id, directory: directoryOf(found.Mounts) };
}

function switchboards(
  engine: Docker,
  { lab, owner }: Partial<LabName>,
  waits?: Waits,
): Promise<readonly Docker.ContainerInfo[]> {
  const wanted = [
    `${label.format}=${dockerFormat}`,
    `${label.role}=${switchboardRole}`,
    ...(lab === undefined ? [] : [`${label.lab}=${lab}`]),
    ...(owner === undefined ? [] : [`${label.directory}=${owner}`]),
  ];
  return containersWith(engine, wanted, waits);
}

/** One that is only created belongs to a command that is at it, or was killed: its volume tells which. */
const isLive = (state: string): boolean => ["running", "paused", "restarting"].includes(state);

/** Labs of this user that have a switchboard; none where no engine answers. */
async function list(): Promise<readonly LabSummary[]> {
  const stop = new AbortController();
  const asked = (async () => switchboards(openEngine(), {}, stop))();
  asked.catch(() => undefined); // where no engine answers, that is why
  if ("why" in (await engineAnswers())) {
    stop.abort();
    return [];
  }
  return (await asked)
    .filter(({ Labels }) => isOurs(Labels[label.lab], Labels[label.directory]))
    .map(({ Labels, State, Created, Mounts }) => ({
      name: Labels[label.lab] ?? "",
      runtime: "docker" as const,
      directory: directoryOf(Mounts),
      alive: State === "running",
      startedAt: new Date(Created * 1_000).toISOString(),
    }))
    .toSorted((left, right) => (left.name < right.name ? -1 : 1));
}

/** Of a switchboard: where its volume is. */
const directoryOf = (mounts: Docker.ContainerInfo["Mounts"]): string =>
  mounts.find(({ Type }) => Type === "volume")?.Source ?? "";

async function clean(): Promise<readonly string[]> {
  if ("why" in (await engineAnswers())) return []; // what is left of docker labs waits for their engine
  const engine = openEngine();
  const containers = await containersWith(engine, [`${label.format}=${dockerFormat}`]);
  const volumes = await volumesOf(engine);
  const labs = new Set([
    ...containers
      .filter(({ Labels }) => isOurs(Labels[label.lab], Labels[label.directory]))
      .map(({ Labels }) => Labels[label.lab] ?? ""),
    ...volumes.filter(({ lab, owner }) => isOurs(lab, owner)).map(({ lab }) => lab),
  ]);
  const removed: string[] = [];
  for (const lab of labs) {
    const name = nameOf(lab);
    const states = (await switchboards(engine, name)).map(({ State }) => State);
    const isMade = volumes.some((volume) => volume.lab === lab && volume.owner === name.owner && volume.isMade);
    const comesUp = isMade && states.every((state) => state === "created");
    if (!comesUp && !states.some(isLive)) removed.push(...(await removeLab(engine, name, { spareMade: true })));
  }
  return removed;
}

const isOurs = (lab: string | undefined, owner: string | undefined): boolean =>
  lab !== undefined && owner === labFolder(lab);
