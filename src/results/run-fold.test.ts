// A whole run, from events to the row: where a planted gap is found, and what is unknown when a plane says nothing.
import { describe, expect, it } from "vitest";
import type { Event } from "../boundary/index.js";
import { RunFold } from "./run-fold.js";
import type { RunResult } from "./run-result.js";
import { contextFor, inMs, leaderDown, type StoryOptions } from "./story.js";
import { summaryText } from "./summary.js";

function resultOf(events: readonly Event[], options: StoryOptions = {}): RunResult {
  const fold = new RunFold(contextFor(options));
  for (const event of events) fold.observe(event);
  return fold.finish();
}

const told = (options: StoryOptions = {}): RunResult => resultOf(leaderDown(options), options);
const notTrue = (result: RunResult): readonly string[] => {
  return result.checks.filter((check) => check.verdict !== "true").map((check) => `${check.name}: ${check.detail}`);
};

describe("a leader that loses its interface", () => {
  it("gives an outage that the timers predict and the phases explain", () => {
    const result = told();
    expect(notTrue(result)).toEqual([]);
    expect(result.verdict).toBe("true");
    expect(inMs(result.outage)).toBeCloseTo(2_063.5, 3);
    expect(result.isPredicted).toBe(true);
    expect(result.viewChangeCount).toBe(1);
    expect([result.viewFrom, result.viewTo]).toEqual([0, 1]);
    expect(result.requestCounts.committed).toBe(result.requestCounts.invoked);
    expect(inMs(result.outages[0]?.phases.residual)).toBe(0);
  });

  it("with Fabric's timers starts again 25.0 s after the fault", () => {
    const options = { forwardMs: 5_000, complainMs: 20_000, healAfterMs: 30_000 };
    const result = told(options);
    expect(inMs(result.outage)).toBeGreaterThan(24_900);
    expect(inMs(result.outage)).toBeLessThan(25_100);
    expect(result.verdict).toBe("true");
  });

  it("prints its summary", () => {
    console.log(summaryText([told()]));
  });
});
