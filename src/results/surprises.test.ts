// Surprises by their traces: each name of section 15 needs its own steps, and is not given without them.
import { describe, expect, it } from "vitest";
import type { Instant } from "../base/index.js";
import type { StepEvent } from "../boundary/index.js";
import { castOf } from "./cast.js";
import { FaultLog } from "./fault-log.js";
import { phasesOf } from "./phases.js";
import { Path } from "./path.js";
import { contextFor } from "./story-context.js";
import { surprisesIn } from "./surprises.js";
import { Views } from "./views.js";

type Told = readonly [ms: number, orderer: string, step: StepEvent["step"], facts: StepEvent["facts"]];

const vote = (ms: number, orderer: string, nextView: number): Told => [
  ms,
  orderer,
  "viewChangeStarted",
  { view: nextView - 1, nextView },
];

/** With `openTo`, an outage from the first millisecond on that had not ended when the run was stopped, in milliseconds. */
function surprises(told: readonly Told[], cutOff: readonly string[] = [], openTo?: number): readonly string[] {
  const cast = castOf(contextFor().plan);
  const faults = new FaultLog(cast);
  const at = (ms: number): Instant => (ms * 1_000) as Instant; // integer microseconds
  for (const [index, node] of cutOff.entries()) {
    const what = { what: "interface-down", how: "admin", target: `${node}:eth1`, asked: node, detail: "" } as const;
    faults.fault({ kind: "fault", at: at(0), node, state: "effective", fault: index + 1, ...what }, "orderer1");
  }
  const views = new Views(cast, (node) => faults.isCutOff(node));
  for (const [ms, node, step, facts] of told) {
    views.step({ kind: "step", at: at(ms), node, component: "viewChanger", step, facts });
  }
  const changes = views.list();
  const nowhere = { end: undefined, peer: "peer1", block: undefined, view: undefined } as const;
  const open = openTo === undefined ? [] : [{ ...nowhere, start: at(0), cutAt: at(openTo) }];
  const planes = { cast, changes, path: new Path(), sources: [] };
  return surprisesIn({
    cast,
    faults: faults.rows,
    changes,
    outages: open.map((outage) => ({ outage, phases: phasesOf(outage, planes) })),
    duplicatesNamed: 0,
    duplicatesForgotten: 0,
    removedRequests: 0,
  });
}

describe("section 15", () => {
  it("item 4: the next leader is down too", () => {
    const told = [
      vote(1, "orderer3", 1),
      vote(2, "orderer4", 1),
      [3, "orderer3", "viewChangeJoined", { view: 0, nextView: 1 }],
      [9, "orderer3", "viewChangeTimeout", { view: 1 }],
    ] as const;
    expect(surprises(told, ["orderer1", "orderer2"])).toEqual([
      "item 4: the leader of view 1, orderer2, was itself cut off",
    ]);
    expect(surprises(told, ["orderer1"])).toEqual([]);
  });

  it("item 11: a lagging follower costs a timeout", () => {
    const refused: Told = [3, "orderer2", "viewDataRefused", { from: 4, reason: "behind" }];
    const told = [vote(1, "orderer2", 1), vote(2, "orderer3", 1), refused];
    expect(surprises(told)).toEqual([]);
    expect(surprises([...told, [9, "orderer2", "viewChangeTimeout", { view: 1 }]])).toEqual([
      "item 11: a lagging follower: the leader of view 1 refused the view data of orderer4",
    ]);
  });

  it("item 12: a lone complainer leaves", () => {
    const told = [vote(1, "orderer3", 1), [9, "orderer3", "viewChangeTimeout", { view: 0 }]] as const;
    expect(surprises(told)).toEqual([
      "item 12: a lone complainer leaves: orderer3 asked for view 1 and nobody joined before the timeout",
    ]);
    expect(surprises(told, ["orderer3"])).toEqual([]);
  });

  it("item 18: view data that came too early", () => {
    const votes = [vote(1, "orderer2", 1), vote(2, "orderer3", 1), vote(2, "orderer4", 1)];
    const early: Told = [3, "orderer2", "viewDataRefused", { from: 3, reason: "next leader is 1" }];
    const quorum = (ms: number): Told => [ms, "orderer2", "viewDataQuorum", { nextView: 1 }];
    expect(surprises([...votes, early, quorum(50)])).toEqual([]);
    const lost =
      "item 18: the view data of orderer3 came before the leader of view 1 had a quorum of votes, and was lost";
    expect(surprises([...votes, early, quorum(15_000)])).toEqual([lost]);
    const ofTheLibrary: Told = [3, "orderer2", "viewDataRefused", { from: 3, reason: "not the next leader" }];
    expect(surprises([...votes, ofTheLibrary, quorum(15_000)])).toEqual([lost]);
    expect(surprises([...votes, early, [20_000, "orderer2", "viewChangeTimeout", { view: 1 }]])).toEqual([lost]);
  });

  it("item 18: a new view that did not arrive", () => {
    const votes = [vote(1, "orderer2", 1), vote(2, "orderer3", 1), vote(3, "orderer4", 1)];
    const sent: Told = [4, "orderer2", "newViewSent", { view: 1 }];
    const accepted: Told = [5, "orderer3", "newViewAccepted", { view: 1 }];
    expect(surprises([...votes, sent, accepted])).toEqual([]);
    expect(surprises([...votes, sent, accepted, [9, "orderer4", "viewChangeTimeout", { view: 1 }]])).toEqual([
      "item 18: new view 1 was sent and orderer4 did not have it before the timeout",
    ]);
  });

  it("item 35: a timeout lost behind two complaints", () => {
    const votes = [vote(1, "orderer2", 1), vote(2, "orderer3", 1)];
    const timeout: Told = [9, "orderer3", "viewChangeTimeout", { view: 1 }];
    expect(surprises([...votes, timeout])).not.toContain(expect.stringContaining("item 35"));
    expect(surprises([...votes, timeout, [9, "orderer3", "viewChangeLost", { view: 1 }]])).toContain(
      "item 35: a timeout was lost behind two complaints: orderer3 waits in view 1, and asks for no other by itself",
    );
  });

  it("item 41: an in-flight commit without a timeout", () => {
    const votes = [vote(1, "orderer2", 1), vote(2, "orderer3", 1)];
    expect(surprises([...votes, [9, "orderer3", "inFlightUnwatched", { view: 1 }]])).toContain(
      "item 41: orderer3 commits what was in flight before view 1, and watches no timeout meanwhile",
    );
  });

  it("item 10 needs a proposal, a later installation and no decision before the next view", () => {
    const votes = [vote(1, "orderer2", 1), vote(2, "orderer3", 1)];
    const installed: readonly Told[] = [
      [5, "orderer2", "viewInstalled", { view: 1 }],
      [6, "orderer2", "proposing", { view: 1, sequence: 8, count: 100 }],
      [7, "orderer3", "viewInstalled", { view: 1 }],
    ];
    expect(surprises([...votes, ...installed])).toEqual([]);
    expect(surprises([...votes, ...installed, vote(90, "orderer3", 2), vote(91, "orderer4", 2)])).toEqual([
      "item 10: pre-prepare lost at view boundary: orderer3 started view 1 1.0 ms after orderer2 had proposed",
    ]);
  });

  it("item 10: an orderer that was syncing starts the view after the proposal, and the run ends with the outage open", () => {
    const told: readonly Told[] = [
      vote(1, "orderer2", 1),
      vote(2, "orderer3", 1),
      [5, "orderer2", "viewInstalled", { view: 1 }],
      [5, "orderer3", "viewInstalled", { view: 1 }],
      [6, "orderer2", "proposing", { view: 1, sequence: 8, count: 100 }],
      [900, "orderer3", "viewStarting", { view: 1, sequence: 8, decisions: 0, leader: 2 }],
    ];
    expect(surprises(told)).toEqual([]);
    expect(surprises(told, [], 9_000)).toEqual([
      "item 10: pre-prepare lost at view boundary: orderer3 started view 1 894.0 ms after orderer2 had proposed",
    ]);
  });
});
