// A node's namespaces as a whole: it ends when every process in its mount namespace has, is frozen by stopping each, and begins
// again in new namespaces. What the agent itself runs in the node's network (ip) lives in other mount namespaces, so it is not hit.
import { readdir, readlink, stat } from "node:fs/promises";
import type { Instant } from "../../base/index.js";
import type { PlannedNode } from "../../plan/index.js";
import { hasCode, now, OperatingError, there, until, waiting, type Look } from "../../system/index.js";
import { hasEnded, stateOf } from "../links/process-state.js";
import type { HomeLook, NodeHome } from "./homes.js";
import { makeNamespace } from "./network.js";

/** As an engine of containers has it: then it kills. */
const stopMsMax = 10_000;
const endMsMax = 20_000;
const stateMsMax = 2_000;

export class NamespaceHome implements NodeHome {
  readonly pid = 0;
  readonly #node: PlannedNode;
  /** Path that stands for the mount namespace (as /proc/PID/ns/mnt does); undefined while there is none. */
  readonly #mountNamespace: () => string | undefined;
  readonly #close: () => void;
  readonly #isBare: boolean;

  constructor(
    node: PlannedNode,
    options: { readonly held: () => string | undefined; readonly close: () => void; readonly isBare: boolean },
  ) {
    this.#node = node;
    this.#isBare = options.isBare;
    this.#mountNamespace = options.held;
    this.#close = options.close;
  }

  async look(): Promise<HomeLook> {
    const members = await this.#members();
    const states = await Promise.all(members.map(stateOf));
    return { pid: members[0] ?? 0, paused: members.length > 0 && states.every(isStopped) };
  }

  async end(how: "stop" | "kill"): Promise<{ readonly at: Instant; readonly detail: string }> {
    const askedAt = performance.now();
    await this.#signal(how === "kill" ? "SIGKILL" : "SIGTERM");
    const look = async (): Promise<Look<Instant>> => {
      const members = await this.#members();
      if (members.length === 0) return there(now());
      // What was started meanwhile, by a process that has ended since, is ended too.
      if (how === "kill" || performance.now() - askedAt > stopMsMax) await this.#signal("SIGKILL");
      return waiting(`processes ${members.join(", ")} are still there`);
    };
    const at = await this.#until(look, endMsMax, "to have no process");
    return { at, detail: `no process is left in ${this.#node.name}` };
  }

  async pause(): Promise<string> {
    const look = async (): Promise<Look<number>> => {
      await this.#signal("SIGSTOP"); // what a process has started before it stopped is new each time
      const members = await this.#members();
      const states = await Promise.all(members.map(stateOf));
      const left = members.filter((_, index) => !isStopped(states[index] ?? ""));
      return left.length === 0 ? there(members.length) : waiting(`processes ${left.join(", ")} run`);
    };
    return `${await this.#until(look, stateMsMax, "to be stopped")} processes of ${this.#node.name} are stopped`;
  }

  async resume(): Promise<string> {
    await this.#signal("SIGCONT");
    const look = async (): Promise<Look<number>> => {
      const members = await this.#members();
      const states = await Promise.all(members.map(stateOf));
      const left = members.filter((_, index) => states[index] === "T");
      return left.length === 0 ? there(members.length) : waiting(`processes ${left.join(", ")} are stopped`);
    };
    return `${await this.#until(look, stateMsMax, "to go on")} processes of ${this.#node.name} run`;
  }

  letGo(): Promise<void> {
    this.#close();
    return Promise.resolve();
  }

  open({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    return makeNamespace(this.#node, { signal });
  }

  async #signal(name: NodeJS.Signals): Promise<void> {
    for (const pid of await this.#members()) {
      try {
        process.kill(pid, name);
      } catch (error) {
        if (!hasCode(error, "ESRCH")) throw error; // it has ended meanwhile
      }
    }
  }

  /**
   * Pids of every process in the node's mount namespace, and of a host's command, which is confined in its network to a pid
   * namespace of its own (confinement.ts); those that wait to be reaped have none any more.
   */
  async #members(): Promise<readonly number[]> {
    const held = this.#mountNamespace();
    if (held === undefined && this.#isBare) return []; // nobody has entered it
    if (held === undefined) throw new OperatingError(`Look into ${this.#node.name}: it does not run`);
    const [own, ownPids] = [await readlink(held), await readlink("/proc/self/ns/pid")];
    const { ino: network } = await stat(`/run/netns/${this.#node.name}`);
    const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
    const isMember = async (pid: number): Promise<boolean> => {
      if ((await linkOf(`/proc/${pid}/ns/mnt`)) === own) return true;
      const confinedIn = await linkOf(`/proc/${pid}/ns/pid`);
      return ![ownPids, ""].includes(confinedIn) && (await linkOf(`/proc/${pid}/ns/net`)) === `net:[${network}]`;
    };
    const members = await Promise.all(pids.map(isMember));
    return pids.filter((_, index) => members[index]);
  }

  #until<T>(look: () => Promise<Look<T>>, timeoutMs: number, what: string): Promise<T> {
    const signal = new AbortController().signal;
    return until(look, { timeoutMs, everyMs: 1, signal, what: `${this.#node.name} ${what}` });
  }
}

const isStopped = (state: string): boolean => state === "T" || hasEnded(state);

/** Empty for a process that has ended. */
async function linkOf(path: string): Promise<string> {
  try {
    return await readlink(path);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH", "EACCES")) return ""; // EACCES: it is on its way out, its memory has gone
    throw error;
  }
}
