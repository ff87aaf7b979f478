// What plots are made of: when and where a fault of theirs fires.
import { faultsTolerated, present, type Random } from "../../base/index.js";
import type { Step } from "../../smartbft/index.js";
import type { Event, Fault, Setting, Target } from "./schedule.js";

export interface Plot {
  readonly events: readonly Event[];
  /** What it needs of the setting. */
  readonly setting?: Partial<Setting>;
}

export type Author = (random: Random, size: number) => Plot;

const lasting = (fault: Fault, forMs: number | undefined): Pick<Event, "fault" | "forMs"> =>
  forMs === undefined ? { fault } : { fault, forMs };
export const at = (ms: number, fault: Fault, forMs?: number): Event => ({
  when: { at: "time", ms },
  ...lasting(fault, forMs),
});
export const when = (step: Step, count: number, fault: Fault, forMs?: number, delayMs = 0): Event => ({
  when: { at: "step", step, count, delayMs },
  ...lasting(fault, forMs),
});
/** Counted from when the event before it fired. */
export const afterwards = (step: Step, count: number, fault: Fault, forMs?: number, delayMs = 0): Event => ({
  when: { at: "step", step, count, delayMs, chained: true },
  ...lasting(fault, forMs),
});
export const turn = (node: number, behaviour: string, forMs = 8000): Event =>
  at(0, { kind: "byzantine", nodes: [node], behaviour }, forMs);
export const isolate = (node: Target, way: "both" | "out" | "in" = "both"): Fault =>
  way === "both" ? { kind: "isolate", node } : { kind: "isolate", node, way };
export const complainAll: Fault = { kind: "complain", node: "all" };

/** The members but the leader of view 0. */
export const allButFirst = (size: number): readonly number[] =>
  Array.from({ length: size - 1 }, (_, index) => index + 2);

/** Nodes in any order; without rotation 1 leads first and 2 next. */
export function shuffled(random: Random, size: number): readonly number[] {
  const ids = Array.from({ length: size }, (_, index) => index + 1);
  for (let index = size - 1; index > 0; index--) {
    const other = random.integer(0, index);
    [ids[index], ids[other]] = [present(ids[other], "a node"), present(ids[index], "a node")];
  }
  return ids;
}

/** The first of `others` are deaf for a while; the last event is that 1 has decided and is gone. */
export function leftAlone(
  random: Random,
  size: number,
  { others, forMs }: { readonly others: readonly number[]; readonly forMs: number },
): readonly Event[] {
  const delayMs = pick(random, [20, 60, 250]);
  const since = random.integer(50, 1500);
  const deafMs = pick(random, [delayMs + 300, delayMs + 300, 8000]);
  const deaf = others.slice(0, faultsTolerated(size));
  return [
    ...others.map((target) => at(0, { kind: "delay", source: 1, target, delayMs, jitterMs: 0 }, 8000)),
    ...deaf.map((node) => at(since, isolate(node, "in"), deafMs)),
    afterwards("deciding", 1, isolate("here"), forMs),
  ];
}

export const pick = <T>(random: Random, list: readonly T[]): T =>
  present(list[random.integer(0, list.length - 1)], "an item");
