// A host with an image of its own: a second container that shares the network of the node's own, in which FRR runs and whose wires
// those are. So a foreign image needs nothing of ours, and it gets no right beyond what an engine gives any container.
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import type Docker from "dockerode";
import type { PlannedNode } from "../../plan/index.js";
import { OperatingError } from "../../system/index.js";
import type { NodePlaces } from "../agent/node-files.js";
import type { UpSettings } from "../protocol.js";
import { putFiles } from "./archive.js";
import {
  containerName,
  filesOf,
  labelsOf,
  limitsOf,
  logConfig,
  ownImageRole,
  removeContainer,
  runtimeOf,
  startError,
} from "./containers.js";
import { label } from "./engine.js";

export interface OwnImage {
  readonly id: string;
  readonly pid: number;
  /** Resolves with the exit code. */
  readonly ended: Promise<number>;
}

interface Wanted {
  readonly settings: UpSettings;
  readonly node: PlannedNode;
  readonly places: NodePlaces;
  /** Id of the container whose network it shares. */
  readonly beside: string;
}

/** Takes the place of an earlier one of this node. What it prints goes into the node's service.log. */
export async function startOwnImage(engine: Docker, wanted: Wanted): Promise<OwnImage> {
  const options = await containerFor(engine, wanted);
  const name = options.name ?? "";
  try {
    await removeContainer(engine, name);
    const container = await engine.createContainer(options);
    await putFiles(container, filesOf(wanted.node));
    const output = await container.attach({ stream: true, stdout: true, stderr: true });
    const log = createWriteStream(join(wanted.places.folder, "service.log"), { flags: "a", mode: 0o600 });
    engine.modem.demuxStream(output, log, log);
    output.once("close", () => log.end());
    await container.start();
    const ended = container.wait().then((end: { readonly StatusCode: number }) => end.StatusCode);
    ended.catch(() => undefined); // heard by who waits
    const { State } = await container.inspect();
    if (State.Pid > 0) return { id: container.id, pid: State.Pid, ended };
    throw new OperatingError(`it ended at once with exit code ${State.ExitCode}`);
  } catch (error) {
    throw startError(name, wanted.node.host.image, error);
  }
}

async function containerFor(
  engine: Docker,
  { settings, node, beside }: Wanted,
): Promise<Docker.ContainerCreateOptions> {
  const { Config } = await engine.getContainer(beside).inspect();
  const lab = Config.Labels[label.lab] ?? "";
  return {
    name: `${containerName(lab, node.name)}.${ownImageRole}`,
    Image: node.host.image,
    ...(node.command.length === 0 ? {} : { Cmd: [...node.command] }),
    Env: Object.entries(node.host.environment).map(([name, value]) => `${name}=${value}`),
    Labels: labelsOf({ lab, owner: settings.owner }, ownImageRole, node.name),
    HostConfig: {
      NetworkMode: `container:${beside}`,
      Init: true,
      LogConfig: logConfig,
      ...runtimeOf(settings),
      ...limitsOf(node),
    },
  };
}
