// The lab's nodes as a whole: their processes and the channels to their services.
import { instant } from "../../base/index.js";
import { rm } from "node:fs/promises";
import type { Plan } from "../../plan/index.js";
import { mapBounded, now, OperatingError, UserError } from "../../system/index.js";
import type { NodeStatus } from "../contract.js";
import type { TurnableNode } from "../links/byzantine-faults.js";
import type { FrrProcesses, ServiceProcess } from "../links/process-faults.js";
import type { EventLog } from "./event-log.js";
import type { Homes, NodeProcess } from "./homes.js";
import { NodeChannel } from "./node-channel.js";
import { diskFacts } from "./node-files.js";

interface Waits {
  readonly signal: AbortSignal;
}

type NodeRequest = Parameters<NodeChannel["request"]>[0];

const serviceMsMax = 60_000;
const answerMsMax = 5_000;
const statusMsMax = 1_000;
/** Start scripts at once: each is a handful of short processes, and two cores are busy with four of them. */
const startsAtOnce = 8;

export interface NodesOptions {
  readonly plan: Plan;
  readonly directory: string;
  readonly log: EventLog;
  readonly homes: Homes;
}

export class Nodes {
  readonly #options: NodesOptions;
  #plan: Plan;
  readonly #processes = new Map<string, NodeProcess>();
  readonly #channels = new Map<string, NodeChannel>();
  /** By node: what its service was told and a new process of it has to be told again. */
  readonly #standing = new Map<string, Map<string, NodeRequest>>();

  constructor(options: NodesOptions) {
    this.#options = options;
    this.#plan = options.plan;
    this.adopt(options.plan);
  }

  get processes(): ReadonlyMap<string, NodeProcess> {
    return this.#processes;
  }

  get channels(): ReadonlyMap<string, NodeChannel> {
    return this.#channels;
  }

  /** From now on these are the lab's nodes: those that are new may be started; those that left have been ended. */
  adopt(plan: Plan): void {
    const { directory, log, homes } = this.#options;
    this.#plan = plan;
    const members = plan.nodes.filter((node) => plan.steps.namespaces.includes(node.name));
    for (const node of members) {
      const known = this.#processes.get(node.name);
      known?.adopt(node);
      if (known !== undefined) continue;
      const process = homes.processFor({ directory, node, emit: (event) => log.emit(event) });
      this.#processes.set(node.name, process);
      if (node.service === undefined) continue;
      this.#channels.set(node.name, new NodeChannel(node.name, process.places.controlSocket, log));
    }
  }

  /** Starts these nodes; a start script that has its FRR configured makes room for the next. */
  async start(
    names: readonly string[],
    configured: (process: NodeProcess, waits: Waits) => Promise<void>,
    { signal }: Waits,
  ): Promise<void> {
    await mapBounded(names, { limit: startsAtOnce, signal }, async (name, own) => {
      const process = this.processOf(name);
      process.start();
      await configured(process, { signal: own });
    });
  }

  /** Resolves when the service of each of these nodes that has one answers that it is ready. */
  async servicesReady(names: readonly string[], { signal }: Waits): Promise<void> {
    const services = names.filter((name) => this.#channels.has(name));
    await mapBounded(services, { limit: Math.max(1, services.length), signal }, (name, own) =>
      this.#ready(name, { signal: own }),
    );
  }

  /** Ends these nodes for good, with their files. */
  async remove(names: readonly string[], { signal }: Waits): Promise<void> {
    for (const name of names) {
      const process = this.#processes.get(name);
      if (process === undefined) continue; // a switch
      this.#processes.delete(name);
      this.#channels.delete(name);
      this.#standing.delete(name);
      await process.home.end("kill");
      await process.home.letGo();
      await this.#options.homes.remove(process.node, { signal });
      await rm(process.places.folder, { recursive: true, force: true });
    }
  }

  processOf(name: string): NodeProcess {
    const process = this.processes.get(name);
    if (process !== undefined) return process;
    const names = [...this.processes.keys()].join(", ");
    throw new UserError(`There is no node "${name}" in this lab; expected one of ${names}`);
  }

  channelOf(name: string): NodeChannel {
    const channel = this.channels.get(name);
    if (channel === undefined) throw new OperatingError(`Ask ${name}: it has no service`);
    return channel;
  }

  /** For process faults; undefined for a node without a service. */
  serviceOf(name: string): ServiceProcess | undefined {
    const process = this.processes.get(name);
    if (process === undefined || process.node.service === undefined) return undefined;
    return {
      get pid() {
        return process.pid;
      },
      get starting() {
        return process.starting;
      },
      ended: () => process.ended(),
      restart: async () => {
        process.restartService();
        await this.serviceBack(name, { signal: new AbortController().signal });
      },
    };
  }

  /** For faults of FRR; undefined for a node that runs none. `configured` waits until it has its configuration. */
  frrOf(name: string, configured: (process: NodeProcess) => Promise<void>): FrrProcesses | undefined {
    const process = this.processes.get(name);
    if (process?.node.frr === undefined) return undefined;
    return {
      daemons: () => process.daemons(),
      restart: async () => {
        process.restartFrr();
        await configured(process);
      },
    };
  }

  /** For Byzantine faults. A node that is no orderer refuses when it is asked. */
  turnableOf(name: string): TurnableNode {
    const options = { timeoutMs: answerMsMax };
    return {
      turn: async (how) => {
        if (how === "") {
          this.#forget(name, "misbehave");
          if (!this.channelOf(name).connected) return now(); // its process is gone, and the next one is not told
        }
        const facts = await this.channelOf(name).request({ do: "misbehave", how }, options);
        if (how !== "") this.#stands(name, "misbehave", { do: "misbehave", how });
        return instant(Number(facts["at"]));
      },
      misbehaviour: async () => {
        if (!this.channelOf(name).connected) return "";
        return String((await this.channelOf(name).request({ do: "status" }, options))["misbehaviour"]);
      },
    };
  }

  /** A service that was started again answers, and has been told what it had been told before. */
  async serviceBack(name: string, { signal }: Waits): Promise<void> {
    await this.#ready(name, { signal });
    for (const request of this.#standing.get(name)?.values() ?? []) await this.ask(name, request);
  }

  /** `stateOf` says of a node as a whole whether it runs. */
  async statuses(stateOf: (node: string) => "running" | "paused" | "down"): Promise<readonly NodeStatus[]> {
    return Promise.all(
      this.#plan.nodes.map(async (node): Promise<NodeStatus> => {
        const process = this.processes.get(node.name);
        const whole = stateOf(node.name);
        const pid = whole === "down" ? 0 : (process?.pid ?? 0);
        const facts = await this.factsOf(node.name);
        const alive = whole === "paused" ? "paused" : "running";
        const isThere = process === undefined || process.isBare || pid > 0;
        const state = whole !== "down" && isThere ? alive : "ended";
        return { name: node.name, kind: node.kind, loopback: node.loopback, pid, state, facts };
      }),
    );
  }

  async #ready(name: string, { signal }: Waits): Promise<void> {
    const process = this.processOf(name);
    const channel = this.channelOf(name);
    const trouble = (): string => (process.pid === 0 && !process.starting ? "it has ended" : "");
    try {
      await channel.connect({ timeoutMs: serviceMsMax, signal, trouble });
      await channel.untilReady({ timeoutMs: serviceMsMax, signal });
    } catch (cause) {
      if (!(cause instanceof OperatingError)) throw cause;
      const said = (await process.lastWords()).trim();
      throw new OperatingError(`Start the service of ${name}: it ${said === "" ? "said nothing" : `said "${said}"`}`, {
        cause,
        ...(await diskFacts(process.places)),
      });
    }
  }

  /** A node that does not answer (stopped, busy, ended) has no facts; its state says the rest. */
  async factsOf(name: string): Promise<NodeStatus["facts"]> {
    const channel = this.channels.get(name);
    if (channel?.connected !== true) return {};
    try {
      const facts = await channel.request({ do: "status" }, { timeoutMs: statusMsMax });
      return Object.fromEntries(
        Object.entries(facts).map(([key, fact]) => [key, isList(fact) ? fact.join(",") : fact]),
      );
    } catch (error) {
      if (error instanceof OperatingError) return { unanswered: error.message };
      throw error;
    }
  }

  /** Those that can be asked: one that is down has no clock. */
  get clocked(): readonly string[] {
    return [...this.channels].filter(([, channel]) => channel.connected).map(([name]) => name);
  }

  /** Microseconds of the clock that the node's events are stamped with. */
  async clockOf(name: string): Promise<number> {
    const facts = await this.channelOf(name).request({ do: "clock" }, { timeoutMs: answerMsMax });
    return Number(facts["at"]);
  }

  async ask(name: string, request: NodeRequest): Promise<void> {
    if (request.do === "start-workload" || request.do === "peer-source") this.#stands(name, request.do, request);
    if (request.do === "stop-workload") this.#forget(name, "start-workload");
    await this.channelOf(name).request(request, { timeoutMs: answerMsMax });
  }

  /** A new process of this node is not told any more. */
  #forget(name: string, what: string): void {
    this.#standing.get(name)?.delete(what);
  }

  #stands(name: string, what: string, request: NodeRequest): void {
    const requests = this.#standing.get(name) ?? new Map<string, NodeRequest>();
    this.#standing.set(name, requests.set(what, request));
  }
}

/** Array.isArray does not narrow readonly arrays. */
const isList = (fact: unknown): fact is readonly number[] => Array.isArray(fact);
