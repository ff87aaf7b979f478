// Processes: none ended before the run was stopped, but those a fault killed. A service of ours that dies is a finding about
// the service (`false`: reference section 15 item 32 is such a death); a routing daemon that dies breaks the lab, so that the
// run measured something else (`unknown`).
import type { Event } from "../boundary/index.js";
import { Findings, type Check, type CheckVerdict } from "./check.js";

const services: ReadonlySet<string> = new Set(["orderer", "peer", "client"]);

export class Processes implements Check {
  readonly #killed = new Set<string>();
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

  observe(event: Event): void {
    if (event.kind === "phase" && event.phase === "stopped") this.#stopped = true;
    if (event.kind === "fault" && event.what === "process-kill" && event.state !== "failed") {
      this.#killed.add(event.target.split(":")[0] ?? event.target);
    }
    if (event.kind !== "process") return;
    const name = `${event.process} of ${event.node}`;
    if (event.state !== "ended") {
      this.#started += 1;
      this.#dead.delete(name);
      return;
    }
    if (this.#stopped || this.#killed.has(event.node) || this.#dead.has(name)) return;
    this.#dead.add(name);
    const findings = services.has(event.process) ? this.#services : this.#daemons;
    findings.add(`${name} (pid ${event.pid}) ended: ${event.detail}`);
  }

  verdict(): CheckVerdict {
    const name = "processes";
    if (this.#services.count > 0) return { name, verdict: "false", detail: this.#services.text() };
    if (this.#daemons.count > 0) return { name, verdict: "unknown", detail: this.#daemons.text() };
    if (this.#started === 0) return { name, verdict: "unknown", detail: "no process was seen to start" };
    return { name, verdict: "true", detail: "no process ended by itself" };
  }
}
