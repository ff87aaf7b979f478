// On whose word a node entered a view: what the checker says of the ways in which NewViews come, wait and are copied.
import { expect, it } from "vitest";
import { nodeId, type NodeId } from "../../base/index.js";
import { NewViewChecker } from "./new-view-checker.js";

const [one, two, three] = [nodeId(1), nodeId(2), nodeId(3)] as const;

/** `leader`: who leads every view, until `grow` makes it another. */
function watched(leader: NodeId): {
  readonly checker: NewViewChecker;
  readonly alarms: readonly string[];
  readonly grow: (node: NodeId, leader: NodeId) => void;
} {
  const alarms: string[] = [];
  let leading = leader;
  const checker = new NewViewChecker({
    firstLeader: () => leading,
    raise: (code, node, text) => void alarms.push(`${code} ${node}: ${text}`),
  });
  return {
    checker,
    alarms,
    grow(node, next) {
      leading = next;
      checker.grown(node);
    },
  };
}

it("a view entered on its leader's word is in order, whoever else speaks", () => {
  const { checker, alarms } = watched(two);
  checker.came(one, three, 1);
  checker.came(one, two, 1);
  checker.accepted(one, 1);
  expect(alarms).toEqual([]);
});

it("a view entered when only others have spoken is foreign, and so is one that nobody spoke of", () => {
  const { checker, alarms } = watched(two);
  checker.came(one, three, 1);
  checker.accepted(one, 1);
  checker.accepted(one, 2);
  expect(alarms).toEqual([
    "foreign-new-view 1: view 1: NewViews from 3, but another leads",
    "foreign-new-view 1: view 2: no NewView, but another leads",
  ]);
});

it("the leader's word about another view does not count", () => {
  const { checker, alarms } = watched(two);
  checker.came(one, two, 2);
  checker.came(one, three, 1);
  checker.accepted(one, 1);
  expect(alarms).toHaveLength(1);
});

it("who leads may change while a NewView waits: at some time since it came is enough, before it came is not", () => {
  const waits = watched(three);
  waits.checker.came(one, two, 1);
  waits.grow(one, two);
  waits.grow(one, three);
  waits.checker.accepted(one, 1);
  expect(waits.alarms).toEqual([]);
  const late = watched(two);
  late.grow(one, three);
  late.checker.came(one, two, 1);
  late.checker.accepted(one, 1);
  expect(late.alarms).toHaveLength(1);
});

it("a leader enters by its own NewView, though copies of it come while it examines it (seeds 30901, 34955)", () => {
  const { checker, alarms } = watched(two);
  checker.asked(two, 1);
  checker.sent(two, 1);
  checker.came(two, three, 1);
  checker.accepted(two, 1);
  expect(alarms).toEqual([]);
});

it("its own counts when it has led since it sent its ViewData, though a decision made another lead", () => {
  const { checker, alarms, grow } = watched(two);
  checker.asked(two, 1);
  grow(two, three);
  checker.sent(two, 1);
  checker.accepted(two, 1);
  expect(alarms).toEqual([]);
});

it("its own does not count when it never led: not even with its ViewData sent, nor another's that came meanwhile", () => {
  const usurper = watched(three);
  usurper.checker.asked(two, 1);
  usurper.checker.sent(two, 1);
  usurper.checker.came(two, one, 1);
  usurper.checker.accepted(two, 1);
  expect(usurper.alarms).toHaveLength(1);
  // Led once, but has made no NewView: another's is foreign all the same.
  const waiting = watched(two);
  waiting.checker.asked(two, 1);
  waiting.checker.came(two, three, 1);
  waiting.checker.accepted(two, 1);
  expect(waiting.alarms).toHaveLength(1);
});

it("a NewView for a later view is kept while an earlier one is entered, and is gone with the process", () => {
  const kept = watched(two);
  kept.checker.came(one, two, 1);
  kept.checker.came(one, two, 2);
  kept.checker.accepted(one, 1);
  kept.checker.came(one, three, 2);
  kept.checker.accepted(one, 2);
  expect(kept.alarms).toEqual([]);
  const dead = watched(two);
  dead.checker.came(one, two, 1);
  dead.checker.died(one);
  dead.checker.came(one, three, 1);
  dead.checker.accepted(one, 1);
  expect(dead.alarms).toHaveLength(1);
});
