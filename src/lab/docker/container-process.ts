// One node's processes in its container: the start script waits there (images/node/hold) until the agent says that the wires are
// laid; the service is a process of its own beside it, started through the engine, so that its death is not the container's.
import { constants as fileConstants, openSync } from "node:fs";
import { Socket } from "node:net";
import { constants } from "node:os";
import { join } from "node:path";
import type Docker from "dockerode";
import type { PlannedNode } from "../../plan/index.js";
import {
  LineSplitter,
  OperatingError,
  there,
  until,
  waiting,
  type CommandResult,
  type Look,
} from "../../system/index.js";
import type { NodeProcess, NodeProcessOptions } from "../agent/homes.js";
import { lastWordsIn, placesOf, type NodePlaces } from "../agent/node-files.js";
import { NodeReports } from "../agent/node-reports.js";
import { commandOf } from "../agent/host-command.js";
import { interfacesText } from "../agent/namespace-process.js";
import { innerPidOf, treeOf } from "../links/process-state.js";
import type { UpSettings } from "../protocol.js";
import { type Beside, ContainerHome, type OpenContainer } from "./container-home.js";
import { resultOf } from "./container-output.js";
import { environmentInside, serviceInside } from "./containers.js";
import { engineError, messageOf, statusOf } from "./engine.js";
import { startOwnImage, type OwnImage } from "./own-image.js";

/** The text is constant: what it runs comes as arguments. Descriptor 4 stays open until the service ends, and tells so. */
const service = 'exec 4>&1 >>"$1" 2>&1; shift; exec "$@"';

/** The engine knows the end of a process a moment after its output has ended. */
const endMsMax = 10_000;

interface Running {
  readonly pid: number;
  readonly end: Promise<void>;
}

export class ContainerProcess implements NodeProcess {
  node: PlannedNode;
  readonly places: NodePlaces;
  readonly home: ContainerHome;
  readonly isBare = false; // a container has a first process
  readonly #engine: Docker;
  readonly #settings: UpSettings;
  readonly #reports: NodeReports;
  #isHeard = false;
  #pipe: Socket | undefined;
  #service: Running | undefined;
  #ownImage: OwnImage | undefined;
  #starting = false;
  /** The service is to begin when FRR has its configuration: not when it is FRR alone that begins again. */
  #awaitsFrr = false;

  constructor(engine: Docker, { directory, node, emit }: NodeProcessOptions, settings: UpSettings) {
    this.node = node;
    this.#settings = settings;
    this.places = placesOf(directory, node.name);
    this.#engine = engine;
    this.#reports = new NodeReports(node, emit);
    const beside = (): Beside | undefined =>
      this.#ownImage === undefined ? undefined : { ...this.#ownImage, runs: this.#service !== undefined };
    this.home = new ContainerHome(engine, node, { go: this.pipes[0], beside });
  }

  /** Paths of the pipes between the start script and the agent; they must be there before the container. */
  get pipes(): readonly [string, string] {
    return [join(this.places.folder, "go"), join(this.places.folder, "reports")];
  }

  /** Its container runs and waits for `start`. */
  opened(container: OpenContainer): void {
    this.home.opened(container);
    if (this.#isHeard) return;
    this.#isHeard = true;
    const [, reports] = this.pipes;
    const flags = fileConstants.O_RDWR | fileConstants.O_NONBLOCK; // as the other pipe (container-home.ts)
    const lines = new LineSplitter();
    const pipe = new Socket({ fd: openSync(reports, flags), readable: true, writable: false });
    this.#pipe = pipe;
    pipe.on("data", (chunk: Buffer) => {
      for (const line of lines.push(chunk)) this.#hear(line);
    });
    pipe.on("error", (error) => this.#reports.fail(`hear from ${this.node.name}: ${error.message}`));
  }

  adopt(node: PlannedNode): void {
    this.node = node;
  }

  start(): void {
    this.#reports.again();
    this.#awaitsFrr = this.node.frr !== undefined;
    this.home.order(`wires ${interfacesText(this.node)}`);
    if (!this.#awaitsFrr) this.restartService();
  }

  restartService(): void {
    if (!this.#hasService) return;
    this.#starting = true;
    this.#startService()
      .catch((error: unknown) => this.#reports.fail(`start the service of ${this.node.name}: ${messageOf(error)}`))
      .finally(() => (this.#starting = false));
  }

  restartFrr(): void {
    this.#reports.again();
    this.home.order("frr");
  }

  /** The start script tells pids of its own pid namespace: they are looked for below the container's first process. */
  async daemons(): Promise<ReadonlyMap<string, number>> {
    const names = new Map([...this.#reports.daemons].map(([name, inner]) => [inner, name]));
    const found = new Map<string, number>();
    for (const pid of await treeOf(this.home.container.pid)) {
      const name = names.get(await innerPidOf(pid));
      if (name !== undefined) found.set(name, pid);
    }
    return found;
  }

  /** A host with an image of its own is entered where its command runs; the rest of it is beside. */
  enter(): Promise<readonly string[]> {
    return Promise.resolve([this.#ownImage?.id ?? this.home.container.id]);
  }

  /** Never the container's own first process where there is a service: whoever asks may mean to kill. */
  get pid(): number {
    return this.#hasService ? (this.#service?.pid ?? 0) : this.home.container.pid;
  }

  get starting(): boolean {
    return this.#starting;
  }

  get configured(): boolean {
    return this.#reports.configured;
  }

  get trouble(): string {
    return this.#reports.trouble;
  }

  async lastWords(): Promise<string> {
    return await lastWordsIn(this.places);
  }

  async ended(): Promise<void> {
    await this.#service?.end;
  }

  async run(command: readonly string[], { signal }: { readonly signal: AbortSignal }): Promise<CommandResult> {
    signal.throwIfAborted();
    try {
      return await resultOf(this.#engine, this.home.container.id, command);
    } catch (error) {
      throw engineError(`Run ${command[0] ?? ""} in ${this.node.name}`, error);
    }
  }

  /** Its node has left the lab: nothing is heard from it any more. */
  close(): void {
    this.#pipe?.destroy();
    this.home.close();
  }

  get #hasService(): boolean {
    return this.#serviceCommand.length > 0 || this.node.host.image !== "";
  }

  get #serviceCommand(): readonly string[] {
    return this.node.service === undefined ? commandOf(this.node) : [...serviceInside, this.places.configuration];
  }

  /** The service begins when FRR has its configuration, as it does where the start script becomes it. */
  #hear(line: string): void {
    this.#reports.hear(line);
    if (line !== "configured frr" || !this.#awaitsFrr) return;
    this.#awaitsFrr = false;
    this.restartService();
  }

  async #startService(): Promise<void> {
    if (this.node.host.image !== "") return this.#startOwnImage();
    const exec = await this.#engine.getContainer(this.home.container.id).exec({
      Cmd: ["sh", "-c", service, "sh", join(this.places.folder, "service.log"), ...this.#serviceCommand],
      Env: environmentInside(this.node, this.places),
      WorkingDir: this.places.folder,
      AttachStdout: true,
      AttachStderr: true,
    });
    const stream = await exec.start({ hijack: true, stdin: false });
    stream.resume();
    const closed = new Promise<void>((resolve) => {
      stream.once("end", resolve);
      stream.once("close", resolve);
      stream.once("error", () => resolve()); // the engine is asked for what happened
    });
    const pid = await pidOf(exec, this.node.name);
    const running: Running = { pid, end: closed.then(() => this.#exited(exec, pid)) };
    running.end.catch((error: unknown) => this.#reports.fail(messageOf(error))); // heard by who waits, and here
    this.#service = running;
  }

  async #exited(exec: Docker.Exec, pid: number): Promise<void> {
    const look = async (): Promise<Look<string>> => {
      const { Running: runs, ExitCode } = await exec.inspect().catch(gone);
      return runs ? waiting("the engine says that it runs") : there(howEnded(ExitCode));
    };
    const signal = new AbortController().signal;
    const how = await until(look, { timeoutMs: endMsMax, everyMs: 5, signal, what: `the end of ${this.node.name}` });
    this.#ended(pid, how);
  }

  async #startOwnImage(): Promise<void> {
    const { node, places } = this;
    const settings = this.#settings;
    const own = await startOwnImage(this.#engine, { settings, node, places, beside: this.home.container.id });
    this.#ownImage = own;
    this.#service = { pid: own.pid, end: own.ended.then((code) => this.#ended(own.pid, howEnded(code))) };
    this.#service.end.catch((error: unknown) => this.#reports.fail(messageOf(error)));
  }

  #ended(pid: number, how: string): void {
    if (this.#service?.pid === pid) this.#service = undefined;
    this.#reports.exited(pid, how);
  }
}

/** The engine forgets the processes of a container that has ended. */
function gone(error: unknown): { readonly Running: boolean; readonly ExitCode: number | null } {
  if (statusOf(error) === 404 || statusOf(error) === 409) return { Running: false, ExitCode: null };
  throw error;
}

async function pidOf(exec: Docker.Exec, node: string): Promise<number> {
  const look = async (): Promise<Look<number>> => {
    const { Pid, Running: runs, ExitCode } = await exec.inspect();
    if (Pid > 0) return there(Pid);
    if (!runs && ExitCode !== null) throw new OperatingError(`it ended at once with ${howEnded(ExitCode)}`);
    return waiting("the engine has no pid for it");
  };
  const signal = new AbortController().signal;
  return until(look, { timeoutMs: endMsMax, everyMs: 5, signal, what: `the service of ${node}` });
}

/** As a child process tells it: the signal's name, or the exit code. */
function howEnded(code: number | null): string {
  if (code === null) return "the end of its container";
  const name = Object.entries(constants.signals).find(([, number]) => number === code - 128)?.[0];
  return name ?? `exit code ${code}`;
}
