// What a sweep over seeds adds up to: alarms by code, surprises seen, figures, and one hash over all runs, equal for
// equal code and seeds.
import { createHash } from "node:crypto";
import type { AlarmCode, FuzzResult } from "../sim/index.js";
import type { Row } from "./output.js";

export interface SweepFigures {
  readonly seeds: number;
  readonly decisions: number;
  readonly messages: number;
  readonly virtualMs: number;
  /** From healing to progress; 0 where no seed made any. */
  readonly recoveryMedianMs: number;
  readonly recoveryLongestMs: number;
  /** Seeds with equivocation: proved by signatures, and observed only. */
  readonly equivocationsProved: number;
  readonly equivocationsObserved: number;
  /** Of all runs in order. */
  readonly hash: string;
}

export class Sweep {
  /** Seeds by surprise. */
  readonly seen = new Map<number, number>();
  readonly failed: number[] = [];
  readonly #alarms = new Map<AlarmCode, { seeds: number; unexplained: number; readonly first: number }>();
  readonly #hash = createHash("sha256");
  readonly #recoveriesMs: number[] = [];
  #seeds = 0;
  #decisions = 0;
  #messages = 0;
  #virtualMs = 0;
  /** Seeds in which somebody was proved to equivocate by signatures, and in which it was only observed. */
  #proved = 0;
  #observed = 0;

  add({
    schedule,
    alarms,
    unexplained,
    sightings,
    traceHash,
    decisions,
    messages,
    virtualMs,
    recoveryMs,
    equivocations,
  }: FuzzResult): void {
    this.#seeds += 1;
    this.#decisions += decisions;
    this.#messages += messages;
    this.#virtualMs += virtualMs;
    this.#hash.update(`${schedule.seed} ${traceHash}\n`);
    if (equivocations.proved.length > 0) this.#proved += 1;
    else if (equivocations.observed.length > 0) this.#observed += 1;
    if (recoveryMs !== undefined) this.#recoveriesMs.push(recoveryMs);
    if (unexplained.length > 0) this.failed.push(schedule.seed);
    for (const number of sightings.seen) this.seen.set(number, (this.seen.get(number) ?? 0) + 1);
    for (const { code } of alarms) {
      const row = this.#alarms.get(code) ?? { seeds: 0, unexplained: 0, first: schedule.seed };
      row.seeds += 1;
      if (unexplained.some((alarm) => alarm.code === code)) row.unexplained += 1;
      this.#alarms.set(code, row);
    }
  }

  alarmRows(): Row[] {
    return [...this.#alarms]
      .toSorted(([left], [right]) => (left < right ? -1 : 1))
      .map(([alarm, { seeds, unexplained, first }]) => ({ alarm, seeds, unexplained, "first seed": first }));
  }

  figures(): SweepFigures {
    const recoveries = this.#recoveriesMs.toSorted((left, right) => left - right);
    return {
      seeds: this.#seeds,
      decisions: this.#decisions,
      messages: this.#messages,
      virtualMs: this.#virtualMs,
      recoveryMedianMs: recoveries[recoveries.length >> 1] ?? 0,
      recoveryLongestMs: recoveries.at(-1) ?? 0,
      equivocationsProved: this.#proved,
      equivocationsObserved: this.#observed,
      hash: this.#hash.copy().digest("hex").slice(0, 16),
    };
  }

  summary(): string {
    const { seeds, decisions, messages, virtualMs, recoveryMedianMs, recoveryLongestMs, hash } = this.figures();
    const { equivocationsProved, equivocationsObserved } = this.figures();
    return [
      `${seeds} seeds, ${this.failed.length} with an alarm that nothing explains`,
      `${decisions} decisions, ${messages} messages, ${(virtualMs / 1000).toFixed(0)} s of virtual time`,
      `progress after healing: median ${recoveryMedianMs.toFixed(0)} ms, longest ${recoveryLongestMs.toFixed(0)} ms`,
      `equivocation proved by signatures in ${equivocationsProved} seeds, observed only in ${equivocationsObserved}`,
      `hash of all runs ${hash}`,
      "",
    ].join("\n");
  }
}
