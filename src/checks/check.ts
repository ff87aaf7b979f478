// What a check is: a fold over events with one of three answers. `unknown` is an answer, not a failure to answer: it is
// given whenever the events do not suffice for `true`. Composition keeps the worst. Checks run online in the simulator and
// afterwards in a run, on events in order of their instants; memory is bounded by caps, and a cap that was hit is `unknown`.
import type { Duration } from "../base/index.js";
import type { Event, EventKind, EventOf } from "../boundary/index.js";

export type Truth = "true" | "false" | "unknown";

export interface CheckVerdict {
  readonly name: string;
  readonly verdict: Truth;
  /** What was found, with counts and units; for `false` the first counterexample. */
  readonly detail: string;
}

export interface Check {
  /** The kinds of event that it is told of; to all others it is deaf. */
  readonly hears: "all" | Readonly<Partial<Record<EventKind, true>>>;
  observe(event: Event): void;
  verdict(): CheckVerdict;
}

/** A check of these kinds of event alone: the compiler refuses one that looks at a kind and does not hear it. */
export interface CheckOf<K extends EventKind> extends Check {
  readonly hears: Readonly<Record<K, true>>;
  observe(event: EventOf<K>): void;
}

export const isHeard = (kind: EventKind, { hears }: Check): boolean => hears === "all" || hears[kind] === true;

/** Who takes part and how long the service may take, all from the plan. */
export interface CheckContext {
  readonly orderers: readonly string[];
  readonly peers: readonly string[];
  readonly fidelity: "library" | "improved";
  /** Longest time in which correct timers must have brought an accepted transaction to a commit. */
  readonly patience: Duration;
  /** Faults that the experiment's timeline asks for. */
  readonly faultsExpected: number;
}

const severity: Readonly<Record<Truth, number>> = { true: 0, unknown: 1, false: 2 };

/** `false` beats `unknown` beats `true`; nothing at all is `unknown`. */
export function worst(verdicts: Iterable<Truth>): Truth {
  let result: Truth | undefined;
  for (const verdict of verdicts) if (result === undefined || severity[verdict] > severity[result]) result = verdict;
  return result ?? "unknown";
}

/**
 * Checks that mark a run and do not judge it: its numbers count from the instant the kernel confirmed the fault, not from
 * the one it was due, and an outage that the timers alone do not explain is still an outage.
 */
const marks: ReadonlySet<string> = new Set(["faults-on-time", "prediction"]);

/** What the checks of a run come to: the worst of all but the marks. */
export function judgement(checks: readonly CheckVerdict[]): Truth {
  return worst(checks.filter((check) => !marks.has(check.name)).map((check) => check.verdict));
}

/** Counterexamples for a detail: the first few, and how many more. */
export class Findings {
  readonly #first: string[] = [];
  #count = 0;

  add(finding: string): void {
    this.#count += 1;
    if (this.#first.length < 3) this.#first.push(finding);
  }

  get count(): number {
    return this.#count;
  }

  text(): string {
    const more = this.#count - this.#first.length;
    return this.#first.join("; ") + (more > 0 ? `; and ${more} more` : "");
  }
}
