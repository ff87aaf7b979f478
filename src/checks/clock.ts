// Clock: every process read the same clock. Each clock probe is the difference in microseconds between two processes'
// reading of CLOCK_MONOTONIC beyond what the exchange itself explains; the simulator has but one clock.
import type { EventOf } from "../boundary/index.js";
import type { CheckOf, CheckVerdict } from "./check.js";

/** As much as a fault may be late: below it no phase of an outage is told apart. */
const differenceMax = 5_000;

export class Clock implements CheckOf<"environment" | "probe"> {
  readonly hears = { environment: true, probe: true } as const;
  #virtual = false;
  #probes = 0;
  #worst = 0;
  #worstOf = "";

  observe(event: EventOf<"environment" | "probe">): void {
    if (event.kind === "environment") this.#virtual = event.clock === "virtual";
    if (event.kind !== "probe" || event.probe !== "clock") return;
    this.#probes += 1;
    if (Math.abs(event.measured) <= Math.abs(this.#worst)) return;
    this.#worst = event.measured;
    this.#worstOf = event.subject;
  }

  verdict(): CheckVerdict {
    const name = "clock";
    if (this.#virtual) return { name, verdict: "true", detail: "virtual time: one clock" };
    if (this.#probes === 0) return { name, verdict: "unknown", detail: "no clock was probed" };
    const worst = this.#worstOf === "" ? "no difference" : `largest difference ${this.#worst} us, ${this.#worstOf}`;
    if (Math.abs(this.#worst) > differenceMax)
      return { name, verdict: "unknown", detail: `${worst}, limit ${differenceMax} us` };
    return { name, verdict: "true", detail: `${this.#probes} probes: ${worst}` };
  }
}
