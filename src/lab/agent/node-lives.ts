// The life of whole nodes in a lab that is up: they end, are frozen, and begin again, by a fault or because somebody did it behind
// our back (docker restart). When a node has ended its old namespace is let go of and its wires go with it, as a machine's
// power takes its links down; when it begins again it gets namespace, wires, impairments, FRR and service again, and the faults
// that last on its links are laid again. One thing at a time is done to a node; what was heard meanwhile is looked at afterwards.
import type { NodeFaultKind, ProcessEvent } from "../../boundary/index.js";
import type { Plan, PlannedNode } from "../../plan/index.js";
import { errorText, now, OperatingError, there, until, waiting, type Look } from "../../system/index.js";
import type { CarrierKeeper } from "../links/carrier.js";
import type { Confirmed, Cut, Downs } from "../links/downs.js";
import type { EventSink } from "../links/event-sink.js";
import type { KernelListener } from "../links/kernel-listener.js";
import type { Wiring } from "../links/wiring.js";
import type { NodeProcess } from "./homes.js";
import { dropNamespace, unwireNode, wireNode } from "./network.js";

export interface NodeLivesOptions {
  /** The lab's plan as it is now. */
  readonly plan: () => Plan;
  readonly log: EventSink;
  readonly wiring: Wiring;
  readonly carrier: CarrierKeeper;
  readonly downs: Downs;
  readonly processes: ReadonlyMap<string, NodeProcess>;
  readonly listener: () => KernelListener;
  /** Resolves when FRR in the node has its configuration. */
  readonly configured: (process: NodeProcess, waits: Waits) => Promise<void>;
  /** Resolves when the node's service answers, and does again what it was told before. */
  readonly serviceBack: (node: string, waits: Waits) => Promise<void>;
}

interface Waits {
  readonly signal: AbortSignal;
}

interface Life {
  readonly process: NodeProcess;
  node: PlannedNode;
  state: "running" | "paused" | "down";
  /** Of the first process of this life: another one there is another life. 0 where that is not known. */
  pid: number;
  /** Nobody asked for the present state: `observed` was said of it. */
  observed: "" | "node-stop" | "node-pause";
  /** While it begins: ends the waits for a life that is over already. */
  beginning: AbortController | undefined;
  turn: Promise<unknown>;
}

const heardMsMax = 10_000;

export class NodeLives {
  readonly #options: NodeLivesOptions;
  readonly #lives = new Map<string, Life>();

  constructor(options: NodeLivesOptions) {
    this.#options = options;
  }

  /** The lab's nodes are up: from now on one whose first process is another has begun again. Those that joined come to it. */
  begin(): void {
    for (const [name, process] of this.#options.processes) {
      const known = this.#lives.get(name);
      const life: Life = known ?? {
        process,
        node: process.node,
        state: "running",
        pid: 0,
        observed: "",
        beginning: undefined,
        turn: Promise.resolve(),
      };
      // What a node is wired to may have changed.
      life.node = this.#options.plan().nodes.find((node) => node.name === name) ?? life.node;
      if (known === undefined) life.pid = process.home.pid;
      this.#lives.set(name, life);
    }
  }

  /** These leave the lab: what is done to them is nobody's fault. */
  forget(names: readonly string[]): void {
    for (const name of names) this.#lives.delete(name);
  }

  stateOf(node: string): Life["state"] {
    return this.#lives.get(node)?.state ?? "running";
  }

  /** A fault of a whole node; its undo brings the node back. */
  cut(what: NodeFaultKind, name: string): Promise<Cut> {
    const life = this.#lives.get(name);
    if (life === undefined) throw new OperatingError(`Find ${name}: no such node in this lab`);
    return inTurn(life, async () => {
      if (life.state !== "running") throw new OperatingError(`Do ${what} to ${name}: it is ${life.state} already`);
      return what === "node-pause" ? this.#pause(life) : this.#end(life, what);
    });
  }

  /** Somebody may have changed this node: looks, and follows. Its failures are events. */
  changed(name: string): void {
    const life = this.#lives.get(name);
    if (life === undefined) return;
    this.#giveUp(life).catch((error: unknown) => this.#complain(name, `cannot be looked at: ${errorText(error)}`));
    inTurn(life, () => this.#follow(life)).catch((error: unknown) => {
      this.#complain(name, `could not be brought back: ${errorText(error)}`);
    });
  }

  /** A node that began and has ended again, or is in another life, is not waited for. */
  async #giveUp(life: Life): Promise<void> {
    const { beginning } = life;
    if (beginning === undefined) return;
    const { home } = life.process;
    if ((await home.look()).pid !== home.pid) beginning.abort(new OperatingError(`${life.node.name} has ended again`));
  }

  async #end(life: Life, what: Exclude<NodeFaultKind, "node-pause">): Promise<Cut> {
    const orderedAt = now();
    const { at, detail } = await life.process.home.end(what === "node-kill" ? "kill" : "stop");
    await this.#ended(life, detail);
    const undo = (): Promise<Confirmed> => inTurn(life, () => this.#begin(life));
    return { at, detail, undo, orderedAt, healsItself: what === "node-restart" };
  }

  async #pause(life: Life): Promise<Cut> {
    const { home } = life.process;
    const orderedAt = now();
    const detail = await home.pause();
    const at = now();
    life.state = "paused";
    const undo = (): Promise<Confirmed> =>
      inTurn(life, async () => {
        const resumed = await home.resume();
        life.state = "running";
        return { at: now(), detail: resumed };
      });
    return { at, detail, undo, orderedAt };
  }

  /** Takes everything away that the ended node had, so that it can be made again. */
  async #ended(life: Life, detail: string): Promise<void> {
    const { node, process } = life;
    life.state = "down";
    this.#tell(life, "ended", detail);
    const { wiring, carrier, listener } = this.#options;
    const { signal } = new AbortController();
    carrier.letGo(node.name);
    wiring.letGo(node.name);
    await process.home.letGo();
    await unwireNode(node, { signal });
    await this.#heard(node, "down");
    await dropNamespace(node.name, { signal });
    listener().forgetRoutes(node.name);
  }

  /** Answers when the node is whole again; at once when it is already. */
  async #begin(life: Life): Promise<Confirmed> {
    const { node, process } = life;
    if (life.state === "running") return { at: now(), detail: `${node.name} runs already` };
    const { downs, configured, serviceBack } = this.#options;
    await this.#wired(life);
    const beginning = new AbortController();
    const { signal } = beginning;
    life.beginning = beginning;
    try {
      life.state = "running";
      life.pid = process.home.pid;
      this.#tell(life, "started", "its wires are laid again");
      process.start();
      await configured(process, { signal });
      await downs.holdAgain(node.name); // not before: the start script waits for interfaces that are up
      if (node.service !== undefined) await serviceBack(node.name, { signal });
    } catch (error) {
      // Whole or not at all: what is half there would be in the way of the next attempt.
      if (signal.aborted) await this.#ended(life, "it ended again while it began");
      throw error;
    } finally {
      life.beginning = undefined;
    }
    const whole = `${node.interfaces.length} wires, ${node.frr?.daemons.join(", ") ?? "no FRR"}, ${node.service?.kind ?? "no service"}`;
    this.#tell(life, "ready", whole);
    return { at: now(), detail: `${node.name} is whole again: ${whole}` };
  }

  async #wired({ process, node }: Life): Promise<void> {
    const { plan, wiring, carrier, downs } = this.#options;
    const { signal } = new AbortController();
    try {
      await process.home.open({ signal });
      await wireNode(plan(), node, { signal });
      await this.#heard(node, "up");
    } catch (error) {
      await unwireNode(node, { signal });
      await dropNamespace(node.name, { signal });
      throw error;
    }
    wiring.relaid(node.name);
    carrier.relaid(node.name);
    await downs.relaid(node.name);
  }

  async #follow(life: Life): Promise<void> {
    const { pid, paused } = await life.process.home.look();
    const isOther = pid !== 0 && life.pid !== 0 && pid !== life.pid;
    if (life.state !== "down" && (pid === 0 || isOther)) {
      this.#observe(life, "node-stop", "down");
      await this.#ended(life, "nobody asked for it here");
    } else if (life.state === "running" && paused) {
      life.state = "paused";
      this.#observe(life, "node-pause", "down");
    } else if (life.state === "paused" && !paused) {
      life.state = "running";
      this.#observe(life, "node-pause", "up");
    }
    if (life.state !== "down" || pid === 0) return;
    await this.#begin(life);
    this.#observe(life, "node-stop", "up");
  }

  /** The listener is behind the kernel: what comes next is judged by what it has heard. */
  async #heard(node: PlannedNode, admin: "up" | "down"): Promise<void> {
    const look = (): Look<true> => {
      const listener = this.#options.listener();
      const ends = node.interfaces.flatMap(({ name, port }) => [
        { name: `${node.name}:${name}`, link: listener.link(node.name, name) },
        { name: `port ${port}`, link: listener.link("", port) },
      ]);
      const silent = ends.filter(({ link }) => {
        const isUp = link?.admin === "up" && !link.deleted;
        return admin === "up" ? !isUp : link?.deleted !== true;
      });
      return silent.length === 0 ? there(true) : waiting(`not heard of ${silent.map(({ name }) => name).join(", ")}`);
    };
    const what = `the kernel to report that the interfaces of ${node.name} are ${admin === "up" ? "up" : "gone"}`;
    await until(look, { timeoutMs: heardMsMax, everyMs: 1, signal: new AbortController().signal, what });
  }

  #observe(life: Life, what: "node-stop" | "node-pause", state: "down" | "up"): void {
    const wasObserved = life.observed === what;
    life.observed = state === "down" ? what : "";
    // One that a fault had ended, and somebody else has started, was never observed to end.
    if (state === "up" && !wasObserved) return;
    const node = life.node.name;
    this.#options.log.emit({ kind: "observed", at: now(), node, what, endpoint: node, how: "", state });
  }

  #tell(life: Life, state: ProcessEvent["state"], detail: string): void {
    const { pid, node } = life;
    this.#options.log.emit({ kind: "process", at: now(), node: node.name, process: "node", pid, state, detail });
  }

  #complain(node: string, text: string): void {
    this.#options.log.emit({ kind: "log", at: now(), node, process: "agent", text: `${node} ${text}` });
  }
}

/** One thing at a time; what fails does so for who asked. */
function inTurn<T>(life: Life, act: () => Promise<T>): Promise<T> {
  const done = life.turn.then(act);
  life.turn = done.catch(() => undefined);
  return done;
}
