// A docker lab as the CLI holds it: everything goes through the engine, so it may be anywhere. Its agent is reached by a relay in the
// switchboard container, its folder by the agent, and by the engine's archive API when the agent has gone.
import { join } from "node:path";
import type Docker from "dockerode";
import { OperatingError } from "../../system/index.js";
import type { LabFolder } from "../lab-folder.js";
import { AgentConnection } from "../netns/connection.js";
import type { LabEnds } from "../netns/running-lab.js";
import { controlSocketOf } from "../netns/state-folder.js";
import { inImage, programs } from "../programs.js";
import type { FolderRequest } from "../protocol.js";
import { endWith, wayOf } from "./agent-way.js";
import { fileFrom } from "./archive.js";
import { type LabName, removeLabContainers } from "./containers.js";
import { engineError, openEngine } from "./engine.js";
import { removeVolume, volumesOf } from "./volumes.js";

/** The switchboard of a lab on an engine. */
export interface Switchboard {
  readonly engine: Docker;
  readonly id: string;
  /** The lab's folder, in the container as on the engine's machine. */
  readonly directory: string;
}

/** A connection to the agent, which may not listen yet: what is asked waits in the relay. */
export async function connectAgent({ engine, id, directory }: Switchboard): Promise<AgentConnection> {
  try {
    const exec = await engine.getContainer(id).exec({
      Cmd: ["node", inImage(programs.relay), controlSocketOf(directory)],
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
    });
    const way = wayOf(engine, await exec.start({ hijack: true, stdin: true }));
    endWith(way, engine.getContainer(id));
    return new AgentConnection(way);
  } catch (error) {
    throw engineError("Reach the lab's agent", error);
  }
}

/** Why a connection to the agent has ended: what the agent said last, or that the engine has gone. */
export async function agentTrouble({ engine, id, directory }: Switchboard): Promise<Error> {
  const container = engine.getContainer(id);
  try {
    const { State } = await container.inspect();
    const log = await fileFrom(container, join(directory, "agent.log"));
    const said = (log?.toString("utf8") ?? "").trim().split("\n").slice(-12).join("\n");
    if (State.Running) {
      return new OperatingError(
        `Run the lab: the way to its agent broke, and the lab goes on; the agent said "${said}"`,
        {
          suggestion: "testbed status   looks at it, testbed run --resume LAB   goes on with its run",
        },
      );
    }
    const how = `its agent ended with exit code ${State.ExitCode}`;
    return new OperatingError(`Run the lab: ${how}, expected it to stay; it said "${said}"`);
  } catch (error) {
    return engineError("Run the lab: its connection broke, and the engine cannot be asked for it", error);
  }
}

export class EngineFolder implements LabFolder {
  readonly directory: string;
  /** Each look is a question to the agent, which has better things to do. */
  readonly everyMs = 100;
  readonly #switchboard: Switchboard;
  readonly #connection: AgentConnection;

  constructor(switchboard: Switchboard, connection: AgentConnection) {
    this.directory = switchboard.directory;
    this.#switchboard = switchboard;
    this.#connection = connection;
  }

  async read(file: string, fromByte: number): Promise<Buffer | undefined> {
    if (this.#connection.closed) return this.#readFromDead(file, fromByte);
    const text = await this.#ask({ do: "read", file, fromByte });
    return typeof text === "string" ? Buffer.from(text, "base64") : undefined;
  }

  async list(folder: string): Promise<readonly string[] | undefined> {
    return ((await this.#ask({ do: "list", folder })) as readonly string[] | null) ?? undefined; // as the agent answers it
  }

  async write(file: string, text: string): Promise<void> {
    await this.#ask({ do: "write", file, text });
  }

  /** Rejects when the connection broke and the agent is not known to have ended: what it wrote cannot be read to its end. */
  async alive(): Promise<boolean> {
    if (!this.#connection.closed) return true;
    const { engine, id } = this.#switchboard;
    try {
      if (!(await engine.getContainer(id).inspect()).State.Running) return false;
    } catch (error) {
      throw engineError("Follow the lab: its connection broke, and the engine cannot be asked for it", error);
    }
    throw await agentTrouble(this.#switchboard);
  }

  async #ask(request: FolderRequest): Promise<unknown> {
    try {
      return await this.#connection.request(request, { signal: AbortSignal.timeout(answerMsMax) });
    } catch (error) {
      if (error instanceof OperatingError && this.#connection.closed) throw await agentTrouble(this.#switchboard);
      throw error;
    }
  }

  async #readFromDead(file: string, fromByte: number): Promise<Buffer | undefined> {
    const { engine, id, directory } = this.#switchboard;
    try {
      return (await fileFrom(engine.getContainer(id), join(directory, file)))?.subarray(fromByte);
    } catch (error) {
      throw engineError(`Read ${file} of the lab`, error);
    }
  }
}

const answerMsMax = 30_000;

export const containerEnds = (name: LabName, switchboard: Switchboard, connection: AgentConnection): LabEnds => ({
  folder: new EngineFolder(switchboard, connection),
  sharesTerminal: false,
  execArguments: ([container = ""], command) => [process.execPath, programs.engineExec, container, ...command],
  end: async () => {
    await removeLab(openEngine(), name);
  },
});

/**
 * Removes everything of a lab from the engine; answers what it was. `spareMade`: no volume that another command has just made for a
 * lab of this name, which is one that no container of the lab has.
 */
export async function removeLab(
  engine: Docker,
  name: LabName,
  { spareMade = false }: { readonly spareMade?: boolean } = {},
): Promise<readonly string[]> {
  const { removed: containers, volumes: used } = await removeLabContainers(engine, name);
  const removed = [...containers];
  for (const volume of await volumesOf(engine, name)) {
    if (spareMade && volume.isMade && !used.has(volume.name)) continue;
    await removeVolume(engine, volume.name);
    removed.push(`volume ${volume.name}`);
  }
  return removed;
}
