// The netns runtime: a lab is a sandbox of namespaces on this machine, without Docker and without root.
// `up` makes the folder, starts the sandbox, and waits until the agent inside says that the lab is up; if it is not to be,
// or the signal is aborted, nothing is left. Where the state lives: state-folder.ts; what the agent does: agent/main.ts.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Plan } from "../../plan/index.js";
import {
  CleanupStack,
  type CommandResult,
  OperatingError,
  placing,
  there,
  until,
  waiting,
  writeWhole,
  type Look,
} from "../../system/index.js";
import type { LabSummary, Runtime, UpOptions, RunningLab } from "../contract.js";
import type { UpSettings } from "../protocol.js";
import { hasSmartbftGo, smartbftGo } from "../smartbft-go.js";
import { AgentConnection } from "./connection.js";
import { isAlive } from "./host-process.js";
import { prepareLimits, removeLimits } from "./limits.js";
import { checkMachine, tryLink } from "./preflight.js";
import { killSandbox, LocalLab, openLab, sandboxEnds } from "./running-lab.js";
import { hasPrivileges, WaitingSandbox } from "./sandbox.js";
import {
  abandonedFolders,
  controlSocketOf,
  createLabFolder,
  labFolder,
  labNames,
  placeAdvice,
  readLab,
  removeDead,
  type LabRecord,
} from "./state-folder.js";

/** From the start of the sandbox until its agent answers: a shell, some mounts, a node process. */
const agentMsMax = 20_000;

export const netnsRuntime: Runtime = { check: checkMachine, begin, up, attach, down, list, clean };

/** What `up` can begin before it knows its lab: the sandbox, and the trial of whether one may have a link. */
class NetnsBeginning implements AsyncDisposable {
  readonly sandbox: WaitingSandbox;
  readonly link: Promise<CommandResult>;

  constructor(privilege: { readonly userNamespace: boolean }) {
    this.sandbox = new WaitingSandbox(privilege);
    this.link = tryLink({ ...privilege, signal: new AbortController().signal });
    this.link.catch(() => undefined); // heard by who checks the machine
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sandbox[Symbol.asyncDispose]();
  }
}

async function begin(): Promise<NetnsBeginning> {
  return new NetnsBeginning({ userNamespace: !(await hasPrivileges()) });
}

async function up(plan: Plan, options: UpOptions): Promise<RunningLab> {
  const startedAt = performance.now();
  const report = (phase: string): void =>
    options.progress({ phase, milliseconds: Math.round(performance.now() - startedAt) });
  options.signal.throwIfAborted();
  const begun = options.beginning instanceof NetnsBeginning ? options.beginning : undefined;
  await checkMachine(plan, { link: begun?.link, signal: options.signal });
  const goProgram = hasSmartbftGo(plan) ? await smartbftGo({ signal: options.signal }) : "";
  if (goProgram !== "") report("program of smartbft-go");
  await using cleanup = new CleanupStack();
  await using sandbox = begun?.sandbox ?? new WaitingSandbox({ userNamespace: !(await hasPrivileges()) });
  const { userNamespace } = sandbox;
  const createdAt = new Date().toISOString();
  const nodes = plan.nodes.map((node) => node.name);
  const made = await createLabFolder(plan.lab, nodes, { name: plan.lab, runtime: "netns", userNamespace, createdAt });
  cleanup.defer(`folder ${made.directory}`, () => rm(made.directory, { recursive: true, force: true }));
  if (made.replaced) report(`removed the folder of a dead lab "${plan.lab}"`);
  await writeSettings(made.directory, plan, { ...options, image: "", smartbftGo: goProgram });
  cleanup.defer("control groups", () => removeLimits(made.directory));
  await prepareLimits(plan, made.directory);
  cleanup.defer("sandbox", () => endSandbox(made.directory, sandbox));
  sandbox.begin(made.directory);
  const { connection, record } = await awaitAgent(made.directory, sandbox.ended, { signal: options.signal });
  report("sandbox");
  cleanup.defer("connection to the agent", () => connection[Symbol.dispose]());
  connection.onProgress = (progress) => report(progress.phase);
  await connection.request({ do: "await-up" }, { signal: options.signal });
  cleanup.move(); // the lab is up: it is the user's now
  sandbox.release();
  return new LocalLab(record.name, connection, sandboxEnds(record));
}

/** Leaves plan and settings for the agent; `image` is empty for nodes in namespaces. */
export async function writeSettings(
  directory: string,
  plan: Plan,
  options: Pick<UpOptions, "seed" | "messageTrace"> & Pick<UpSettings, "image" | "smartbftGo">,
): Promise<void> {
  const settings: UpSettings = {
    format: 1,
    seed: options.seed,
    messageTrace: options.messageTrace,
    image: options.image,
    smartbftGo: options.smartbftGo,
    containerRuntime: "",
    owner: "",
  };
  await placing(directory, { suggestion: placeAdvice }, async () => {
    await writeWhole(join(directory, "plan.json"), JSON.stringify(plan));
    await writeWhole(join(directory, "up.json"), JSON.stringify(settings));
  });
}

/** Waits until the agent listens and has put its process into lab.json; rejects as soon as `ended` does. */
export async function awaitAgent(
  directory: string,
  ended: Promise<never>,
  { signal }: { readonly signal: AbortSignal },
): Promise<{ readonly connection: AgentConnection; readonly record: LabRecord }> {
  const look = async (): Promise<Look<AgentConnection>> => {
    const connection = await AgentConnection.open(controlSocketOf(directory));
    return connection === undefined ? waiting("its control socket is not there") : there(connection);
  };
  const over = new AbortController();
  const waits = { timeoutMs: agentMsMax, everyMs: 5, signal: AbortSignal.any([signal, over.signal]) };
  const wait = until(look, { ...waits, what: "the lab's agent" });
  wait.catch(() => undefined); // where it ended first, that is what is told
  const connection = await Promise.race([wait, ended]).finally(() => over.abort());
  const record = await readRunning(directory);
  return { connection, record };
}

async function readRunning(directory: string): Promise<LabRecord> {
  const record = await readLab(directory.slice(directory.lastIndexOf("/") + 1));
  if (record?.stage === "running") return record;
  throw new OperatingError(
    `Read ${join(directory, "lab.json")}: stage "${record?.stage ?? "none"}", expected "running"`,
  );
}

async function endSandbox(directory: string, sandbox: WaitingSandbox): Promise<void> {
  const record = await readLab(directory.slice(directory.lastIndexOf("/") + 1));
  if (record?.stage === "running") return killSandbox(record);
  sandbox.kill();
}

async function attach(name: string): Promise<RunningLab> {
  return openLab(name, await readLab(name));
}

async function down(name: string): Promise<void> {
  await using lab = await attach(name);
  await lab.down();
}

async function list(): Promise<readonly LabSummary[]> {
  const labs: LabSummary[] = [];
  for (const name of await labNames()) {
    const record = await readLab(name);
    if (record?.runtime !== "netns") continue;
    const alive = await isAlive(record.owner);
    labs.push({ name, runtime: "netns", directory: labFolder(name), alive, startedAt: record.createdAt });
  }
  return labs;
}

async function clean(): Promise<readonly string[]> {
  const removed: string[] = [];
  for (const name of await labNames()) {
    const record = await readLab(name);
    if (record?.runtime === "docker") continue; // its containers go first: docker/runtime.ts
    if (record !== undefined && (await isAlive(record.owner))) continue;
    await removeLimits(labFolder(name));
    if (await removeDead(name)) removed.push(labFolder(name));
  }
  for (const directory of await abandonedFolders()) {
    await rm(directory, { recursive: true, force: true });
    removed.push(directory);
  }
  return removed;
}
