// The switchboard container comes to be: made with its volume, started, and its agent told plan and settings. Where it does not start
// under crun it starts under the engine's own runtime, and where the kernel has no IPv6 without its settings; nodes then do likewise.
import type { Duplex } from "node:stream";
import type Docker from "dockerode";
import type { Plan } from "../../plan/index.js";
import { jsonLine, OperatingError, UserError } from "../../system/index.js";
import type { UpOptions } from "../contract.js";
import { labFormat, type LabRecord } from "../netns/state-folder.js";
import { AgentConnection } from "../netns/connection.js";
import type { LabFiles, UpSettings } from "../protocol.js";
import { processHere } from "../netns/host-process.js";
import { endWith, wayOf } from "./agent-way.js";
import { makeAhead, type Ahead } from "./ahead.js";
import { type LabPlace, ownImageRole, removeContainer, startError, switchboardContainer } from "./containers.js";
import { messageOf, socketOfEngine, statusOf } from "./engine.js";
import { runtimeFor } from "./quick-runtime.js";
import type { LabVolume } from "./volumes.js";

export interface SwitchboardOptions {
  readonly place: Omit<LabPlace, "containerRuntime">;
  readonly volume: LabVolume;
  readonly up: UpOptions;
}

interface Attempt {
  readonly containerRuntime: string;
  readonly ipv6: boolean;
}

export interface StartedSwitchboard {
  readonly id: string;
  /** By the agent's own standard input and output: there is nothing to wait for, and no process between. */
  readonly connection: AgentConnection;
  /** Begun while it starts. */
  readonly ahead: Ahead;
}

/** Rejects with UserError when the name is taken meanwhile; leaves none behind. Caller disposes of the connection. */
export async function startSwitchboard(
  engine: Docker,
  plan: Plan,
  options: SwitchboardOptions,
): Promise<StartedSwitchboard> {
  const attempts = await attemptsOn(engine, options.place.image);
  for (let first = attempts.shift(); ; first = attempts.shift()) {
    if (first === undefined) throw new OperatingError("Start the switchboard: no way to do so is left");
    const attempt = first;
    const id = await create(engine, plan, { ...options, attempt });
    const container = engine.getContainer(id);
    const place = { ...options.place, containerRuntime: attempt.containerRuntime };
    const ahead = makeAhead(engine, plan, { place, possible: possibleIn(attempt) });
    let way: Duplex | undefined;
    try {
      const stream = await container.attach({ stream: true, stdin: true, stdout: true, hijack: true });
      way = wayOf(engine, stream as Duplex); // a hijacked connection, as that of an exec
      await container.start();
      way.write(jsonLine(await filesFor(plan, { ...options, attempt })));
      endWith(way, container);
      return { id, connection: new AgentConnection(way), ahead };
    } catch (error) {
      way?.destroy();
      await ahead.takeBack(); // they are as this attempt would have had them
      await removeContainer(engine, id);
      const lacksIpv6 = attempt.ipv6 && /ipv6/i.test(messageOf(error));
      if (lacksIpv6) attempts.unshift({ ...attempt, ipv6: false });
      else if (attempts.length === 0) throw startError("of the agent", options.place.image, error);
    }
  }
}

async function attemptsOn(engine: Docker, image: string): Promise<Attempt[]> {
  const containerRuntime = await runtimeFor(engine, image).catch((error: unknown) => {
    throw startError("of the agent", image, error);
  });
  const own: Attempt = { containerRuntime: "", ipv6: true };
  return containerRuntime === "" ? [own] : [{ ...own, containerRuntime }, own];
}

const possibleIn =
  ({ ipv6 }: Attempt) =>
  (settings: readonly string[]): readonly string[] =>
    ipv6 ? settings : settings.filter((setting) => !setting.startsWith("net.ipv6."));

interface Trying extends SwitchboardOptions {
  readonly attempt: Attempt;
}

async function create(engine: Docker, plan: Plan, { place, volume, attempt }: Trying): Promise<string> {
  const sysctls = possibleIn(attempt)(plan.steps.switchboardSysctls);
  const whole = { ...place, containerRuntime: attempt.containerRuntime };
  const own = plan.nodes.filter((node) => node.host.image !== "").map((node) => `${node.name}.${ownImageRole}`);
  const members = [...plan.steps.namespaces, ...own];
  const options = { volume: volume.name, engineSocket: socketOfEngine(), sysctls, members };
  const wanted = switchboardContainer(whole, options);
  try {
    return (await engine.createContainer(wanted)).id;
  } catch (error) {
    if (statusOf(error) === 409) throw taken(place.lab, messageOf(error));
    throw startError(wanted.name ?? "", place.image, error);
  }
}

export const taken = (lab: string, why: string): UserError =>
  new UserError(`Lab "${lab}" is on this engine already: ${why}`, {
    suggestion: `end it with   testbed down --lab ${lab}   or give this one another name with --name`,
  });

/** What the agent begins with (agent/main.ts). */
async function filesFor(plan: Plan, { place, up, attempt }: Trying): Promise<LabFiles> {
  const record: LabRecord = {
    format: labFormat,
    name: plan.lab,
    runtime: "docker",
    owner: await processHere(),
    stage: "creating",
    userNamespace: false,
    createdAt: new Date().toISOString(),
  };
  const settings: UpSettings = {
    format: 1,
    seed: up.seed,
    messageTrace: up.messageTrace,
    image: place.image,
    containerRuntime: attempt.containerRuntime,
    owner: place.owner,
    smartbftGo: "", // fitness.ts refuses such a plan
  };
  return { "lab.json": record, "plan.json": plan, "up.json": settings };
}
