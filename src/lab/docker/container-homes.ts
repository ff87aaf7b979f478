// Nodes as containers, made by the agent in the switchboard container through the engine's socket. A container has no network but
// its own namespace; that gets a name and a number here, and from then on wires, addresses and faults are those of any lab.
import type Docker from "dockerode";
import type { Plan, PlannedNode } from "../../plan/index.js";
import { mapBounded } from "../../system/index.js";
import { nsidOf } from "../agent/network.js";
import type { Homes, MakingNamespaces, NodeProcess, NodeProcessOptions } from "../agent/homes.js";
import { runBatch } from "../links/batch.js";
import { checkKernel, possible } from "../links/kernel-settings.js";
import { ContainerProcess } from "./container-process.js";
import type { UpSettings } from "../protocol.js";
import { watchContainers } from "./container-watch.js";
import { containersAtOnce, filesOf, nodeContainer, nodeRole, removeContainer, startContainer } from "./containers.js";
import { engineVersion, label, openEngine } from "./engine.js";
import { makeNamedPipe } from "./named-pipe.js";

export class ContainerHomes implements Homes {
  readonly runtime = "docker";
  readonly noun = "containers";
  readonly #directory: string;
  readonly #settings: UpSettings;
  readonly #engine: Docker = openEngine();
  readonly #processes = new Map<string, ContainerProcess>();

  constructor({ directory, settings }: { readonly directory: string; readonly settings: UpSettings }) {
    this.#directory = directory;
    this.#settings = settings;
  }

  async versions(): Promise<Readonly<Record<string, string>>> {
    const { image, containerRuntime } = this.#settings;
    const runtime = containerRuntime === "" ? {} : { containers: containerRuntime };
    return { docker: await engineVersion(this.#engine), image, ...runtime };
  }

  processFor(options: NodeProcessOptions): NodeProcess {
    const process = new ContainerProcess(this.#engine, options, this.#settings);
    this.#processes.set(options.node.name, process);
    return process;
  }

  async remove({ name }: PlannedNode): Promise<void> {
    const process = this.#processes.get(name);
    if (process === undefined) return;
    this.#processes.delete(name);
    await removeContainer(this.#engine, process.home.container.id);
    process.close();
  }

  endAll(): void {
    for (const { home } of this.#processes.values()) home.killRest();
  }

  watch({ changed, trouble }: Parameters<Homes["watch"]>[0]): void {
    const labels = [`${label.directory}=${this.#settings.owner}`, `${label.role}=${nodeRole}`];
    watchContainers({ engine: this.#engine, labels, changed, trouble }).catch((error: unknown) =>
      trouble(`cannot hear the engine: ${String(error)}`),
    );
  }

  /** The engine has written them. */
  settleSwitchboard({ steps }: Plan): Promise<void> {
    return checkKernel("", steps.switchboardSysctls);
  }

  async makeNamespaces(plan: Plan, { signal, hears }: MakingNamespaces): Promise<void> {
    const processes = plan.steps.namespaces.flatMap((name) => this.#processes.get(name) ?? []);
    for (const path of processes.flatMap((each) => each.pipes)) makeNamedPipe(path);
    const { image, containerRuntime, owner } = this.#settings;
    const place = { lab: plan.lab, owner, directory: this.#directory, image, containerRuntime };
    const lines = await mapBounded(processes, { limit: containersAtOnce, signal }, async (process, own) => {
      own.throwIfAborted();
      const { node, places } = process;
      const sysctls = await possible(node.sysctls);
      const ownFiles = node.host.image === "" ? filesOf(node) : [];
      const container = await startContainer(this.#engine, nodeContainer(place, node, { places, sysctls }), ownFiles);
      process.opened(container);
      hears().catch(() => undefined); // begun here, while the engine has the most to do; waited for below
      return [`netns attach ${node.name} ${container.pid}`, `netns set ${node.name} ${nsidOf(node.name)}`];
    });
    await hears();
    await runBatch("ip", "", lines.flat(), { signal });
    for (const { node } of processes) await checkKernel(node.name, node.sysctls);
  }
}
