// Processes: none ended before the run was stopped, but those a fault ended while it lasted. A service of ours that dies is a finding about
// the service (`false`: reference section 15 item 32 is such a death); a routing daemon that dies breaks the lab, so that the
// run measured something else (`unknown`).
import type { EventOf, FaultEvent, FaultKind } from "../boundary/index.js";
import { Findings, type CheckOf, type CheckVerdict } from "./check.js";

const services: ReadonlySet<string> = new Set(["orderer", "peer", "client"]);

/** Whether a fault of this kind ends the process: a node's end takes everything, the other kinds what they are named for. */
function ends(what: FaultKind, process: string): boolean {
  if (what === "process-kill") return services.has(process);
  if (what === "frr-kill") return !services.has(process) && process !== "node";
  return what === "node-stop" || what === "node-kill" || what === "node-restart";
}

export class Processes implements CheckOf<"phase" | "fault" | "process"> {
  readonly hears = { phase: true, fault: true, process: true } as const;
  /** By node: what faults that are not healed do to it. */
  readonly #faults = new Map<string, Map<number, FaultKind>>();
  /** A death is told by the process itself and by whoever waits for it: once counts. */
  readonly #dead = new Set<string>();
  readonly #services = new Findings();
  readonly #daemons = new Findings();
  #started = 0;
  #stopped = false;

  /** Processes that ended by themselves. */
  get deaths(): number {
    return this.#services.count + this.#daemons.count;
  }

  observe(event: EventOf<"phase" | "fault" | "process">): void {
    if (event.kind === "phase" && event.phase === "stopped") this.#stopped = true;
    if (event.kind === "fault") return this.#fault(event);
    if (event.kind !== "process") return;
    const name = `${event.process} of ${event.node}`;
    if (event.state !== "ended") {
      this.#started += 1;
      this.#dead.delete(name);
      return;
    }
    if (this.#stopped || this.#isFaulted(event.node, event.process) || this.#dead.has(name)) return;
    this.#dead.add(name);
    const findings = services.has(event.process) ? this.#services : this.#daemons;
    findings.add(`${name} (pid ${event.pid}) ended: ${event.detail}`);
  }

  /** From the request on: the end is told before the fault is read back. What failed may have killed all the same. */
  #fault(event: FaultEvent): void {
    const node = event.target.split(":")[0] ?? event.target;
    const faults = this.#faults.get(node) ?? new Map<number, FaultKind>();
    this.#faults.set(node, faults);
    if (event.state === "requested") faults.set(event.fault, event.what);
    if (event.state === "healed") faults.delete(event.fault);
  }

  #isFaulted(node: string, process: string): boolean {
    return [...(this.#faults.get(node)?.values() ?? [])].some((what) => ends(what, process));
  }

  verdict(): CheckVerdict {
    const name = "processes";
    if (this.#services.count > 0) return { name, verdict: "false", detail: this.#services.text() };
    if (this.#daemons.count > 0) return { name, verdict: "unknown", detail: this.#daemons.text() };
    if (this.#started === 0) return { name, verdict: "unknown", detail: "no process was seen to start" };
    return { name, verdict: "true", detail: "no process ended by itself" };
  }
}
