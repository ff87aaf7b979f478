// The agent: the one process that is a running lab. Builds the network, starts the nodes, waits until all is there, and
// then serves requests. It undoes nothing at its end: the sandbox it lives in ends with it, and takes everything along.
import { assertNever, present } from "../../base/index.js";
import type { LinkEvent } from "../../boundary/index.js";
import { resolveFault, Roles } from "../../director/index.js";
import { changesBetween, changesText, type Plan, refusalText } from "../../plan/index.js";
import { parseTarget } from "../../spec/index.js";
import { DeadlineTimer, now, placing, UserError, type Logger } from "../../system/index.js";
import type { AgentRequest, FaultStatus, LabStatus, LinkStatus, RunningPlan } from "../contract.js";
import type { OpenBatch } from "../links/batch.js";
import { CarrierKeeper } from "../links/carrier.js";
import { Downs } from "../links/downs.js";
import { FaultDesk, healAt } from "../links/fault-desk.js";
import type { KernelListener } from "../links/kernel-listener.js";
import { lookAtLink } from "../links/link-look.js";
import { Wiring } from "../links/wiring.js";
import { placeAdvice } from "../netns/state-folder.js";
import type { FolderRequest, LabRequest, UpSettings } from "../protocol.js";
import { environmentEvent } from "./environment.js";
import type { EventLog } from "./event-log.js";
import type { HeadStart } from "./head-start.js";
import type { Homes, NodeProcess } from "./homes.js";
import { beginWires, impair, nsidOf, wire } from "./network.js";
import { type Identities, newIdentities, withJoined, writeNodeFiles } from "./node-files.js";
import { NodeLives } from "./node-lives.js";
import { Nodes } from "./nodes.js";
import { frrConfigured, routesConverged, sendFromLoopback } from "./readiness.js";
import { carryOut } from "./reconcile.js";
import { RunHost } from "./run-host.js";
import { Sessions } from "./sessions.js";

export interface AgentOptions {
  readonly directory: string;
  readonly plan: Plan;
  readonly settings: UpSettings;
  readonly log: EventLog;
  readonly logger: Logger;
  readonly homes: Homes;
  readonly progress: (phase: string) => void;
}

export class Agent {
  readonly #options: AgentOptions;
  /** What the lab is now: that of `up`, until somebody changes it. */
  #plan: Plan;
  #identities: Identities;
  /** Names of nodes by the number of their namespace. */
  readonly #names = new Map<number, string>();
  #changing = false;
  readonly #roles: Roles;
  readonly #nodes: Nodes;
  readonly #wiring: Wiring;
  readonly #carrier: CarrierKeeper;
  readonly #downs: Downs;
  readonly #desk: FaultDesk;
  readonly #run: RunHost;
  readonly #sessions: Sessions;
  readonly #lives: NodeLives;
  #listener: KernelListener | undefined;
  /** From here on a change of a link that is not ours is `observed`; before, the build itself makes them. */
  #watching = false;

  constructor(options: AgentOptions) {
    const { plan, log, directory, homes } = options;
    this.#options = options;
    this.#plan = plan;
    this.#identities = newIdentities(plan);
    this.#roles = new Roles(plan);
    this.#nodes = new Nodes({ plan, directory, log, homes });
    this.#wiring = new Wiring(plan);
    this.#carrier = new CarrierKeeper(this.#wiring, log);
    const downs = new Downs(this.#wiring, this.#carrier);
    const nodes = this.#nodes;
    const configured = (process: NodeProcess, waits: { readonly signal: AbortSignal }): Promise<void> =>
      frrConfigured(process, this.#heard, waits);
    this.#downs = downs;
    this.#lives = new NodeLives({
      plan: () => this.#plan,
      log,
      downs,
      wiring: this.#wiring,
      carrier: this.#carrier,
      processes: nodes.processes,
      listener: () => this.#heard,
      configured,
      serviceBack: (node, waits) => nodes.serviceBack(node, waits),
    });
    this.#desk = new FaultDesk({
      wiring: this.#wiring,
      downs,
      log,
      serviceOf: (node) => nodes.serviceOf(node),
      frrOf: (node) => nodes.frrOf(node, (process) => configured(process, { signal: new AbortController().signal })),
      cutNode: (what, node) => this.#lives.cut(what, node),
      turnableOf: (node) => nodes.turnableOf(node),
    });
    this.#run = new RunHost({ plan: () => this.#plan, log, desk: this.#desk, downs, nodes: this.#nodes });
    this.#sessions = new Sessions((text) => this.#trouble(text));
    log.subscribe((event) => this.#roles.observe(event));
  }

  /** From an empty sandbox to a lab that is up; rejects with what prevents it. */
  async up(start: () => HeadStart, { signal }: { readonly signal: AbortSignal }): Promise<void> {
    const { plan, progress, directory, settings, homes, log } = this.#options;
    const identities = this.#identities;
    const files = placing(directory, { suggestion: placeAdvice }, () =>
      writeNodeFiles(directory, plan.nodes, { settings, identities }),
    );
    files.catch(() => undefined); // waited for below, where its turn comes
    let wiring: Promise<OpenBatch> | undefined;
    const begun = (): Promise<OpenBatch> => (wiring ??= this.#hears(start()).then(() => this.#beginWires({ signal })));
    // A container shows its node's folder from its start.
    if (homes.runtime === "docker") await files;
    await homes.makeNamespaces(plan, { signal, hears: async () => void (await begun()) });
    await files;
    await using wires = await begun();
    const listener = this.#heard;
    progress(`${plan.steps.namespaces.length} ${homes.noun}`);
    const ready = this.#downs.prepare(); // a process of its own
    ready.catch(() => undefined);
    await wire(plan, wires, { signal });
    await impair(plan, { signal });
    progress(`${plan.links.length} links, ${plan.switches.length} switches`);
    await this.#carrier.adopt(listener, { signal });
    await ready;
    this.#watching = true;
    const { namespaces } = plan.steps;
    await this.#nodes.start(namespaces, (process, waits) => frrConfigured(process, listener, waits), { signal });
    progress("nodes started");
    await routesConverged(plan, [...this.#nodes.processes.values()], listener, { signal });
    await sendFromLoopback(plan, { signal });
    progress("every node has every route");
    await this.#nodes.servicesReady(namespaces, { signal });
    this.#lives.begin();
    homes.watch({ changed: (node) => this.#lives.changed(node), trouble: (text) => this.#trouble(text) });
    log.emit({ kind: "phase", at: now(), node: "", phase: "ready" });
    progress("every service answers");
  }

  async answer(
    request: Exclude<LabRequest, FolderRequest | { do: "await-up" | "await-trouble" | "down" }>,
    { signal, closed }: { readonly signal: AbortSignal; readonly closed: AbortSignal },
  ): Promise<unknown> {
    switch (request.do) {
      case "status":
        return this.#status();
      case "plan":
        return { plan: this.#plan, seed: this.#options.settings.seed } satisfies RunningPlan;
      case "link":
        return lookAtLink(this.#plan, request.ends, { signal });
      case "reconcile":
        return this.#reconcile(request.plan, { signal });
      case "fault":
        return this.#injectByHand(request);
      case "faults":
        return this.#desk.statuses();
      case "heal":
        return this.#healByHand(request.fault);
      case "run":
        this.#refuseWhileChanging();
        return this.#run.start(request.experiment, request.seed);
      case "enter":
        return this.#enter(request.node);
      case "session":
        return this.#sessions.begin(request.mark, closed);
      case "signal":
        return this.#sessions.signal(request.mark, request.name);
      case "end-session":
        return this.#sessions.end(request.mark);
      case "leave":
        return this.#sessions.leave(request.mark);
      default:
        return assertNever(request);
    }
  }

  async #beginWires({ signal }: { readonly signal: AbortSignal }): Promise<OpenBatch> {
    const { plan, homes } = this.#options;
    await homes.settleSwitchboard(plan);
    return beginWires(plan, { signal });
  }

  /** Resolves when the kernel is heard; the first event of the log says of what. */
  async #hears({ listener, listens, versions }: HeadStart): Promise<void> {
    const { plan, log, homes } = this.#options;
    log.emit(await environmentEvent(plan.lab, homes, await versions));
    this.#tellFrom(listener);
    await listens;
  }

  #tellFrom(listener: KernelListener): void {
    const { plan, log } = this.#options;
    this.#listenTo(plan);
    this.#listener = listener;
    listener.tell({
      nodeOf: (nsid) => this.#names.get(nsid),
      onLink: (event, previous) => this.#hearLink(event, previous),
      onRoute: (event) => log.emit(event),
      onTrouble: (text) => this.#trouble(text),
    });
  }

  #listenTo(plan: Plan): void {
    for (const name of plan.steps.namespaces) this.#names.set(nsidOf(name), name);
  }

  #refuseWhileChanging(): void {
    if (!this.#changing) return;
    throw new UserError(`Lab "${this.#plan.lab}" is being changed by testbed up`, { suggestion: "try again" });
  }

  /** Makes the lab that of another plan; refuses while anything could be mistaken for the change. */
  async #reconcile(after: Plan, { signal }: { readonly signal: AbortSignal }): Promise<void> {
    const before = this.#plan;
    this.#refuseWhileChanging();
    const effective = this.#desk.statuses().filter(({ state }) => state === "effective");
    const suggestion = "testbed heal   heals all faults; then try again";
    if (effective.length > 0) {
      const named = effective.map(({ fault, target }) => `${fault} (${target})`).join(", ");
      throw new UserError(`Cannot change lab "${before.lab}" while faults are in effect: ${named}`, { suggestion });
    }
    if (this.#run.running !== "") {
      throw new UserError(`Cannot change lab "${before.lab}" while experiment "${this.#run.running}" runs in it`, {
        suggestion: "wait for its end",
      });
    }
    const gone = before.steps.namespaces.filter((name) => this.#lives.stateOf(name) !== "running");
    if (gone.length > 0) {
      throw new UserError(`Cannot change lab "${before.lab}" while nodes do not run: ${gone.join(", ")}`, {
        suggestion: "start them again, as they were ended; then try again",
      });
    }
    const changes = changesBetween(before, after);
    if (changes.refused.length > 0) throw new UserError(refusalText(changes));
    const { log, directory, settings, homes, progress } = this.#options;
    this.#changing = true;
    try {
      await carryOut(
        { before, after, changes },
        {
          directory,
          homes,
          nodes: this.#nodes,
          wiring: this.#wiring,
          carrier: this.#carrier,
          listener: this.#heard,
          lives: this.#lives,
          progress,
          listenTo: (plan) => this.#listenTo(plan),
          prepare: async (nodes) => {
            this.#identities = withJoined(this.#identities, nodes);
            await writeNodeFiles(directory, nodes, { settings, identities: this.#identities });
          },
        },
        { signal },
      );
      this.#plan = after;
      this.#lives.begin(); // those that joined, and new wires of those that were there
      log.emit({ kind: "log", at: now(), node: "", process: "agent", text: changesText(changes).trimEnd() });
    } finally {
      this.#changing = false;
    }
  }

  #trouble(text: string): void {
    this.#options.logger.warn(text);
    this.#options.log.emit({ kind: "log", at: now(), node: "", process: "agent", text });
  }

  get #heard(): KernelListener {
    return present(this.#listener, "the listener of a lab that is coming up");
  }

  #hearLink(event: LinkEvent, previous: LinkEvent | undefined): void {
    this.#options.log.emit(event);
    if (!this.#watching) return;
    this.#carrier.hear(event);
    const endpoint =
      event.node === ""
        ? this.#wiring.endpointOfPort.get(event.interface)
        : this.#wiring.endpoints.get(`${event.node}:${event.interface}`);
    if (endpoint === undefined || previous?.admin === event.admin) return;
    // A node that ends or begins takes its interfaces along: what happened to the node is said of it.
    if (this.#lives.stateOf(endpoint.node) === "down") return;
    if (this.#wiring.isOurs({ namespace: event.node, name: event.interface }, event.admin)) return;
    const how = event.node === "" ? "carrier" : "admin";
    const { at, admin: state } = event;
    this.#options.log.emit({ kind: "observed", at, node: endpoint.node, endpoint: endpoint.name, how, state });
  }

  async #enter(node: string): Promise<readonly string[]> {
    const process = this.#nodes.processOf(node);
    if (this.#lives.stateOf(node) !== "down") return await process.enter();
    throw new UserError(`Node "${node}" has ended: there is nothing to enter`, {
      suggestion: "see: testbed fault list",
    });
  }

  async #injectByHand(request: Extract<AgentRequest, { do: "fault" }>): Promise<readonly FaultStatus[]> {
    const { what, how, target: asked, healAfterUs } = request;
    this.#refuseWhileChanging();
    const parsed = parseTarget(asked);
    if (parsed.kind === "bad") throw new UserError(parsed.message, { suggestion: parsed.suggestion });
    const resolved = resolveFault({ what, how, asked, target: parsed.value }, this.#plan, this.#roles);
    if (resolved.targets.length === 0)
      throw new UserError(`"${asked}" is nothing in this lab now`, { suggestion: this.#targets() });
    const statuses = await this.#desk.inject({ resolved, dueAt: undefined }, this.#desk.reserve(1) + 1);
    const fault = statuses[0]?.fault;
    const healDue = healAt(now(), healAfterUs);
    if (fault !== undefined && healDue !== undefined) {
      const timer = new DeadlineTimer(() => void this.#desk.heal(fault, healDue)); // its failures are events
      timer.set(healDue);
    }
    return statuses;
  }

  async #healByHand(fault: number): Promise<readonly FaultStatus[]> {
    if (fault !== 0 && !this.#desk.statuses().some((each) => each.fault === fault)) {
      throw new UserError(`There is no fault ${fault} in this lab`, { suggestion: "see: testbed fault list" });
    }
    return this.#desk.heal(fault);
  }

  #targets(): string {
    const leader = this.#roles.leader();
    const role = leader === undefined ? "no orderer has said yet who leads" : `the leader is ${leader}`;
    return `${role}; interfaces: ${[...this.#wiring.endpoints.keys()].slice(0, 20).join(", ")}`;
  }

  async #status(): Promise<LabStatus> {
    const plan = this.#plan;
    const links = plan.topology.links.map(({ endpoints }): LinkStatus => {
      // A switch's own end has no name, and is up as long as the switchboard is.
      const ends = endpoints.filter((end) => end.interface !== "");
      const [left, right] = endpoints.map((end) => (end.interface === "" ? end.node : `${end.node}:${end.interface}`));
      const names = [left ?? "", right ?? ""] as const;
      const up = ends.every((end) => this.#listener?.link(end.node, end.interface)?.carrier === true);
      return { ends: names, up, faults: names.flatMap((name) => this.#desk.effectiveAt(name)) };
    });
    return {
      lab: plan.lab,
      runtime: this.#options.homes.runtime,
      profile: plan.profile,
      nodes: await this.#nodes.statuses((node) => this.#lives.stateOf(node)),
      links,
      faults: this.#desk.statuses(),
      running: this.#run.running,
    };
  }
}
