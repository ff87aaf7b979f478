// Plots: short sequences of faults, each waiting for the one before, that lead to where the protocol is between two states and
// single draws rarely meet. What, where, when and for how long is drawn; the shape is given. Half of the seeds have one.
//
// Each names what it is after: a rule whose breach shows there only, or a surprise of docs/protocol.md's list.
import type { Random } from "../../base/index.js";
import { decidedInChange, foundVoid, quorumAtTheTimeout } from "./plots-of-commit.js";
import { pick, type Author, type Plot } from "./plot-parts.js";
import {
  bothStoriesHeld,
  complainedInFlight,
  decidedAlone,
  decidedOneStory,
  oldArgument,
  otherStoryFollowed,
  twoNewViewsMade,
  twoStories,
  withheldNewView,
} from "./plots-in-flight.js";
import {
  lyingNextLeader,
  oneDecisionApart,
  reconfiguredInChange,
  restartedInChange,
  saidAgain,
  startedAgainInChange,
  stepByStep,
} from "./plots-of-change.js";
import {
  boastedAt,
  heardButMute,
  listWithoutRotation,
  oldLog,
  removedUnawares,
  restartedLeader,
  synchronisedPast,
  twinLeader,
} from "./plots-of-lag.js";

type Cast = Readonly<Record<string, readonly [Author, number]>>;

/** Each with how often it is drawn. */
const first = {
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
} as const satisfies Cast;
/** Drawn in the place of what a seed would have otherwise, so that all other seeds stay what they were. */
const later = {
  decidedOneStory: [decidedOneStory, 1],
  restartedLeader: [restartedLeader, 1],
  removedUnawares: [removedUnawares, 1],
  twoNewViews: [twoNewViewsMade, 1],
} as const satisfies Cast;
/** The same once more, with a draw of its own. New ones go into a fourth. */
const newest = {
  startedAgainInChange: [startedAgainInChange, 1],
  bothStoriesHeld: [bothStoriesHeld, 2],
  otherStoryFollowed: [otherStoryFollowed, 1],
} as const satisfies Cast;
const plots = { ...first, ...later, ...newest };
export type PlotName = keyof typeof plots;
export const plotNames = namesOf(plots);

export interface Drawn {
  readonly name: PlotName;
  /** From which its author draws on. */
  readonly random: Random;
}

/** For every other seed one. */
export function drawPlot(seed: Random): Drawn | undefined {
  const [random, instead, anew] = [seed.stream("plot"), seed.stream("later plot"), seed.stream("newest plot")];
  if (anew.integer(0, 19) === 0) return { name: pick(anew, byWeight(newest)), random: anew };
  if (instead.integer(0, 11) === 0) return { name: pick(instead, byWeight(later)), random: instead };
  return random.integer(0, 1) === 0 ? { name: pick(random, byWeight(first)), random } : undefined;
}

export const plotOf = ({ name, random }: Drawn, size: number): Plot => plots[name][0](random, size);

function byWeight<T extends Cast>(cast: T): readonly (keyof T)[] {
  return namesOf(cast).flatMap((name) => Array.from({ length: cast[name]?.[1] ?? 0 }, () => name));
}

function namesOf<T extends Cast>(cast: T): readonly (keyof T)[] {
  return Object.keys(cast); // its own keys
}
