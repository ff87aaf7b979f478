// What an experiment asserts is judged of whole runs only.
import { describe, expect, it } from "vitest";
import type { Event } from "../boundary/index.js";
import { RunFold } from "./run-fold.js";
import { leaderDown } from "./story.js";
import { contextFor } from "./story-context.js";

const verdictsOf = (events: readonly Event[]): readonly unknown[] => {
  const context = contextFor();
  const assertions = [{ kind: "view-changes", min: 7, max: 9 } as const];
  const fold = new RunFold({ ...context, experiment: { ...context.experiment, assertions } });
  for (const event of events) fold.observe(event);
  return fold.finish().checks.filter(({ name }) => name.startsWith("assert "));
};
const without = (phase: string): readonly Event[] =>
  leaderDown().filter((event) => event.kind !== "phase" || event.phase !== phase);

describe("an assertion that does not hold", () => {
  it("is false of a whole run", () => {
    expect(verdictsOf(leaderDown())).toMatchObject([{ verdict: "false", detail: "1, expected 7 to 9" }]);
  });

  it.each([
    ["timeline-started", "the timeline never started"],
    ["stopped", "the run has no end"],
  ])("is unknown of one without %s", (phase, lacks) => {
    expect(verdictsOf(without(phase))).toMatchObject([
      { verdict: "unknown", detail: `1, expected 7 to 9; but ${lacks}` },
    ]);
  });
});
