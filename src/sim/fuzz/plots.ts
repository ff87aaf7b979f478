// Plots: short sequences of faults, each waiting for the one before, that lead to where the protocol is between two states and
// single draws rarely meet. What, where, when and for how long is drawn; the shape is given. Half of the seeds have one.
//
// Each names what it is after: a rule whose breach shows there only, or a surprise of docs/protocol.md's list.
import { faultsTolerated, type Random } from "../../base/index.js";
import type { Step } from "../../smartbft/index.js";
import { decidedInChange, foundVoid, quorumAtTheTimeout } from "./commit-plots.js";
import {
  at,
  complainAll,
  isolate,
  leftAlone,
  pick,
  shuffled,
  afterwards,
  turn,
  when,
  type Author,
  type Plot,
} from "./plot-parts.js";
import type { Event, Fault } from "./schedule.js";

const liesOfViewChange = [
  "lyingViewData",
  "lyingViewData",
  "forgingNewView",
  "forgingNewView",
  "conflicting-view-data",
  "scheming",
  "echoing",
];

/**
 * One decides and is gone: as many as may be faulty miss the proposal, and what it says comes late, so that the others wait
 * for its Commit, and it does not wait for theirs. In the view change the rest must find out what was decided, whoever among
 * them lies, was not there, or has been restarted.
 */
const decidedAlone: Author = (random, size) => {
  const others = shuffled(random, size).filter((id) => id !== 1);
  const liar = others.at(-1) ?? size;
  const isLying = random.integer(0, 1) === 0;
  const lies = isLying ? [turn(random.integer(0, 1) === 0 ? 2 : liar, pick(random, liesOfViewChange))] : [];
  // One after another, since no more than the tolerated may be down at a time; before the first ViewData.
  const isRestarted = !isLying && random.integer(0, 1) === 0;
  const restarts = isRestarted
    ? others.map((node, index) =>
        afterwards(index === 0 ? "forwardTimeout" : "restored", 1, { kind: "crash", node }, 30, index === 0 ? 0 : 20),
      )
    : [];
  const forMs = pick(random, [1500, 4000, 8000]);
  return {
    events: [...lies, ...leftAlone(random, size, { others, forMs }), ...restarts],
    setting: { decisionsPerLeader: 0 },
  };
};

const moments: readonly Step[] = [
  "prePrepared",
  "prepared",
  "deciding",
  "viewChangeStarted",
  "viewChangeJoined",
  "viewDataSent",
  "viewDataSent",
  "viewDataAccepted",
  "viewDataQuorum",
  "newViewSent",
  "newViewAccepted",
  "inFlightWaiting",
  "inFlightStarted",
  "inFlightCommitted",
  "viewInstalled",
  "viewInstalled",
  "viewStarting",
  "prePrepared",
  "syncEnded",
  "viewChangeTimeout",
];

/** From one state of a view change to the next: at each something happens to whoever is there. */
const stepByStep: Author = (random) => {
  const first = pick(random, ["prePrepared", "prepared", "deciding"] as const);
  const way = pick(random, ["both", "both", "out", "in"] as const);
  const count = random.integer(1, 20);
  const opening = when(first, count, isolate(pick(random, ["leader", "here"]), way), pick(random, [700, 1500, 4000]));
  const rest = Array.from({ length: random.integer(1, 4) }, (): Event => {
    const step = pick(random, moments);
    const target = pick(random, ["here", "here", "leader", "next"] as const);
    const fault = pick<Fault>(random, [
      { kind: "crash", node: target },
      { kind: "crash", node: target },
      { kind: "heal" },
      isolate(target),
      isolate(target, "in"),
      { kind: "complain", node: target },
      complainAll,
      { kind: "slowDisk", node: target, fsyncMs: 100 },
    ]);
    const hasEnd = fault.kind !== "heal" && fault.kind !== "complain";
    const forMs = hasEnd ? pick(random, [30, 100, 300, 1500]) : undefined;
    return afterwards(step, random.integer(1, 4), fault, forMs, pick(random, [0, 0, 1, 3, 20]));
  });
  return { events: [opening, ...rest] };
};

/** It has a proposal in its log, a sync brings the decision, and then it is restarted (surprise 6). */
const synchronisedPast: Author = (random) => {
  const lost = isolate("here", pick(random, ["both", "in"] as const));
  return {
    events: [
      when("prePrepared", random.integer(1, 30), lost, pick(random, [300, 700])),
      afterwards("syncEnded", random.integer(1, 2), { kind: "crash", node: "here" }, 30),
    ],
  };
};

/** A restart in a new view before its first decision (surprise 7), or in the middle of the change (3). */
const restartedInChange: Author = (random) => {
  const step = pick(random, ["viewDataSent", "viewInstalled", "prePrepared", "prePrepared"] as const);
  const opening = pick(random, [
    when("prePrepared", random.integer(1, 20), isolate("leader"), 1500),
    when("prepared", random.integer(1, 20), isolate("leader"), 1500),
    at(random.integer(100, 1500), complainAll),
  ]);
  const middle = afterwards(step === "prePrepared" ? "viewInstalled" : "viewChangeStarted", 1, { kind: "heal" });
  return {
    events: [
      opening,
      ...(step === "viewDataSent" ? [] : [middle]),
      afterwards(step, random.integer(1, 4), { kind: "crash", node: "here" }, 30, pick(random, [0, 1, 3])),
    ],
  };
};

/** It missed much, and then hears little but that it is behind, for which no sync helps: that is no sign of life (24). */
const heardButMute: Author = (random, size) => {
  const node = random.integer(2, size);
  const since = random.integer(1000, 2500);
  const unheard = Array.from({ length: size - 1 }, (_, index) => index + 2).filter((id) => id !== node);
  return {
    events: [
      at(since, isolate(node), 1500),
      at(since + 1500, isolate(node, "out"), 8000),
      ...unheard.map((source) => at(since, { kind: "cut", source, target: node, both: false }, 8000)),
      at(since, { kind: "loss", source: 1, target: node, percent: 70 }, 8000),
    ],
    setting: { decisionsPerLeader: 0, actOneMs: 8000, jitterMs: 0, requestsPerSecond: 1 },
  };
};

/** A leader that was away goes on as one, and a boaster is among those who tell it otherwise (23). */
const boastedAt: Author = (random, size) => {
  const since = random.integer(300, 2500);
  const others = Array.from({ length: size - 1 }, (_, index) => index + 2);
  return {
    events: [
      turn(random.integer(3, size), "boasting"),
      at(since, isolate(1), 8000),
      ...others.map((node) => at(since + 2, { kind: "complain", node })),
      afterwards("viewInstalled", size - 1, { kind: "heal" }),
    ],
    setting: { decisionsPerLeader: 0, actOneMs: 5000, jitterMs: 0 },
  };
};

/** The next leader lies, and view change follows on view change until its turn is over. */
const lyingNextLeader: Author = (random) => {
  const way = pick(random, ["forgingNewView", "lyingViewData", "conflicting-view-data", "scheming", "echoing"]);
  const change = (): Fault => (random.integer(0, 1) === 0 ? complainAll : isolate("leader"));
  const first = change();
  const second = change();
  const forMs = ({ kind }: Fault): number | undefined => (kind === "isolate" ? 1500 : undefined);
  return {
    events: [
      turn(pick(random, [2, 2, 3]), way),
      when(pick(random, ["prePrepared", "prepared", "delivered"] as const), random.integer(1, 20), first, forMs(first)),
      afterwards("viewInstalled", random.integer(1, 6), second, forMs(second)),
    ],
    setting: { decisionsPerLeader: 0 },
  };
};

/** The members change, or the rules do, while a view change is under way (34). */
const reconfiguredInChange: Author = (random, size) => {
  const order = pick(random, ["touch", "touch", "add", "tenure-1", "tenure-3"]);
  const away = random.integer(2, size);
  return {
    events: [
      at(random.integer(50, 900), { kind: "slowDisk", node: random.integer(1, size), fsyncMs: 100 }, 4000),
      at(random.integer(100, 900), isolate(away, pick(random, ["both", "in"] as const)), pick(random, [300, 700])),
      at(random.integer(100, 900), { kind: "reconfigure", order }),
      afterwards(
        pick(random, ["proposing", "prePrepared", "prepared", "delivered"] as const),
        random.integer(1, 4),
        complainAll,
      ),
      afterwards(
        pick(random, ["viewDataSent", "viewInstalled", "viewChangeJoined"] as const),
        random.integer(1, 4),
        complainAll,
      ),
    ],
  };
};

/** One decision apart, with a blacklist that this decision changed, they ask for a new view (22). */
const oneDecisionApart: Author = (random, size) => {
  const slow = shuffled(random, size).slice(0, size - 1);
  return {
    events: [
      when("delivered", random.integer(1, 12), isolate("leader"), 1500),
      ...slow.map((node): Event => at(100 * random.integer(1, 4), { kind: "slowDisk", node, fsyncMs: 100 }, 8000)),
      afterwards("blacklist", 1, complainAll, undefined, pick(random, [0, 1, 3])),
      afterwards("viewInstalled", 1, { kind: "heal" }),
      afterwards("blacklist", 1, complainAll, undefined, pick(random, [0, 1, 20])),
    ],
    setting: { decisionsPerLeader: pick(random, [1, 3]), emptyAuxiliary: false, actOneMs: 6000 },
  };
};

/** Complaints while an in-flight commit is waited for, and nobody answers it until its timeout (35). */
const complainedInFlight: Author = (random, size) => {
  const others = Array.from({ length: size - 1 }, (_, index) => index + 2);
  const soon = random.integer(1, 150);
  return {
    events: [
      ...leftAlone(random, size, { others, forMs: 8000 }),
      ...others.map((_, index) => when("inFlightWaiting", index + 1, isolate("here"), 4000, 60)),
      when("inFlightWaiting", 1, complainAll, undefined, soon),
      when("inFlightWaiting", 1, complainAll, undefined, soon + 20),
    ],
    setting: { decisionsPerLeader: 0, actOneMs: 7000 },
  };
};

/** A leader that was two, and then is one again, whose ledger had to be brought up meanwhile (13). */
const twinLeader: Author = (random) => ({
  events: [
    at(random.integer(100, 1000), { kind: "byzantine", nodes: [1], behaviour: "twins" }, pick(random, [300, 1500])),
  ],
  setting: { decisionsPerLeader: 0, actOneMs: 4000, requestsPerSecond: 8 },
});

/**
 * The next leader sits on its NewView until the others have given up and gone back to the view that they had left, whose
 * leader never heard their votes; it decides there, alone, and is gone. Then the NewView comes, made of ViewData that know
 * nothing of it (37).
 */
const withheldNewView: Author = (random, size) => {
  const others = Array.from({ length: size - 1 }, (_, index) => index + 2);
  const unheard = others.slice(0, size - 1 - faultsTolerated(size));
  const since = random.integer(300, 1500);
  const slowDisk: Fault = { kind: "slowDisk", node: 1, fsyncMs: pick(random, [1, 1200, 1500]) };
  return {
    events: [
      turn(2, "withholding"),
      at(since - 100, slowDisk, 2300),
      ...unheard.map((source) => at(since, { kind: "cut", source, target: 1, both: false }, 1950)),
      ...others.map((node) => at(since, { kind: "complain", node })),
      at(since + 30, isolate(2, "in"), pick(random, [1950, 2600, 3200])),
      ...others.map((target) => at(since + 2050, { kind: "delay", source: 1, target, delayMs: 60, jitterMs: 0 }, 8000)),
      afterwards("deciding", 1, isolate("here"), 8000),
    ],
    setting: { decisionsPerLeader: 0, actOneMs: 7000, requestsPerSecond: pick(random, [1, 4]), jitterMs: 0 },
  };
};

/** A leader with two stories, and who believed one of them is gone. */
const twoStories: Author = (random, size) => ({
  events: [
    turn(1, pick(random, ["equivocating", "scheming", "scheming", "doubling", "equivocate", "twins"])),
    when(
      pick(random, ["prepared", "deciding", "deciding"] as const),
      random.integer(1, 10),
      isolate("here"),
      pick(random, [1500, 4000]),
    ),
    afterwards("viewDataSent", random.integer(1, size), pick<Fault>(random, [{ kind: "heal" }, complainAll])),
  ],
  setting: { decisionsPerLeader: 0, requestsPerSecond: 15 },
});

/**
 * A leader proposes to nobody, and the others, in a new view, prepare something else at that place; one of them decides it
 * and is gone, and now the old leader is needed (39).
 */
const oldArgument: Author = (random, size) => {
  const since = random.integer(200, 1500);
  const others = Array.from({ length: size - 1 }, (_, index) => index + 2);
  const late = others.filter((id) => id !== 2);
  return {
    events: [
      ...late.map((target) => at(0, { kind: "delay", source: 2, target, delayMs: 60, jitterMs: 0 }, 8000)),
      at(since, isolate(1), random.integer(300, 550)),
      ...others.map((node) => at(since + 140, { kind: "complain", node })),
      afterwards("deciding", 1, isolate("here"), 8000),
    ],
    setting: { decisionsPerLeader: 0, actOneMs: 6000, requestsPerSecond: 8 },
  };
};

/** Rotation is switched off while somebody is on the list (27). */
const listWithoutRotation: Author = (random) => ({
  events: [
    when("delivered", random.integer(4, 12), isolate("leader"), 1500),
    afterwards("blacklist", 1, { kind: "reconfigure", order: "tenure-0" }),
  ],
  setting: { decisionsPerLeader: pick(random, [1, 3]), actOneMs: 5000 },
});

/** A node that has been restarted reads its log again when the members or the rules change (5). */
const oldLog: Author = (random, size) => ({
  events: [
    when(
      pick(random, ["prePrepared", "prepared"] as const),
      random.integer(1, 20),
      { kind: "crash", node: pick(random, ["here", random.integer(1, size)] as const) },
      30,
    ),
    afterwards("restored", 1, { kind: "reconfigure", order: pick(random, ["touch", "tenure-3"]) }, undefined, 100),
  ],
});

/** The new leader says again what it has said (19). */
const saidAgain: Author = (random) => ({
  events: [turn(2, "stale-replay", 4000), at(random.integer(200, 1500), complainAll)],
  setting: { decisionsPerLeader: 0 },
});

/** Each with how often it is drawn. */
const plots = {
  decidedAlone: [decidedAlone, 4],
  stepByStep: [stepByStep, 4],
  synchronisedPast: [synchronisedPast, 1],
  restartedInChange: [restartedInChange, 2],
  heardButMute: [heardButMute, 1],
  boastedAt: [boastedAt, 1],
  lyingNextLeader: [lyingNextLeader, 2],
  reconfiguredInChange: [reconfiguredInChange, 1],
  oneDecisionApart: [oneDecisionApart, 1],
  complainedInFlight: [complainedInFlight, 1],
  twinLeader: [twinLeader, 1],
  withheldNewView: [withheldNewView, 1],
  twoStories: [twoStories, 2],
  oldArgument: [oldArgument, 1],
  listWithoutRotation: [listWithoutRotation, 1],
  oldLog: [oldLog, 1],
  saidAgain: [saidAgain, 1],
  decidedInChange: [decidedInChange, 1],
  quorumAtTheTimeout: [quorumAtTheTimeout, 1],
  foundVoid: [foundVoid, 1],
} as const satisfies Readonly<Record<string, readonly [Author, number]>>;
export type PlotName = keyof typeof plots;
export const plotNames = Object.keys(plots) as readonly PlotName[]; // its own keys
const drawn = plotNames.flatMap((name) => Array.from({ length: plots[name][1] }, () => name));

/** For every other seed one. */
export const drawPlotName = (random: Random): PlotName | undefined =>
  random.integer(0, 1) === 0 ? pick(random, drawn) : undefined;
export const plotOf = (name: PlotName, random: Random, size: number): Plot => plots[name][0](random, size);
