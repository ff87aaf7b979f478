// Plots about who is behind, or reads an old log, or hears from a boaster; and about rules that change.
import { faultsTolerated } from "../../base/index.js";
import {
  allButFirst,
  afterwards,
  at,
  complainAll,
  isolate,
  pick,
  shuffled,
  turn,
  when,
  type Author,
} from "./plot-parts.js";
import type { Fault } from "./schedule.js";

/** It has a proposal in its log, a sync brings the decision, and then it is restarted (surprise 6). */
export const synchronisedPast: Author = (random) => {
  const lost = isolate("here", pick(random, ["both", "in"] as const));
  return {
    events: [
      when("prePrepared", random.integer(1, 30), lost, pick(random, [300, 700])),
      afterwards("syncEnded", random.integer(1, 2), { kind: "crash", node: "here" }, 30),
    ],
  };
};

/** It missed much, and then hears little but that it is behind, for which no sync helps: that is no sign of life (24). */
export const heardButMute: Author = (random, size) => {
  const node = random.integer(2, size);
  const since = random.integer(1000, 2500);
  const unheard = allButFirst(size).filter((id) => id !== node);
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
export const boastedAt: Author = (random, size) => {
  const since = random.integer(300, 2500);
  const others = allButFirst(size);
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

/** A leader that was two, and then is one again, whose ledger had to be brought up meanwhile (13). */
export const twinLeader: Author = (random) => ({
  events: [
    at(random.integer(100, 1000), { kind: "byzantine", nodes: [1], behaviour: "twins" }, pick(random, [300, 1500])),
  ],
  setting: { decisionsPerLeader: 0, actOneMs: 4000, requestsPerSecond: 8 },
});

/** Rotation is switched off while somebody is on the list (27). */
export const listWithoutRotation: Author = (random) => ({
  events: [
    when("delivered", random.integer(4, 12), isolate("leader"), 1500),
    afterwards("blacklist", 1, { kind: "reconfigure", order: "tenure-0" }),
  ],
  setting: { decisionsPerLeader: pick(random, [1, 3]), actOneMs: 5000 },
});

/** A node that has been restarted reads its log again when the members or the rules change (5). */
export const oldLog: Author = (random, size) => ({
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

/** A leader is restarted while its proposal waits for slow disks, and others hand it the same requests meanwhile (1). */
export const restartedLeader: Author = (random, size) => {
  const fsyncMs = pick(random, [100, 120, 200]);
  const others = allButFirst(size);
  const crash: Fault = { kind: "crash", node: "leader" };
  return {
    events: [
      ...others.map((node) => at(0, { kind: "slowDisk", node, fsyncMs }, 8000)),
      when("prePrepared", random.integer(1, 3 * size), crash, 30, pick(random, [1, 5, 20])),
    ],
    setting: { decisionsPerLeader: 0, actOneMs: 5000, requestsPerSecond: pick(random, [1, 4]) },
  };
};

/** A member that was removed does not hear of it, and asks for a new view, and some who are still members ask too. */
export const removedUnawares: Author = (random, size) => {
  const others = shuffled(random, size).filter((id) => id !== 1);
  const asking = [1, ...others.slice(0, random.integer(1, faultsTolerated(size) + 1))];
  const since = random.integer(1500, 3000);
  return {
    events: [
      at(50, { kind: "reconfigure", order: "add" }),
      // It leads no more.
      at(300, complainAll),
      at(700, isolate(1, "in"), 8000),
      at(750, { kind: "reconfigure", order: "remove" }),
      ...asking.map((node) => at(since, { kind: "complain", node })),
    ],
    setting: { decisionsPerLeader: 0, actOneMs: 5000 },
  };
};
