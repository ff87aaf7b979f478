// A node's container as a whole: it ends, is frozen and begins again, as the engine says and the kernel shows. The agent signals
// its first process itself: that takes a millisecond, and a question to the engine tens of them.
import { closeSync, constants as fileConstants, openSync, readFileSync, readSync, writeSync } from "node:fs";
import type Docker from "dockerode";
import type { Instant } from "../../base/index.js";
import type { PlannedNode } from "../../plan/index.js";
import { hasCode, OperatingError, there, until, waiting, type Look } from "../../system/index.js";
import type { HomeLook, NodeHome } from "../agent/homes.js";
import { numberNamespace } from "../agent/network.js";
import { runBatch } from "../links/batch.js";
import { checkKernel } from "../links/kernel-settings.js";
import { untilEnded } from "../links/process-state.js";
import { removeContainer } from "./containers.js";
import { engineError } from "./engine.js";

/** Docker's own default: then it kills. */
const stopSecondsMax = 10;
/** The engine knows of an end a moment after the kernel. */
const engineMsMax = 10_000;

export interface OpenContainer {
  readonly id: string;
  /** Of its first process, as the engine's machine and the agent see it. */
  readonly pid: number;
}

/** One that shares the network of the node's own. */
export interface Beside extends OpenContainer {
  readonly runs: boolean;
}

export class ContainerHome implements NodeHome {
  readonly #engine: Docker;
  readonly #node: PlannedNode;
  readonly #goPath: string;
  readonly #beside: () => Beside | undefined;
  #container: OpenContainer | undefined;
  /** Kept open: an order written before `hold` reads must not be lost. */
  #go: number | undefined;

  /** `beside`: the container of a host's own image, which shares the network of this one and its fate. */
  constructor(
    engine: Docker,
    node: PlannedNode,
    { go, beside }: { readonly go: string; readonly beside: () => Beside | undefined },
  ) {
    this.#engine = engine;
    this.#node = node;
    this.#goPath = go;
    this.#beside = beside;
  }

  /** Its container runs and waits for orders. */
  opened(container: OpenContainer): void {
    this.#container = container;
    // Read and write: neither end of a pipe that nobody holds yet would open, and the reader would see an end.
    this.#go ??= openSync(this.#goPath, fileConstants.O_RDWR | fileConstants.O_NONBLOCK);
  }

  get pid(): number {
    return this.container.pid;
  }

  get container(): OpenContainer {
    if (this.#container !== undefined) return this.#container;
    throw new OperatingError(`Enter ${this.#node.name}: it has no container yet`);
  }

  /** What `hold` (images/node/hold) does with it stands there. */
  order(line: `wires ${string}` | "frr"): void {
    if (this.#go === undefined) throw new OperatingError(`Start ${this.#node.name}: it has no container yet`);
    const written = writeSync(this.#go, `${line}\n`);
    // An empty pipe takes 64 KiB, which is the wires of some 2500 links.
    if (written <= line.length)
      throw new OperatingError(`Start ${this.#node.name}: its pipe took ${written} bytes of an order`);
  }

  async look(): Promise<HomeLook> {
    const { Running: runs, Pid, Paused } = await this.#state();
    return { pid: runs ? Pid : 0, paused: Paused };
  }

  async end(how: "stop" | "kill"): Promise<{ readonly at: Instant; readonly detail: string }> {
    const { id, pid } = this.container;
    const pids = this.#all().map((each) => each.pid);
    const what = `container ${id.slice(0, 12)} of ${this.#node.name}`;
    // The kernel ends a pid namespace's first process after all others: when it has gone, so has everything in the container.
    const gone = (): Promise<Instant> =>
      untilEnded(pids, { timeoutMs: stopSecondsMax * 1_000 + engineMsMax, what: `the end of ${what}` });
    let at: Instant;
    if (how === "kill") {
      for (const each of pids) killIfThere(each);
      at = await gone();
    } else {
      const stop = this.#askAll("stop", (container) => container.stop({ t: stopSecondsMax }));
      [at] = await Promise.all([gone(), stop]);
    }
    const exited = async (): Promise<Look<number>> => {
      const { Running: runs, ExitCode } = await this.#state();
      return runs ? waiting("the engine says that it runs") : there(ExitCode);
    };
    const code = await this.#until(exited, `the engine to know the end of ${what}`);
    return { at, detail: `process ${pid} has gone, the engine says that the container exited with ${code}` };
  }

  async pause(): Promise<string> {
    await this.#askAll("pause", (container) => container.pause());
    if ((await this.look()).paused) return "the engine says that the container is paused";
    throw new OperatingError(`Pause ${this.#node.name}: the engine did, and says that it is not paused`);
  }

  async resume(): Promise<string> {
    await this.#askAll("unpause", (container) => container.unpause());
    const { pid, paused } = await this.look();
    if (pid > 0 && !paused) return "the engine says that the container runs";
    throw new OperatingError(`Unpause ${this.#node.name}: the engine did, and says that it does not run`);
  }

  /** What shares the network would keep it; and orders that the ended container has not read are not for the next one. */
  async letGo(): Promise<void> {
    const beside = this.#beside();
    if (beside !== undefined) await removeContainer(this.#engine, beside.id);
    const rest = Buffer.alloc(256);
    try {
      while (this.#go !== undefined) readSync(this.#go, rest);
    } catch (error) {
      if (!hasCode(error, "EAGAIN")) throw error; // EAGAIN: the pipe is empty
    }
  }

  /** Kills what runs of it; no more is asked. A pid may be somebody else's by now: its control group says whose it is. */
  killRest(): void {
    if (this.#container === undefined) return;
    for (const { id, pid } of this.#all()) if (isOf(id, pid)) killIfThere(pid);
  }

  /** Nothing is ordered any more. */
  close(): void {
    if (this.#go !== undefined) closeSync(this.#go);
    this.#go = undefined;
  }

  /** Starts it, unless somebody else has. */
  async open({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const { id } = this.container;
    if ((await this.look()).pid === 0) await this.#ask("start", (container) => container.start());
    const { pid } = await this.look();
    if (pid === 0) throw new OperatingError(`Start ${this.#node.name}: its container ended at once`);
    this.opened({ id, pid });
    await runBatch("ip", "", [`netns attach ${this.#node.name} ${pid}`], { signal });
    await numberNamespace(this.#node.name, { signal });
    await checkKernel(this.#node.name, this.#node.sysctls);
  }

  async #state(): Promise<Docker.ContainerInspectInfo["State"]> {
    return (await this.#ask("inspect", (container) => container.inspect())).State;
  }

  /** The node's container, and the one beside it where that runs. */
  #all(): readonly OpenContainer[] {
    const beside = this.#beside();
    return beside?.runs === true ? [this.container, beside] : [this.container];
  }

  async #askAll(verb: string, ask: (container: Docker.Container) => Promise<unknown>): Promise<void> {
    await Promise.all(this.#all().map(({ id }) => this.#ask(verb, ask, id)));
  }

  async #ask<T>(
    verb: string,
    ask: (container: Docker.Container) => Promise<T>,
    id: string = this.container.id,
  ): Promise<T> {
    try {
      return await ask(this.#engine.getContainer(id));
    } catch (error) {
      throw engineError(`Ask the engine to ${verb} the container of ${this.#node.name}`, error);
    }
  }

  #until<T>(look: () => Promise<Look<T>>, what: string): Promise<T> {
    return until(look, { timeoutMs: engineMsMax, everyMs: 5, signal: new AbortController().signal, what });
  }
}

function isOf(container: string, pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, "utf8").includes(container);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH")) return false;
    throw error;
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!hasCode(error, "ESRCH")) throw error; // it has ended by itself
  }
}
