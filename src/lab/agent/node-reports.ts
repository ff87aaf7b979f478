// What the start script of a node (images/node/start) says on descriptor 3, understood: which daemons run, which have ended,
// whether FRR has its configuration, and why a start was given up. The same wherever the node lives.
import type { ProcessEvent } from "../../boundary/index.js";
import type { PlannedNode } from "../../plan/index.js";
import { now } from "../../system/index.js";

export class NodeReports {
  readonly #node: PlannedNode;
  readonly #emit: (event: ProcessEvent) => void;
  /** Daemons that ended, with how, until they start again. */
  readonly #dead = new Map<string, string>();
  /** Pids of the daemons that run, as the start script sees them. */
  readonly #daemons = new Map<string, number>();
  #configured: boolean;
  #failure = "";

  constructor(node: PlannedNode, emit: (event: ProcessEvent) => void) {
    this.#node = node;
    this.#emit = emit;
    this.#configured = node.frr === undefined;
  }

  get configured(): boolean {
    return this.#configured;
  }

  get trouble(): string {
    const dead = [...this.#dead].map(([name, how]) => `${name} in ${this.#node.name} ${how}`);
    return [this.#failure, ...dead].filter((text) => text !== "").join("; ");
  }

  get daemons(): ReadonlyMap<string, number> {
    return this.#daemons;
  }

  /** FRR begins again, or the whole node: what was heard so far is of an earlier life. */
  again(): void {
    this.#dead.clear();
    this.#daemons.clear();
    this.#failure = "";
    this.#configured = this.#node.frr === undefined;
  }

  fail(why: string): void {
    this.#failure = why;
  }

  hear(line: string): void {
    const [what = "", name = "", value = ""] = line.split(" ");
    switch (what) {
      case "started":
        // A service of ours says so itself, on its control socket.
        if (name !== "service" || this.#node.service === undefined)
          this.tell(this.#nameOf(name), "started", Number(value), "");
        if (name !== "service") this.#daemons.set(name, Number(value));
        return;
      case "ready":
        this.tell(name, "ready", Number(value), "");
        return;
      case "ended": {
        const how = `ended with ${Number(value) > 128 ? `signal ${Number(value) - 128}` : `exit code ${value}`}`;
        this.#dead.set(name, how);
        this.#daemons.delete(name);
        this.tell(name, "ended", 0, how);
        return;
      }
      case "configured":
        this.#configured = true;
        return;
      case "failed":
        this.#failure = `${this.#node.name}: ${line.slice(what.length + 1)}`;
    }
  }

  /** The start script, or the service that it became, has ended. */
  exited(pid: number, how: string): void {
    if (this.#node.service === undefined && this.#node.command.length === 0) {
      this.#failure ||= `start script of ${this.#node.name} ended with ${how}`;
    }
    this.tell(this.#nameOf("service"), "ended", pid, how);
  }

  tell(process: string, state: ProcessEvent["state"], pid: number, detail: string): void {
    this.#emit({ kind: "process", at: now(), node: this.#node.name, process, pid, state, detail });
  }

  #nameOf(name: string): string {
    if (name !== "service") return name;
    return this.#node.service?.kind ?? (this.#node.command.length > 0 ? "command" : "start");
  }
}
