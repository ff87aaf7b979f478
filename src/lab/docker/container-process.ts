// One node's processes in its container: the start script waits there (images/node/hold) until the agent says that the wires are
// laid; the service is a process of its own beside it, started through the engine, so that its death is not the container's.
import { closeSync, constants as fileConstants, openSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { constants } from "node:os";
import { join } from "node:path";
import type Docker from "dockerode";
import type { PlannedNode } from "../../plan/index.js";
import {
  LineSplitter,
  OperatingError,
  readTextIfThere,
  there,
  until,
  waiting,
  type CommandResult,
  type Look,
} from "../../system/index.js";
import type { NodeProcess, NodeProcessOptions } from "../agent/homes.js";
import { placesOf, type NodePlaces } from "../agent/node-files.js";
import { NodeReports } from "../agent/node-reports.js";
import { resultOf } from "./container-output.js";
import { environmentInside, removeContainer, serviceInside } from "./containers.js";
import { engineError, messageOf } from "./engine.js";

/** The text is constant: what it runs comes as arguments. Descriptor 4 stays open until the service ends, and tells so. */
const service = 'exec 4>&1 >>"$1" 2>&1; shift; exec "$@"';

/** The engine knows the end of a process a moment after its output has ended. */
const endMsMax = 10_000;

interface Running {
  readonly pid: number;
  readonly end: Promise<void>;
}

export class ContainerProcess implements NodeProcess {
  readonly node: PlannedNode;
  readonly places: NodePlaces;
  readonly #engine: Docker;
  readonly #reports: NodeReports;
  #container: { readonly id: string; readonly pid: number } | undefined;
  /** Kept open: a line written before the start script reads must not be lost. */
  #go: number | undefined;
  #reportsPipe: Socket | undefined;
  #service: Running | undefined;
  #starting = false;

  constructor(engine: Docker, { directory, node, emit }: NodeProcessOptions) {
    this.node = node;
    this.places = placesOf(directory, node.name);
    this.#engine = engine;
    this.#reports = new NodeReports(node, emit);
  }

  /** Paths of the pipes between the start script and the agent; they must be there before the container. */
  get pipes(): readonly [string, string] {
    return [join(this.places.folder, "go"), join(this.places.folder, "reports")];
  }

  /** Its container runs and waits for `start`. */
  opened(container: { readonly id: string; readonly pid: number }): void {
    const [go, reports] = this.pipes;
    // Read and write: neither end of a pipe that nobody holds yet would open, and the reader would see an end.
    const flags = fileConstants.O_RDWR | fileConstants.O_NONBLOCK;
    this.#container = container;
    this.#go = openSync(go, flags);
    const lines = new LineSplitter();
    const pipe = new Socket({ fd: openSync(reports, flags), readable: true, writable: false });
    this.#reportsPipe = pipe;
    pipe.on("data", (chunk: Buffer) => {
      for (const line of lines.push(chunk)) this.#hear(line);
    });
    pipe.on("error", (error) => this.#reports.fail(`hear from ${this.node.name}: ${error.message}`));
  }

  start(): void {
    if (this.#go === undefined) throw new OperatingError(`Start ${this.node.name}: it has no container yet`);
    writeSync(this.#go, "wires\n");
    if (this.node.frr === undefined) this.restartService();
  }

  restartService(): void {
    if (this.#serviceCommand.length === 0) return;
    this.#starting = true;
    this.#startService().then(
      () => (this.#starting = false),
      (error: unknown) => this.#reports.fail(`start the service of ${this.node.name}: ${messageOf(error)}`),
    );
  }

  enter(): readonly string[] {
    return [this.#opened.id];
  }

  get pid(): number {
    if (this.#serviceCommand.length === 0) return this.#container?.pid ?? 0;
    // Between the request and the engine's answer the process is on its way: its pid is the container's for so long.
    if (this.#starting) return this.#container?.pid ?? 0;
    return this.#service?.pid ?? 0;
  }

  get configured(): boolean {
    return this.#reports.configured;
  }

  get trouble(): string {
    return this.#reports.trouble;
  }

  async lastWords(): Promise<string> {
    const text = (await readTextIfThere(join(this.places.folder, "service.log"))) ?? "";
    return text.trimEnd().split("\n").slice(-8).join("\n");
  }

  async ended(): Promise<void> {
    await this.#service?.end;
  }

  async run(command: readonly string[], { signal }: { readonly signal: AbortSignal }): Promise<CommandResult> {
    signal.throwIfAborted();
    try {
      return await resultOf(this.#engine, this.#opened.id, command);
    } catch (error) {
      throw engineError(`Run ${command[0] ?? ""} in ${this.node.name}`, error);
    }
  }

  async end(): Promise<void> {
    await removeContainer(this.#engine, this.#opened.id);
    this.#reportsPipe?.destroy();
    if (this.#go !== undefined) closeSync(this.#go);
    this.#go = undefined;
  }

  get #opened(): { readonly id: string; readonly pid: number } {
    if (this.#container !== undefined) return this.#container;
    throw new OperatingError(`Enter ${this.node.name}: it has no container yet`);
  }

  get #serviceCommand(): readonly string[] {
    return this.node.service === undefined ? this.node.command : [...serviceInside, this.places.configuration];
  }

  /** The service begins when FRR has its configuration, as it does where the start script becomes it. */
  #hear(line: string): void {
    this.#reports.hear(line);
    if (line === "configured frr") this.restartService();
  }

  async #startService(): Promise<void> {
    const exec = await this.#engine.getContainer(this.#opened.id).exec({
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
    const look = async (): Promise<Look<number>> => {
      const { Running: runs, ExitCode } = await exec.inspect();
      return runs || ExitCode === null ? waiting("the engine says that it runs") : there(ExitCode);
    };
    const signal = new AbortController().signal;
    const code = await until(look, { timeoutMs: endMsMax, everyMs: 5, signal, what: `the end of ${this.node.name}` });
    if (this.#service?.pid === pid) this.#service = undefined;
    this.#reports.exited(pid, howEnded(code));
  }
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
function howEnded(code: number): string {
  const name = Object.entries(constants.signals).find(([, number]) => number === code - 128)?.[0];
  return name ?? `exit code ${code}`;
}
