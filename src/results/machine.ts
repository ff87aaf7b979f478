// What the run measured about itself and its machine: the probes as rows, and of them what a reader must see beside the
// outage. Also how often the orderers' timers fired, which tells a quiet run from one that only just went well.
import type { Instant } from "../base/index.js";
import type { ProbeEvent, StepEvent } from "../boundary/index.js";

const probesMax = 10_000;

export interface ProbeRow {
  readonly at: Instant;
  readonly probe: string;
  readonly subject: string;
  readonly asked: number | "";
  readonly measured: number;
  readonly unit: string;
}

export class Machine {
  readonly probes: ProbeRow[] = [];
  #cpuPressurePercent: number | undefined;
  #queueDrops: number | undefined;
  #clockDifferenceUs: number | undefined;
  forwardTimeouts = 0;
  complainTimeouts = 0;
  complaints = 0;
  syncs = 0;

  probe(event: ProbeEvent): void {
    const { at, probe, subject, asked, measured, unit } = event;
    // Pools are in the time series, bucket by bucket.
    if (probe !== "pool" && this.probes.length < probesMax)
      this.probes.push({ at, probe, subject, asked, measured, unit });
    if (probe === "pressure" && unit === "percent")
      this.#cpuPressurePercent = Math.max(measured, this.#cpuPressurePercent ?? 0);
    if (probe === "queue-drops") this.#queueDrops = measured + (this.#queueDrops ?? 0);
    if (probe === "clock") this.#clockDifferenceUs = Math.max(Math.abs(measured), this.#clockDifferenceUs ?? 0);
  }

  /** A step after the first fault, at an orderer that no fault cuts off. */
  stepAfterFault(event: StepEvent): void {
    if (event.step === "forwardTimeout") this.forwardTimeouts += 1;
    else if (event.step === "complainTimeout") this.complainTimeouts += 1;
    else if (event.step === "complaint") this.complaints += 1;
    else if (event.step === "syncStarted") this.syncs += 1;
  }

  measured(): MachineSummary {
    return {
      cpuPressurePercent: this.#cpuPressurePercent,
      queueDrops: this.#queueDrops,
      clockDifferenceUs: this.#clockDifferenceUs,
      forwardTimeouts: this.forwardTimeouts,
      complainTimeouts: this.complainTimeouts,
      complaints: this.complaints,
      syncs: this.syncs,
    };
  }
}

export interface MachineSummary {
  /** Share of the run in which some task waited for a processor; undefined where the kernel does not tell. */
  readonly cpuPressurePercent: number | undefined;
  readonly queueDrops: number | undefined;
  readonly clockDifferenceUs: number | undefined;
  readonly forwardTimeouts: number;
  readonly complainTimeouts: number;
  readonly complaints: number;
  readonly syncs: number;
}

/** What stands behind a time that nothing else explains: the one cause that no event of the lab tells. Empty where the kernel does not. */
export function waitingText({ cpuPressurePercent }: MachineSummary): string {
  if (cpuPressurePercent === undefined) return "";
  return `; some task waited for a processor ${cpuPressurePercent.toFixed(0)} % of the run`;
}
