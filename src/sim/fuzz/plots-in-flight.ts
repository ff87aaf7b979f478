// Plots about a proposal in flight: what was decided, prepared or merely proposed before a view change must be found out by it.
import { faultsTolerated, quorumSize, type Random } from "../../base/index.js";
import {
  allButFirst,
  afterwards,
  at,
  complainAll,
  isolate,
  leftAlone,
  pick,
  shuffled,
  turn,
  when,
  type Author,
  type Plot,
} from "./plot-parts.js";
import type { Fault } from "./schedule.js";

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
export const decidedAlone: Author = (random, size) => {
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

/** Complaints while an in-flight commit is waited for, and nobody answers it until its timeout (35). */
export const complainedInFlight: Author = (random, size) => {
  const others = allButFirst(size);
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

/** A leader with two stories, and who believed one of them is gone. */
export const twoStories: Author = (random, size) => ({
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
export const oldArgument: Author = (random, size) => {
  const since = random.integer(200, 1500);
  const others = allButFirst(size);
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

/**
 * The next leader sits on its NewView until the others have given up and gone back to the view that they had left, whose
 * leader never heard their votes; it decides there, alone, and is gone. Then the NewView comes, made of ViewData that know
 * nothing of it (37).
 */
export const withheldNewView: Author = (random, size) => {
  const others = allButFirst(size);
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

/**
 * The next leader makes two NewViews of what it is told: one has prepared what another has seen and a third has not. Its
 * Commit comes late to the third, who then commits in flight what the others have been told is not (42).
 */
export const twoNewViewsMade: Author = (random, size) => {
  const others = shuffled(random, size).filter((id) => id > 2);
  const [unaware = size, ...seeing] = others;
  const late = pick(random, [200, 300, 400]);
  return {
    events: [
      turn(2, "twoNewViews"),
      at(0, { kind: "delay", source: 1, target: unaware, delayMs: late, jitterMs: 0 }, 8000),
      ...seeing.map((target) => at(0, { kind: "delay", source: 2, target, delayMs: 40, jitterMs: 0 }, 8000)),
      when("prepared", random.integer(1, 10), complainAll),
    ],
    setting: { decisionsPerLeader: 0, actOneMs: 6000, jitterMs: 0, requestsPerSecond: 1 },
  };
};

/**
 * A leader with two stories: one believer has decided, and can tell nobody, another has prepared the same, and the liar helps
 * the other story. Which of the two was decided must not be taken from how many tell of it.
 */
export const decidedOneStory: Author = (random, size) => ({
  events: [
    turn(1, pick(random, ["scheming", "scheming", "equivocating"])),
    when("prepared", random.integer(1, 12), isolate("here", "out"), pick(random, [4000, 8000])),
    afterwards("deciding", random.integer(1, faultsTolerated(size)), complainAll, undefined, pick(random, [0, 20])),
  ],
  setting: { decisionsPerLeader: 0, actOneMs: 6000, jitterMs: 0, requestsPerSecond: pick(random, [4, 15]) },
});

/**
 * The same, and the liar is gone for good: of those who are left, and all needed, some have prepared a story, some hold it, and
 * some hold the other, and not all have heard of it (39).
 */
export const bothStoriesHeld: Author = (random, size) => {
  const isSoonOver = random.integer(0, 1) === 0;
  return believersLeft(random, size, {
    behaviour: pick(random, ["scheming", "equivocating"]),
    actOneMs: isSoonOver ? 500 : 6000,
    prepared: random.integer(1, isSoonOver ? 3 : 10),
    gone: isolate("here", pick(random, ["both", "out"] as const)),
    goneMs: pick(random, [30, 8000]),
  });
};

/** The same; the first to prepare a story is away while a NewView has the others commit the other, in which the liar fails them (36). */
export const otherStoryFollowed: Author = (random, size) =>
  believersLeft(random, size, {
    behaviour: "scheming",
    actOneMs: 6000,
    prepared: 1 + quorumSize(size) * random.integer(0, 3),
    gone: isolate("here"),
    goneMs: 8000,
  });

interface Telling {
  readonly behaviour: string;
  readonly actOneMs: number;
  /** At which time that one prepares it is gone, and for how long. */
  readonly prepared: number;
  readonly gone: Fault;
  readonly goneMs: number;
}

function believersLeft(random: Random, size: number, telling: Telling): Plot {
  const left = shuffled(random, size).filter((id) => id !== 1);
  const { behaviour, actOneMs, prepared, gone, goneMs } = telling;
  return {
    events: [turn(1, behaviour, actOneMs), when("prepared", prepared, gone, goneMs)],
    setting: {
      decisionsPerLeader: 0,
      actOneMs,
      jitterMs: pick(random, [0, 2]),
      requestsPerSecond: 4,
      healed: left.slice(0, quorumSize(size)).toSorted((one, other) => one - other),
    },
  };
}
