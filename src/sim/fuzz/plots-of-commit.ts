// Plots about what is committed in flight inside a view change (plots.ts has the others).
import { faultsTolerated, quorumSize } from "../../base/index.js";
import {
  allButFirst,
  afterwards,
  at,
  complainAll,
  isolate,
  leftAlone,
  pick,
  shuffled,
  when,
  type Author,
} from "./plot-parts.js";
import type { Event } from "./schedule.js";

/**
 * All complain when one has prepared, and what is then committed in flight is decided by one alone, which is gone: others,
 * who committed it without having prepared it, must still tell of it (40).
 */
export const decidedInChange: Author = (random, size) => {
  const others = shuffled(random, size).filter((id) => id !== 1);
  const [decider = size] = others;
  const away = [1, ...others.filter((id) => id !== decider && id !== 2)].slice(0, faultsTolerated(size));
  const late = { kind: "delay", source: decider, delayMs: 60, jitterMs: 0 } as const;
  return {
    events: [
      when("prepared", size * random.integer(0, 4) + 1, complainAll),
      afterwards("inFlightWaiting", 1, { ...late, target: 1 }, 8000),
      ...others.filter((id) => id !== decider).map((target) => when("inFlightWaiting", 1, { ...late, target }, 8000)),
      ...away.map((node) => when("inFlightWaiting", 1, isolate(node), 1800)),
      when("inFlightCommitted", 1, isolate("here"), 8000),
    ],
    setting: { decisionsPerLeader: 0, actOneMs: 7000, jitterMs: pick(random, [2, 10]), requestsPerSecond: 8 },
  };
};

/**
 * The last ViewData for a leader, and with it what is in flight, come at its timeout; nobody hears its NewView, and it is
 * needed (41).
 */
export const quorumAtTheTimeout: Author = (random, size) => {
  const others = allButFirst(size);
  const delayMs = random.integer(1930, 1995);
  return {
    events: [
      ...leftAlone(random, size, { others, forMs: 8000 }),
      ...others.map((_, index) =>
        when("viewDataSent", index + 1, { kind: "delay", source: "here", target: 2, delayMs, jitterMs: 5 }, 300),
      ),
      when("newViewSent", 1, isolate(2, "out"), 500),
    ],
    setting: {
      decisionsPerLeader: 0,
      actOneMs: 7000,
      jitterMs: 0,
      verifyMs: 30,
      healed: others.slice(0, quorumSize(size)),
    },
  };
};

/**
 * One prepares, the view change goes without it and finds nothing in flight; in the new view all others see another proposal at
 * that place, and its leader is gone. Now the one is needed (43).
 */
export const foundVoid: Author = (random, size) => {
  const all = Array.from({ length: size }, (_, index) => index + 1);
  const others = all.filter((id) => id !== size);
  const late = (source: number, target: number, delayMs = 60): Event =>
    at(0, { kind: "delay", source, target, delayMs, jitterMs: 0 }, 8000);
  const pairs = all.flatMap((source) =>
    source === 1 ? [] : others.filter((target) => target !== source).map((target) => [source, target] as const),
  );
  return {
    events: [
      ...pairs.map(([source, target]) => late(source, target, source === size && target === 2 ? 250 : 60)),
      when("prepared", size * random.integer(0, 3) + 1, complainAll),
      afterwards("proposing", 1, { kind: "cut", source: 2, target: size, both: false }, 600),
      afterwards("prePrepared", 1, isolate(2), 8000, random.integer(62, 90)),
    ],
    setting: {
      decisionsPerLeader: 0,
      actOneMs: 4000,
      linkDelayMs: 1,
      jitterMs: 0,
      requestsPerSecond: 4,
      healed: all.filter((id) => id !== 2).slice(-quorumSize(size)),
    },
  };
};
