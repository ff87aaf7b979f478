// Impairments: what the links were asked for is what was measured on them. Within a tenth of what was asked, and never
// closer than a probe can tell: 1 ms of delay, 1 percentage point of loss.
import type { EventOf } from "../boundary/index.js";
import { Findings, type CheckOf, type CheckVerdict } from "./check.js";

const shareMax = 0.1;
/** In the probe's own unit. */
const leastTolerance: Readonly<Record<string, number>> = { delay: 1_000, loss: 1, rate: 0 };

export class Impairments implements CheckOf<"probe"> {
  readonly hears = { probe: true } as const;
  readonly #findings = new Findings();
  #probes = 0;

  observe(event: EventOf<"probe">): void {
    if (typeof event.asked !== "number") return;
    const least = leastTolerance[event.probe];
    if (least === undefined) return;
    this.#probes += 1;
    if (Math.abs(event.measured - event.asked) <= Math.max(least, shareMax * event.asked)) return;
    this.#findings.add(`${event.probe} of ${event.subject}: ${event.measured} ${event.unit}, asked for ${event.asked}`);
  }

  verdict(): CheckVerdict {
    const name = "impairments";
    if (this.#findings.count > 0) return { name, verdict: "unknown", detail: this.#findings.text() };
    return { name, verdict: "true", detail: `${this.#probes} probes of delay, rate and loss are as asked` };
  }
}
