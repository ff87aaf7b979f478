// Nodes as containers, made by the agent in the switchboard container through the engine's socket. A container has no network but
// its own namespace; that gets a name and a number here, and from then on wires, addresses and faults are those of any lab.
import type Docker from "dockerode";
import type { Plan } from "../../plan/index.js";
import { mapBounded, runCommand } from "../../system/index.js";
import { checkKernel, nsidOf, possible } from "../agent/network.js";
import type { Homes, NodeProcess, NodeProcessOptions } from "../agent/homes.js";
import { runBatch } from "../links/batch.js";
import { ContainerProcess } from "./container-process.js";
import { containersAtOnce, nodeContainer, startContainer } from "./containers.js";
import { engineVersion, openEngine } from "./engine.js";

interface Waits {
  readonly signal: AbortSignal;
}

export class ContainerHomes implements Homes {
  readonly runtime = "docker";
  readonly noun = "containers";
  readonly #directory: string;
  readonly #image: string;
  readonly #engine: Docker = openEngine();
  readonly #processes = new Map<string, ContainerProcess>();

  constructor({ directory, image }: { readonly directory: string; readonly image: string }) {
    this.#directory = directory;
    this.#image = image;
  }

  async versions(): Promise<Readonly<Record<string, string>>> {
    return { docker: await engineVersion(this.#engine), image: this.#image };
  }

  processFor(options: NodeProcessOptions): NodeProcess {
    const process = new ContainerProcess(this.#engine, options);
    this.#processes.set(options.node.name, process);
    return process;
  }

  async makeNamespaces(plan: Plan, { signal }: Waits): Promise<void> {
    const processes = plan.steps.namespaces.flatMap((name) => this.#processes.get(name) ?? []);
    await runCommand("mkfifo", ["-m", "600", ...processes.flatMap((each) => each.pipes)], { signal });
    const place = { lab: plan.lab, directory: this.#directory, image: this.#image };
    const lines = await mapBounded(processes, { limit: containersAtOnce, signal }, async (process, own) => {
      own.throwIfAborted();
      const { node, places } = process;
      const sysctls = await possible(node.sysctls);
      const container = await startContainer(this.#engine, nodeContainer(place, node, { places, sysctls }));
      process.opened(container);
      return [`netns attach ${node.name} ${container.pid}`, `netns set ${node.name} ${nsidOf(plan, node.name)}`];
    });
    await runBatch("ip", "", lines.flat(), { signal });
    await checkKernel("", plan.steps.switchboardSysctls, { signal });
    await mapBounded(processes, { limit: containersAtOnce, signal }, ({ node }, own) =>
      checkKernel(node.name, node.sysctls, { signal: own }),
    );
  }
}
