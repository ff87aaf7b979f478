// The rules of an experiment that need no topology: targets that can be read, faults that fit into the duration and do
// not overlap on one target, assertions that say one thing each.
import type { Source } from "./document.js";
import type { RawExperiment, RawTimelineEntry } from "./experiment.schema.js";
import { Findings, type Found } from "./rule.js";
import { durationText } from "./units.js";
import { misbehaviours } from "../smartbft/index.js";
import { microseconds } from "../base/index.js";

export function experimentRuleProblems(raw: RawExperiment, source: Source): readonly Found[] {
  const findings = new Findings(source);
  for (const [index, entry] of raw.timeline.entries()) {
    timeRules(raw, entry, index, findings);
    faultRules(entry, index, findings);
  }
  overlapRules(raw.timeline, findings);
  assertionRules(raw, findings);
  return findings.found();
}

function timeRules(raw: RawExperiment, entry: RawTimelineEntry, index: number, findings: Findings): void {
  const end = durationText(raw.duration);
  if (entry.at >= raw.duration) {
    findings.value(
      ["timeline", index, "at"],
      `The fault would begin at ${durationText(entry.at)}, and the duration ends at ${end}`,
      "begin it earlier, or lengthen duration",
    );
  } else if (entry.for !== undefined && entry.at + entry.for > raw.duration) {
    const healed = durationText(microseconds(entry.at + entry.for));
    findings.value(
      ["timeline", index, "for"],
      `The fault would be healed at ${healed}, and the duration ends at ${end}`,
      "shorten it, lengthen duration, or leave for out: the fault then lasts to the end",
    );
  }
}

function faultRules(entry: RawTimelineEntry, index: number, findings: Findings): void {
  howRules(entry, index, findings);
  if (entry.fault === "node-restart" && entry.for !== undefined) {
    findings.key(
      ["timeline", index, "for"],
      "A node-restart heals itself: the node begins again at once",
      "remove it, or write node-stop, which lasts",
    );
  }
  const { asked, target } = entry.target;
  if (entry.fault !== "interface-down" && target.kind !== "node" && target.interface !== "") {
    findings.value(
      ["timeline", index, "target"],
      `A ${entry.fault} is aimed at a node, and "${asked}" is an interface`,
      `write "${asked.slice(0, asked.indexOf(":"))}"`,
    );
  }
}

function howRules({ fault, how }: RawTimelineEntry, index: number, findings: Findings): void {
  const at = ["timeline", index, "how"];
  const isMisbehaviour = misbehaviours.some((each) => each === how);
  if (fault === "byzantine") {
    if (how === undefined) {
      findings.value(
        ["timeline", index, "fault"],
        "A byzantine fault says how the orderer misbehaves, and how is missing",
        `add how: one of ${misbehaviours.join(", ")}`,
      );
    } else if (!isMisbehaviour) {
      findings.value(at, `"${how}" is a way to go down, not to misbehave`, `write one of ${misbehaviours.join(", ")}`);
    }
  } else if (fault !== "interface-down") {
    if (how !== undefined)
      findings.key(at, `A ${fault} has no how: only interface-down and byzantine have`, "remove it");
  } else if (isMisbehaviour) {
    findings.value(at, `"${how}" is a way to misbehave, not to go down`, "write fault: byzantine, or another how");
  }
}

/** Two faults on one target at one time: the first heal would undo both, or neither. */
function overlapRules(timeline: readonly RawTimelineEntry[], findings: Findings): void {
  for (const [index, later] of timeline.entries()) {
    const earlier = timeline.findIndex(
      (other, position) =>
        position < index &&
        other.target.asked === later.target.asked &&
        isProcess(other) === isProcess(later) &&
        overlap(other, later),
    );
    if (earlier >= 0) {
      findings.value(
        ["timeline", index, "at"],
        `The fault overlaps with timeline[${earlier}] on the same target "${later.target.asked}"`,
        "let the first heal before the second begins",
      );
    }
  }
}

const isProcess = (entry: RawTimelineEntry): boolean => entry.fault !== "interface-down";

function overlap(left: RawTimelineEntry, right: RawTimelineEntry): boolean {
  const endOf = (entry: RawTimelineEntry): number => {
    if (entry.fault === "node-restart") return entry.at + 1; // nobody knows how long it takes: it counts as an instant
    return entry.at + (entry.for ?? Number.POSITIVE_INFINITY);
  };
  return left.at < endOf(right) && right.at < endOf(left);
}

function assertionRules(raw: RawExperiment, findings: Findings): void {
  for (const [index, assertion] of (raw.assert ?? []).entries()) {
    const keys = Object.keys(assertion);
    if (keys.length !== 1) {
      const found = keys.length === 0 ? "nothing" : keys.join(" and ");
      findings.value(
        ["assert", index],
        `An assertion says one thing, and this says ${found}`,
        "write each as a list item of its own",
      );
    }
    for (const key of ["view-changes", "outage"] as const) {
      const range = assertion[key];
      if (range !== undefined && range.min > range.max)
        findings.value(["assert", index, key, "max"], "The range is empty: max is less than min", "exchange the two");
    }
  }
}
