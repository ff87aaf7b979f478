// Plots about the view change itself: its votes, its messages and its records, and what else happens meanwhile.
import type { Step } from "../../smartbft/index.js";
import { faultsTolerated, toMilliseconds } from "../../base/index.js";
import { afterwards, at, complainAll, isolate, pick, shuffled, turn, when, type Author } from "./plot-parts.js";
import type { Event, Fault } from "./schedule.js";
import { timers } from "./setting.js";

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
export const stepByStep: Author = (random) => {
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

/** A restart in a new view before its first decision (surprise 7), or in the middle of the change (3). */
export const restartedInChange: Author = (random) => {
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

/** The next leader lies, and view change follows on view change until its turn is over. */
export const lyingNextLeader: Author = (random) => {
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

/**
 * View 1 gets no NewView, for its leader is cut off, and view 2 gets none, for its leader hears nothing. F+1 of those who wait for it
 * are started again, one after the other; then the leader of view 1 is, in view 0, and asks the others where they are (44).
 */
export const startedAgainInChange: Author = (random, size) => {
  const since = random.integer(200, 1500);
  const second = since + toMilliseconds(timers.viewChangeTimeout) + pick(random, [150, 300, 500]);
  const waiting = shuffled(random, size).filter((id) => id !== 2 && id !== 3);
  const restarted = [...waiting.slice(0, faultsTolerated(size) + 1), 2];
  return {
    events: [
      at(since, isolate(2), second + 90 * (restarted.length - 1) - since),
      at(since + 5, complainAll),
      at(since + 1000, isolate(3, "in"), 5000),
      ...restarted.map((node, index) => at(second + 90 * index, { kind: "crash", node }, 30)),
    ],
    setting: { decisionsPerLeader: 0, syncOnStart: true, jitterMs: 0, actOneMs: 7000 },
  };
};

/** The members change, or the rules do, while a view change is under way (34). */
export const reconfiguredInChange: Author = (random, size) => {
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
export const oneDecisionApart: Author = (random, size) => {
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

/** The new leader says again what it has said (19). */
export const saidAgain: Author = (random) => ({
  events: [turn(2, "stale-replay", 4000), at(random.integer(200, 1500), complainAll)],
  setting: { decisionsPerLeader: 0 },
});
