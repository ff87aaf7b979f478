// Hosts the director for one repetition: feeds it every event, calls it on time, and carries its actions out. A fault is
// started the moment it is due and not waited for, so that two that are due together both are on time.
import { after, assertNever, between, type Instant, microseconds } from "../../base/index.js";
import type { Event, EventOf, PhaseEvent } from "../../boundary/index.js";
import { Director, type Action } from "../../director/index.js";
import type { Plan } from "../../plan/index.js";
import type { Experiment } from "../../spec/index.js";
import { DeadlineTimer, errorText, now, UserError } from "../../system/index.js";
import type { Downs } from "../links/downs.js";
import type { FaultDesk } from "../links/fault-desk.js";
import { PoolWatch } from "../probes/pool-watch.js";
import { RunProbes } from "../probes/run-probes.js";
import type { EventLog } from "./event-log.js";
import { nodeLogs } from "./node-logs.js";
import type { Nodes } from "./nodes.js";
import { RealTimeWindow } from "./real-time.js";

export interface RunHostOptions {
  /** The lab's plan as it is now. */
  readonly plan: () => Plan;
  readonly log: EventLog;
  readonly desk: FaultDesk;
  readonly downs: Downs;
  readonly nodes: Nodes;
}

/** So long before, the loop does nothing else: what came in just before would be heard first, which takes a few tenths of a millisecond. */
const holdUs = 500;

interface Run {
  readonly director: Director;
  readonly name: string;
  /** The director counts faults from 1 in each run, the lab over all of its life. */
  readonly faultOffset: number;
  readonly faults: Set<number>;
  readonly probes: RunProbes;
  readonly pools: PoolWatch;
}

export class RunHost {
  readonly #options: RunHostOptions;
  readonly #timer = new DeadlineTimer(() => this.#step());
  readonly #realTime = new RealTimeWindow();
  /** What each orderer said last of its view: a director that starts now has not heard it. */
  readonly #views = new Map<string, EventOf<"step">>();
  #run: Run | undefined;
  #stepping = false;
  #unsubscribe: () => void = () => undefined;

  constructor(options: RunHostOptions) {
    this.#options = options;
    options.log.subscribe((event) => {
      if (event.kind === "step" && event.step === "viewStarting") this.#views.set(event.node, event);
    });
  }

  /** Name of the experiment that runs; empty when none does. */
  get running(): string {
    return this.#run?.name ?? "";
  }

  /** Resolves when the repetition has begun; it ends with the phase event `stopped`. */
  async start(experiment: Experiment, seed: string): Promise<void> {
    const { log, desk, downs, nodes } = this.#options;
    const plan = this.#options.plan();
    if (this.#run !== undefined) {
      throw new UserError(`Experiment "${this.#run.name}" still runs in this lab`, { suggestion: "wait for its end" });
    }
    const director = new Director(plan, experiment, seed);
    const probes = new RunProbes(plan, log, nodes);
    const orderers = plan.nodes.flatMap((node) => (node.kind === "orderer" ? [node.name] : []));
    const pools = new PoolWatch(log, orderers, (node) => nodes.factsOf(node));
    this.#run = {
      director,
      name: experiment.name,
      faultOffset: desk.reserve(experiment.timeline.length),
      faults: new Set(),
      probes,
      pools,
    };
    try {
      await downs.prepare();
      downs.reachNodes();
      await probes.begin();
    } catch (error) {
      this.#run = undefined;
      throw error;
    }
    for (const event of this.#views.values()) director.observe(event);
    pools.start();
    this.#unsubscribe = log.subscribe((event) => this.#observe(event));
    this.#soon();
  }

  #observe(event: Event): void {
    this.#run?.director.observe(event);
    this.#soon();
  }

  /** Steps after the events of this turn of the loop, once. */
  #soon(): void {
    if (this.#stepping) return;
    this.#stepping = true;
    setImmediate(() => {
      this.#stepping = false;
      this.#step();
    });
  }

  #step(): void {
    const run = this.#run;
    if (run === undefined) return;
    const actions = this.#dueOf(run.director);
    const ended = actions.find((action) => action.kind === "end");
    for (const action of actions) if (!isLast(action)) this.#carryOut(run, action);
    // What was begun is read back before anything else is looked at.
    if (ended === undefined) queueMicrotask(() => this.#await(run.director.deadline()));
    else this.#end(run, ended.problem).catch((error: unknown) => this.#complain(errorText(error)));
  }

  /** What is due, or will be so soon that it is waited for here. */
  #dueOf(director: Director): readonly Action[] {
    let isRehearsed = false;
    for (;;) {
      const at = now();
      const actions = director.step(at);
      const deadline = director.deadline();
      if (actions.length > 0 || deadline === undefined) return actions;
      const left = between(at, deadline);
      if (left <= 0 || left > holdUs) return actions;
      if (!isRehearsed) this.#options.downs.rehearse();
      isRehearsed = true;
    }
  }

  #await(deadline: Instant | undefined): void {
    this.#realTime.next(deadline);
    this.#timer.set(deadline === undefined ? undefined : after(deadline, microseconds(-holdUs)));
  }

  #carryOut(run: Run, action: Exclude<Action, { kind: "end" }>): void {
    const { desk, nodes } = this.#options;
    switch (action.kind) {
      case "phase":
        return this.#phase(action.phase);
      case "start-workload":
        return this.#askClients({ do: "start-workload", workload: action.workload });
      case "stop-workload":
        return this.#askClients({ do: "stop-workload" });
      case "pin-source":
        return this.#owned(nodes.ask(action.peer, { do: "peer-source", orderer: action.orderer }));
      case "inject": {
        const fault = run.faultOffset + action.fault;
        run.faults.add(fault);
        return this.#owned(desk.inject({ resolved: action.resolved, dueAt: action.dueAt }, fault));
      }
      case "heal":
        return this.#owned(desk.heal(run.faultOffset + action.fault, action.dueAt));
      default:
        return assertNever(action);
    }
  }

  /** Faults without an end of their own last until here; `stopped` is the last event of a run. */
  async #end(run: Run, problem: string): Promise<void> {
    this.#unsubscribe();
    this.#await(undefined);
    try {
      await run.pools.stop();
      for (const fault of run.faults) await this.#options.desk.heal(fault);
      await run.probes.end();
      for (const { node, places } of this.#options.nodes.processes.values()) {
        for (const event of await nodeLogs(node.name, places.folder)) this.#options.log.emit(event);
      }
      if (problem !== "") this.#complain(problem);
    } finally {
      this.#run = undefined;
      this.#phase("stopped");
    }
  }

  #askClients(request: Parameters<Nodes["ask"]>[1]): void {
    const { plan, nodes } = this.#options;
    const clients = plan().nodes.filter((node) => node.service?.kind === "client");
    this.#owned(Promise.all(clients.map((client) => nodes.ask(client.name, request))));
  }

  #phase(phase: PhaseEvent["phase"]): void {
    this.#options.log.emit({ kind: "phase", at: now(), node: "", phase });
  }

  /** What goes wrong while nobody waits becomes an event of the run. */
  #owned(work: Promise<unknown>): void {
    work.catch((error: unknown) => this.#complain(errorText(error)));
  }

  #complain(text: string): void {
    this.#options.log.emit({ kind: "log", at: now(), node: "", process: "director", text });
  }
}

/** The end is carried out by itself, after everything else; with it comes `stopped`. */
function isLast(action: Action): action is Extract<Action, { kind: "end" }> {
  return action.kind === "end" || (action.kind === "phase" && action.phase === "stopped");
}
