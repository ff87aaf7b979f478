// What a seed draws: the setting, the kinds of faults that are on (swarm configuration: a random subset, so that a seed
// can go deep where an even mixture would never get), for every other seed a plot (plots.ts), and the events. A function of
// seed and choices alone.
import { faultsTolerated, present, quorumSize, randomFrom, type Random } from "../../base/index.js";
import type { Step } from "../../smartbft/index.js";
import { drawPlot, plotOf, type PlotName } from "./plots.js";
import {
  faultKinds,
  type Event,
  type Fault,
  type FaultKind,
  type Schedule,
  type Setting,
  type Target,
  type Trigger,
} from "./schedule.js";
import { behaviourNames } from "./ways.js";

export interface Choices {
  readonly size: number;
  readonly fidelity: "library" | "improved";
  /** Faulty nodes at one time; undefined: what the members tolerate. */
  readonly budget?: number;
  /** Nothing but this plot. */
  readonly plot?: PlotName;
}

export function scheduleOf(seed: number, choices: Choices): Schedule {
  const random = randomFrom(`${seed}`, "fuzz");
  const drawnPlot =
    choices.plot === undefined ? drawPlot(random) : { name: choices.plot, random: random.stream("plot") };
  const plot = drawnPlot === undefined ? undefined : plotOf(drawnPlot, choices.size);
  const setting = { ...drawSetting(random.stream("setting"), choices), ...plot?.setting };
  const swarm = random.stream("swarm");
  const on = faultKinds.filter((kind) => kind === "heal" || swarm.integer(0, 1) === 1);
  const events = random.stream("events");
  // Byzantine nodes are few: drawn once, so that a schedule does not spread lies beyond the budget.
  const liars = drawNodes(
    random.stream("liars"),
    choices.size,
    Math.max(1, choices.budget ?? faultsTolerated(choices.size)),
  );
  const lies = drawSome(swarm, behaviourNames, swarm.integer(1, 2));
  // A plot is the better for little else.
  const drawnCount = plot === undefined ? events.integer(1, 14) : Math.max(0, events.integer(-3, 4));
  const count = choices.plot === undefined ? drawnCount : 0;
  const drawn = Array.from({ length: count }, () => drawEvent(events, { setting, on, liars, lies }));
  return { seed, setting, events: [...(plot?.events ?? []), ...drawn] };
}

/** Of which plot a seed is, without the rest. */
export const plotNameOf = (seed: number): PlotName | undefined => drawPlot(randomFrom(`${seed}`, "fuzz"))?.name;

function drawSetting(random: Random, { size, fidelity, budget }: Choices): Setting {
  const healedCount = random.integer(0, 2) === 0 ? random.integer(quorumSize(size), size) : size;
  return {
    size,
    fidelity,
    decisionsPerLeader: pick(random, [0, 0, 1, 3, 10]),
    speedUpViewChange: random.integer(0, 3) === 0,
    syncOnStart: random.integer(0, 3) === 0,
    emptyAuxiliary: random.integer(0, 3) === 0,
    linkDelayMs: pick(random, [0, 1, 2, 5]),
    jitterMs: pick(random, [0, 0, 2, 10]),
    fsyncMs: pick(random, [0, 1, 1, 4]),
    verifyMs: pick(random, [0, 0, 1, 3]),
    requestsPerSecond: pick(random, [1, 4, 8, 15]),
    actOneMs: random.integer(2, 8) * 1000,
    ...(budget === undefined ? {} : { budget }),
    healed: drawNodes(random, size, healedCount),
  };
}

interface Drawing {
  readonly setting: Setting;
  readonly on: readonly FaultKind[];
  readonly liars: readonly number[];
  readonly lies: readonly string[];
}

/** Steps at which the protocol is between two states, and how often each is worth waiting for. */
const moments: readonly (readonly [Step, number])[] = [
  ["prePrepared", 40],
  ["prepared", 40],
  ["deciding", 40],
  ["delivered", 30],
  ["proposing", 12],
  ["complaint", 4],
  ["viewChangeStarted", 6],
  ["viewChangeJoined", 6],
  ["viewDataSent", 8],
  ["viewDataAccepted", 6],
  ["viewDataQuorum", 3],
  ["newViewSent", 3],
  ["newViewAccepted", 6],
  ["inFlightWaiting", 3],
  ["inFlightStarted", 3],
  ["inFlightCommitted", 3],
  ["viewInstalled", 6],
  ["viewStarting", 12],
  ["rotating", 12],
  ["blacklist", 4],
  ["syncStarted", 6],
  ["syncEnded", 6],
  ["viewChangeTimeout", 4],
  ["restored", 4],
  ["reconfigured", 6],
];

function drawEvent(random: Random, drawing: Drawing): Event {
  const when = drawTrigger(random, drawing.setting.actOneMs);
  // Of a Byzantine node most behaviours show only in company: it turns often, and stays so for a while.
  const kind = drawing.on.includes("byzantine") && random.integer(0, 3) === 0 ? "byzantine" : pick(random, drawing.on);
  const fault = drawFault(random, kind, drawing, when);
  const lasts = !["heal", "complain", "burst", "reconfigure"].includes(kind);
  // A flood is as much work as ten calm seeds.
  const isFlood = fault.kind === "byzantine" && fault.behaviour === "replay-flood";
  const lengths = isFlood ? [100] : kind === "byzantine" ? [300, 1500, 4000] : [30, 100, 300, 700, 1500, 4000];
  return lasts ? { when, fault, forMs: pick(random, lengths) } : { when, fault };
}

function drawTrigger(random: Random, actOneMs: number): Trigger {
  if (random.integer(0, 2) === 0) return { at: "time", ms: random.integer(0, actOneMs) };
  const [step, often] = pick(random, moments);
  return { at: "step", step, count: random.integer(1, often), delayMs: pick(random, [0, 0, 0, 1, 3, 60]) };
}

function drawFault(random: Random, kind: FaultKind, { setting, liars, lies }: Drawing, when: Trigger): Fault {
  const { size } = setting;
  const target = (): Target => {
    const roles: readonly Target[] = when.at === "step" ? ["leader", "next", "here"] : ["leader", "next"];
    return random.integer(0, 1) === 0 ? pick(random, roles) : random.integer(1, size);
  };
  const percent = (): number => pick(random, [5, 20, 50, 90]);
  switch (kind) {
    case "cut":
      return { kind, source: target(), target: random.integer(1, size), both: random.integer(0, 1) === 0 };
    case "isolate": {
      const node = target();
      const way = pick(random, ["both", "both", "out", "in"] as const);
      return way === "both" ? { kind, node } : { kind, node, way };
    }
    case "crash":
      return { kind, node: target() };
    case "complain":
      return { kind, node: random.integer(0, 3) === 0 ? "all" : target() };
    case "partition":
      return { kind, nodes: drawNodes(random, size, random.integer(1, size >> 1)) };
    case "loss":
    case "duplicate":
    case "reorder":
      return { kind, source: target(), target: random.integer(1, size), percent: percent() };
    case "delay": {
      const [delayMs, jitterMs] = [pick(random, [5, 20, 60, 250]), pick(random, [0, 5, 50])];
      return { kind, source: target(), target: random.integer(1, size), delayMs, jitterMs };
    }
    case "slowDisk":
      return { kind, node: target(), fsyncMs: pick(random, [5, 20, 100]) };
    case "burst":
      return { kind, count: pick(random, [1, 5, 12, 60]), node: random.integer(0, 1) === 0 ? "all" : target() };
    case "reconfigure":
      return { kind, order: pick(random, ["add", "add", "remove", "touch", "tenure-0", "tenure-1", "tenure-3"]) };
    case "byzantine":
      return { kind, nodes: drawSome(random, liars, random.integer(1, liars.length)), behaviour: pick(random, lies) };
    case "heal":
      return { kind };
  }
}

const pick = <T>(random: Random, list: readonly T[]): T => present(list[random.integer(0, list.length - 1)], "an item");

/** `count` different ones, in order. */
function drawSome<T>(random: Random, list: readonly T[], count: number): readonly T[] {
  const some = [...list];
  while (some.length > count) some.splice(random.integer(0, some.length - 1), 1);
  return some;
}

const drawNodes = (random: Random, size: number, count: number): readonly number[] =>
  drawSome(
    random,
    Array.from({ length: size }, (_, index) => index + 1),
    count,
  );
