// A running lab as the CLI holds it: a folder, and a connection to its agent. Where the folder is, how a node is entered and how the
// whole ends is the runtime's own business (LabEnds); that of netns is here, that of docker in docker/engine-lab.ts.
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { Event } from "../../boundary/index.js";
import type { Plan } from "../../plan/index.js";
import type { Experiment } from "../../spec/index.js";
import {
  hasCode,
  LineSplitter,
  OperatingError,
  pause,
  there,
  until,
  UserError,
  waiting,
  type Look,
} from "../../system/index.js";
import { sessionMark } from "../agent/sessions.js";
import type {
  AgentRequest,
  EndTruth,
  FaultStatus,
  LabStatus,
  Progress,
  RunningLab,
  RunningPlan,
  Session,
} from "../contract.js";
import type { LabRequest } from "../protocol.js";
import { FolderHere, type LabFolder } from "../lab-folder.js";
import { asSandbox } from "../agent/confinement.js";
import { AgentConnection } from "./connection.js";
import { isAlive, namespacesOf, processesIn } from "./host-process.js";
import { removeLimits } from "./limits.js";
import { controlSocketOf, labFolder, type LabRecord, refuseLongPaths, removeDead } from "./state-folder.js";

/** For answers the agent gives at once, or after a fault was read back. */
const answerMsMax = 30_000;
/** The agent's own waits are shorter, and say more when they end. */
const reconcileMsMax = 600_000;
const downMsMax = 30_000;
/** The agent answers before it ends anything. */
const downAnswerMsMax = 5_000;

/** What differs between the runtimes once a lab runs. */
export interface LabEnds {
  /** Command that runs `command` in a node, from what the agent says of it (request `enter`). */
  execArguments(enter: readonly string[], command: readonly string[]): readonly string[];
  /** A command in a node is in this terminal's foreground, so that Ctrl-C reaches it. */
  readonly sharesTerminal: boolean;
  /** Ends the lab, whatever its agent does; resolves when nothing of it is left. */
  end(connection: AgentConnection): Promise<void>;
  readonly folder: LabFolder;
}

export class LocalLab implements RunningLab {
  readonly name: string;
  readonly folder: LabFolder;
  readonly #connection: AgentConnection;
  readonly #ends: LabEnds;

  constructor(name: string, connection: AgentConnection, ends: LabEnds) {
    this.name = name;
    this.folder = ends.folder;
    this.#connection = connection;
    this.#ends = ends;
  }

  get directory(): string {
    return this.folder.directory;
  }

  status(): Promise<LabStatus> {
    return this.#ask<LabStatus>({ do: "status" });
  }

  fault(request: Extract<AgentRequest, { do: "fault" }>): Promise<readonly FaultStatus[]> {
    return this.#ask<readonly FaultStatus[]>(request);
  }

  faults(): Promise<readonly FaultStatus[]> {
    return this.#ask<readonly FaultStatus[]>({ do: "faults" });
  }

  heal(fault: number): Promise<readonly FaultStatus[]> {
    return this.#ask<readonly FaultStatus[]>({ do: "heal", fault });
  }

  plan(): Promise<RunningPlan> {
    return this.#ask<RunningPlan>({ do: "plan" });
  }

  link(ends: readonly [string, string]): Promise<readonly EndTruth[]> {
    return this.#ask<readonly EndTruth[]>({ do: "link", ends });
  }

  async reconcile(plan: Plan, progress: (progress: Progress) => void): Promise<void> {
    refuseLongPaths(
      this.directory,
      plan.nodes.map((node) => node.name),
    );
    this.#connection.onProgress = progress;
    await this.#connection.request({ do: "reconcile", plan }, { signal: AbortSignal.timeout(reconcileMsMax) });
  }

  async startRun(experiment: Experiment, seed: string): Promise<void> {
    await this.#ask({ do: "run", experiment, seed });
  }

  async *events(options: Parameters<RunningLab["events"]>[0]): AsyncIterable<Event> {
    const { until: end = "stopped" } = options;
    const { folder } = this;
    const lines = new LineSplitter();
    const trouble = this.#trouble();
    let position = options.fromByte;
    for (let over = false; !over; ) {
      options.signal.throwIfAborted();
      // Looked at before reading: what a dead agent had written is read to its end.
      const gone = !(await folder.alive());
      const bytes = (await folder.read("events.ndjson", position)) ?? Buffer.alloc(0);
      position += bytes.length;
      for (const line of lines.push(bytes)) {
        const event = JSON.parse(line) as Event; // the agent's own file: it checked each line before it wrote it
        yield event;
        if (end === "stopped" && event.kind === "phase" && event.phase === "stopped") return;
      }
      if (bytes.length > 0) continue;
      if (trouble.text !== "") throw new OperatingError(trouble.text);
      over = gone || end === "now";
      if (!over) await pause(folder.everyMs, { signal: options.signal });
    }
    if (end !== "stopped") return;
    throw new OperatingError(`Follow the events of lab "${this.name}": its agent is gone, expected a "stopped" phase`, {
      suggestion: `see ${join(this.directory, "agent.log")}`,
    });
  }

  /** Fills in what the agent says when it can no longer write events down: they would be waited for in vain. */
  #trouble(): { readonly text: string } {
    const trouble = { text: "" };
    this.#connection.request({ do: "await-trouble" }, { signal: new AbortController().signal }).then(
      (text) => (trouble.text = String(text)),
      () => undefined, // the connection has closed: the agent's end is seen by other means
    );
    return trouble;
  }

  async execArguments(node: string, command: readonly string[]): Promise<readonly string[]> {
    const enter = await this.#ask<readonly string[]>({ do: "enter", node });
    return this.#ends.execArguments(enter, command);
  }

  async session(node: string, command: readonly string[]): Promise<Session> {
    const mark = randomUUID();
    // What is around the command survives a Ctrl-C that the command itself may want to live through. A foreign image's env(1)
    // may not know the option, and nothing there has inherited that a signal is ignored.
    const heard = this.#ends.sharesTerminal ? ["--default-signal=INT"] : [];
    const inside = await this.execArguments(node, ["env", ...heard, `${sessionMark}=${mark}`, ...command]);
    await this.#ask({ do: "session", mark });
    return {
      arguments: ["env", "--ignore-signal=INT", ...inside],
      sharesTerminal: this.#ends.sharesTerminal,
      signal: (name) => this.#ask({ do: "signal", mark, name }),
      end: () => this.#ask({ do: "end-session", mark }),
      leave: () => this.#ask({ do: "leave", mark }),
    };
  }

  async down(): Promise<void> {
    await this.#ends.end(this.#connection);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection[Symbol.dispose]();
  }

  async #ask<T>(request: LabRequest): Promise<T> {
    const signal = AbortSignal.timeout(answerMsMax);
    return (await this.#connection.request(request, { signal })) as T; // the agent answers each request as contract.ts says
  }
}

export const sandboxEnds = (record: LabRecord): LabEnds => ({
  folder: new FolderHere(labFolder(record.name), () => isAlive(record.owner)),
  sharesTerminal: true,
  // In a namespace of a user with no more capabilities than the agent has: it could not read the mark of who has more there
  // (ptrace(2), access mode). Root's tcpdump needs more, to become another user.
  execArguments: (enter, command) => [
    ...enterSandbox(record),
    ...(record.userNamespace ? asSandbox : []),
    ...enter,
    ...command,
  ],
  async end(connection) {
    const namespaces = await namespacesOf(record.owner.pid);
    const signal = AbortSignal.timeout(downAnswerMsMax);
    try {
      await connection.request({ do: "down" }, { signal });
      await sandboxGone(record, namespaces);
    } catch (error) {
      // It died before it could answer, or it hangs: the kernel ends what does not end by itself.
      if (!(error instanceof OperatingError) && !signal.aborted) throw error;
      await killSandbox(record);
    }
    await removeDead(record.name); // another `up` may have the name by now
  },
});

/** A down lab has no process and no namespace left: the sandbox's first process takes all others with it. */
export async function sandboxGone(record: LabRecord, namespaces: ReadonlySet<string>): Promise<void> {
  const look = async (): Promise<Look<true>> => {
    if (await isAlive(record.owner)) return waiting(`process ${record.owner.pid} is still there`);
    const left = await processesIn(namespaces);
    return left.length === 0 ? there(true) : waiting(`processes ${left.join(", ")} are still in its namespaces`);
  };
  const options = { timeoutMs: downMsMax, everyMs: 5, signal: new AbortController().signal };
  await until(look, { ...options, what: `lab "${record.name}" to be gone` });
  await removeLimits(labFolder(record.name));
}

/** Ends a sandbox from outside, whatever its agent does. */
export async function killSandbox(record: LabRecord): Promise<void> {
  const namespaces = await namespacesOf(record.owner.pid);
  if (await isAlive(record.owner)) {
    try {
      process.kill(record.owner.pid, "SIGKILL");
    } catch (error) {
      if (!hasCode(error, "ESRCH")) throw error; // it ended by itself in between
    }
  }
  await sandboxGone(record, namespaces);
}

/** Enters the sandbox's namespaces, its pid namespace too so that /proc is right; --preserve-credentials: we are mapped to root. */
function enterSandbox(record: LabRecord): readonly string[] {
  const user = record.userNamespace ? ["--user", "--preserve-credentials"] : [];
  return ["nsenter", `--target=${record.owner.pid}`, ...user, "--net", "--mount", "--pid", "--"];
}

/** The running lab of this name; refuses, with what to do, when it is not there, dead, or still coming up. */
export async function openLab(name: string, record: LabRecord | undefined): Promise<LocalLab> {
  if (record === undefined) {
    throw new UserError(`Lab "${name}" does not run`, { suggestion: "testbed up TOPOLOGY   starts one" });
  }
  if (!(await isAlive(record.owner))) {
    throw new UserError(
      `Lab "${name}" is dead: its agent has gone and its network with it; ${labFolder(name)} is left`,
      {
        suggestion: "testbed clean   removes what it left",
      },
    );
  }
  const connection = await AgentConnection.open(controlSocketOf(labFolder(name)));
  if (connection !== undefined) return new LocalLab(name, connection, sandboxEnds(record));
  throw new UserError(`Lab "${name}" is still coming up (process ${record.owner.pid})`, { suggestion: "try again" });
}
