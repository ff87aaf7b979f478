// Faults: each one asked for took effect (read back), the kernel in the node's namespace reported it where it must, and it
// came on time. An exit code is no confirmation, and a fault that failed makes the run `unknown`: it measured something else.
import { milliseconds, type Duration, type Instant } from "../base/index.js";
import type { EventOf, FaultEvent } from "../boundary/index.js";
import { Findings, type CheckOf, type CheckContext, type CheckVerdict } from "./check.js";

/** Design section 7: a fault later than this marks its run. */
export const latenessMax: Duration = milliseconds(5);
/** The kernel's report may be heard a little before the request is stamped or after the state is read back. */
const kernelBefore: Duration = milliseconds(100);
const kernelAfter: Duration = milliseconds(1_000);

export class FaultsEffective implements CheckOf<"fault"> {
  readonly hears = { fault: true } as const;
  readonly #expected: number;
  readonly #requested = new Set<string>();
  readonly #effective = new Set<string>();
  readonly #numbers = new Set<number>();
  readonly #failures = new Findings();

  constructor(context: CheckContext) {
    this.#expected = context.faultsExpected;
  }

  observe(event: EventOf<"fault">): void {
    const key = `fault ${event.fault} at ${event.target === "" ? event.asked : event.target}`;
    if (event.state === "requested") this.#requested.add(key);
    if (event.state === "failed") this.#failures.add(`${key}: ${event.detail}`);
    if (event.state !== "effective") return;
    this.#effective.add(key);
    this.#numbers.add(event.fault);
  }

  verdict(): CheckVerdict {
    const name = "faults-effective";
    if (this.#failures.count > 0) return { name, verdict: "unknown", detail: this.#failures.text() };
    const silent = [...this.#requested].filter((key) => !this.#effective.has(key));
    if (silent.length > 0) return { name, verdict: "unknown", detail: `${silent.join("; ")} never became effective` };
    if (this.#numbers.size < this.#expected) {
      return { name, verdict: "unknown", detail: `${this.#numbers.size} of ${this.#expected} faults took effect` };
    }
    return {
      name,
      verdict: "true",
      detail: `${this.#numbers.size} of ${this.#expected} faults took effect and were read back`,
    };
  }
}

export class FaultsOnTime implements CheckOf<"fault"> {
  readonly hears = { fault: true } as const;
  #timed = 0;
  #effective = 0;
  #late = 0;
  #worst = 0;

  get late(): number {
    return this.#late;
  }

  observe(event: EventOf<"fault">): void {
    if (event.state !== "effective") return;
    this.#effective += 1;
    const lateness = latenessOf(event);
    if (lateness === undefined) return;
    this.#timed += 1;
    this.#worst = Math.max(this.#worst, lateness);
    if (lateness > latenessMax) this.#late += 1;
  }

  verdict(): CheckVerdict {
    const name = "faults-on-time";
    const worst = `latest ${(this.#worst / 1_000).toFixed(1)} ms after it was due, limit ${latenessMax / 1_000} ms`;
    if (this.#late > 0)
      return { name, verdict: "unknown", detail: `${this.#late} of ${this.#timed} faults late: ${worst}` };
    if (this.#timed === 0)
      return { name, verdict: "true", detail: `none of ${this.#effective} faults had an instant to keep` };
    return { name, verdict: "true", detail: `${this.#timed} faults: ${worst}` };
  }
}

/** Effective minus due; undefined for faults typed by hand. */
export function latenessOf(event: FaultEvent): Duration | undefined {
  if (event.lateness !== undefined) return event.lateness;
  return event.dueAt === undefined ? undefined : ((event.at - event.dueAt) as Duration); // integer microseconds by construction
}

export class KernelConfirms implements CheckOf<"environment" | "link" | "fault"> {
  readonly hears = { environment: true, link: true, fault: true } as const;
  readonly #lastDown = new Map<string, { readonly at: Instant; readonly admin: boolean }>();
  readonly #requestedAt = new Map<string, Instant>();
  /** Faults effective whose report from the kernel is still to come. */
  readonly #open = new Map<string, { readonly at: Instant; readonly how: string }>();
  #confirmed = 0;
  #virtual = false;

  observe(event: EventOf<"environment" | "link" | "fault">): void {
    if (event.kind === "environment") this.#virtual = event.runtime === "sim";
    if (event.kind === "link" && (event.admin === "down" || !event.carrier || event.deleted)) {
      const endpoint = `${event.node}:${event.interface}`;
      const admin = event.admin === "down";
      this.#lastDown.set(endpoint, { at: event.at, admin });
      const open = this.#open.get(endpoint);
      if (open !== undefined && event.at <= open.at + kernelAfter && (open.how === "carrier" || admin)) {
        this.#open.delete(endpoint);
        this.#confirmed += 1;
      }
    }
    if (event.kind === "fault") this.#fault(event);
  }

  #fault(event: FaultEvent): void {
    if (event.what !== "interface-down" || (event.how !== "admin" && event.how !== "carrier")) return;
    if (event.state === "requested") this.#requestedAt.set(event.target, event.at);
    if (event.state !== "effective") return;
    const from = (this.#requestedAt.get(event.target) ?? event.at) - kernelBefore;
    const down = this.#lastDown.get(event.target);
    if (down !== undefined && down.at >= from && (event.how === "carrier" || down.admin)) this.#confirmed += 1;
    else this.#open.set(event.target, { at: event.at, how: event.how });
  }

  verdict(): CheckVerdict {
    const name = "kernel-confirms";
    if (this.#virtual) return { name, verdict: "true", detail: "virtual time: there is no kernel to ask" };
    if (this.#open.size > 0) {
      const endpoints = [...this.#open.keys()].toSorted().join(", ");
      return { name, verdict: "unknown", detail: `the kernel did not report the loss of ${endpoints}` };
    }
    return {
      name,
      verdict: "true",
      detail: `${this.#confirmed} interface faults were reported by the kernel in their namespace`,
    };
  }
}
