// What turns a lab that runs one plan into a lab that runs another: nodes and links that come and go, parameters of links that
// change where they are, and what cannot be changed without ending something, refused by name. Values only: the commands are
// in change-steps.ts, the words for people in changes-text.ts, the refusals in change-refusals.ts.
import type { TopologyLink } from "../spec/index.js";
import { frrChanges, type FrrChange } from "./change-frr.js";
import { changeRefusals, type Refusal } from "./change-refusals.js";
import { changeSteps, type ChangeSteps } from "./change-steps.js";
import { differenceOf, linkName } from "./difference.js";
import type { Plan } from "./plan.js";

/** One parameter of a link that stays. Values are as in the plan: microseconds, percent, kbit/s, bytes, words. */
export interface LinkChange {
  readonly link: string;
  readonly what: "delay" | "jitter" | "lossPercent" | "rateKbit" | "mtu" | "carrier";
  readonly from: string | number;
  readonly to: string | number;
}

export interface PlanChanges {
  readonly lab: string;
  /** When there are any, nothing is done at all. */
  readonly refused: readonly Refusal[];
  /** Names, in order of the new plan. */
  readonly nodesAdded: readonly string[];
  /** Names, in order of the old plan. */
  readonly nodesRemoved: readonly string[];
  /** `r1:eth1 - r2:eth1`, or `r1:eth1 - sw1`. */
  readonly linksAdded: readonly string[];
  readonly linksRemoved: readonly string[];
  readonly linksChanged: readonly LinkChange[];
  /** Nodes that stay and whose static routes change. */
  readonly routesChanged: readonly string[];
  readonly steps: ChangeSteps;
  readonly frr: readonly FrrChange[];
}

/** `before` is what the lab runs, `after` what it shall run; both of one lab. */
export function changesBetween(before: Plan, after: Plan): PlanChanges {
  const difference = differenceOf(before, after);
  const frr = frrChanges(before, after);
  return {
    lab: before.lab,
    refused: changeRefusals(before, after, difference),
    nodesAdded: difference.nodesAdded,
    nodesRemoved: difference.nodesRemoved,
    linksAdded: difference.linksAdded.map(linkName),
    linksRemoved: difference.linksRemoved.map(linkName),
    linksChanged: difference.linksKept.flatMap(({ from, to }) => linkChanges(from, to)),
    routesChanged: frr.filter(({ routes }) => routes).map(({ node }) => node),
    steps: changeSteps(before, after, difference),
    frr,
  };
}

/** Nothing to do, and nothing refused. */
export const isUnchanged = (changes: PlanChanges): boolean =>
  changes.refused.length === 0 &&
  changes.nodesAdded.length === 0 &&
  changes.nodesRemoved.length === 0 &&
  changes.linksAdded.length === 0 &&
  changes.linksRemoved.length === 0 &&
  changes.linksChanged.length === 0 &&
  changes.routesChanged.length === 0;

function linkChanges(from: TopologyLink, to: TopologyLink): readonly LinkChange[] {
  const values = (link: TopologyLink): Readonly<Record<LinkChange["what"], string | number>> => ({
    ...link.impairment,
    mtu: link.mtu,
    carrier: link.carrier,
  });
  const [old, wanted] = [values(from), values(to)];
  return (["delay", "jitter", "lossPercent", "rateKbit", "mtu", "carrier"] as const)
    .filter((what) => old[what] !== wanted[what])
    .map((what) => ({ link: linkName(to), what, from: old[what], to: wanted[what] }));
}
