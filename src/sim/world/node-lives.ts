// Whole nodes that end, freeze and begin again, and routing daemons that die: as lab/agent/node-lives.ts and
// lab/links/process-faults.ts do it to real ones. A node's end takes its processes first, whose kernel still says FIN, then its
// interfaces; it begins with its interfaces and daemons, and its service comes last.
import { instant } from "../../base/index.js";
import type { NodeFaultKind } from "../../boundary/index.js";
import type { Cut, FaultOptions, Outcome } from "./faults.js";
import type { Interface } from "./segments.js";

export interface NodeTimes {
  /** From the end of its processes until a node's interfaces are gone. */
  readonly goneUs: number;
  /** From the order to begin until the interfaces are there. */
  readonly wiredUs: number;
  /** From then, or from the order where only they had died, until the daemons have their configuration. */
  readonly daemonsUs: number;
}

/** One run in namespaces on a busy machine: 6 to 109 ms; 44 to 64 ms; 0.23 to 0.48 s. */
export const defaultNodeTimes: NodeTimes = { goneUs: 80_000, wiredUs: 50_000, daemonsUs: 280_000 };

type Hold = (end: Interface, fault: number, isDown: boolean) => void;

export class NodeLives {
  readonly #options: FaultOptions;
  readonly #hold: Hold;
  readonly #times: NodeTimes;
  readonly #down = new Set<string>();
  /** When the interfaces of a node that ended are gone: it cannot begin before. */
  readonly #goneAt = new Map<string, number>();

  /** `hold` sets an interface down, or no longer, for a fault. */
  constructor(options: FaultOptions, hold: Hold, times = defaultNodeTimes) {
    this.#options = options;
    this.#hold = hold;
    this.#times = times;
  }

  cut(
    what: NodeFaultKind,
    { target: node, fault }: { readonly target: string; readonly fault: number },
    { effective, failed }: Outcome,
  ): void {
    if (this.#down.has(node)) return failed(`Do ${what} to ${node}: it is down already`);
    this.#down.add(node);
    if (what === "node-pause") return effective(this.#pause(node));
    this.#end(node, fault, { isAsked: what !== "node-kill" });
    effective({
      detail: `all processes of ${node} have ended`,
      undo: (healed) => this.#begin(node, fault, () => healed(`${node} is whole again`)),
      healsItself: what === "node-restart",
    });
  }

  /** Its service goes on, and its kernel forwards as before. */
  killDaemons(node: string): Cut {
    const { routing } = this.#options.network;
    routing.silence(node);
    return {
      detail: `FRR has ended in ${node}`,
      undo: (healed) =>
        this.#after(this.#times.daemonsUs, () => {
          routing.restart(node);
          healed(`FRR in ${node} has its configuration`);
        }),
    };
  }

  #pause(node: string): Cut {
    const { members, network } = this.#options;
    members.get(node)?.pause();
    network.routing.silence(node);
    return {
      detail: `all processes of ${node} are stopped`,
      undo: (healed) => {
        this.#down.delete(node);
        network.routing.thaw(node);
        members.get(node)?.resume();
        healed(`all processes of ${node} run`);
      },
    };
  }

  /** Daemons that are asked to end take their leave of their neighbours. */
  #end(node: string, fault: number, { isAsked }: { readonly isAsked: boolean }): void {
    const { members, network } = this.#options;
    const member = members.get(node);
    if (member?.service !== undefined) member.kill();
    if (isAsked) network.routing.leave(node);
    network.routing.silence(node);
    this.#tell(node, "ended");
    this.#goneAt.set(node, this.#options.scheduler.now + this.#times.goneUs);
    this.#after(this.#times.goneUs, () => {
      for (const end of this.#interfacesOf(node)) this.#hold(end, fault, true);
    });
  }

  #begin(node: string, fault: number, whole: () => void): void {
    const { members, network, scheduler } = this.#options;
    const waitUs = Math.max(0, (this.#goneAt.get(node) ?? 0) - scheduler.now);
    const wiredUs = waitUs + this.#times.wiredUs;
    this.#after(wiredUs, () => {
      for (const end of this.#interfacesOf(node)) this.#hold(end, fault, false);
      this.#tell(node, "started");
    });
    this.#after(wiredUs + this.#times.daemonsUs, () => {
      network.routing.restart(node);
      this.#down.delete(node);
      const ready = (): void => {
        this.#tell(node, "ready");
        whole();
      };
      const member = members.get(node);
      if (member === undefined) ready();
      else member.start(ready);
    });
  }

  #interfacesOf(node: string): readonly Interface[] {
    return [...this.#options.network.interfaces.values()].filter((each) => each.node === node);
  }

  #after(us: number, then: () => void): void {
    const { scheduler } = this.#options;
    scheduler.at(instant(scheduler.now + us), then);
  }

  #tell(node: string, state: "started" | "ready" | "ended"): void {
    const { emit, scheduler } = this.#options;
    emit({ kind: "process", at: scheduler.now, node, process: "node", pid: 0, state, detail: "" });
  }
}
