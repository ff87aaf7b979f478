// The published figures of docs/measured in virtual time: the profiles' outages, and the long outages of sequential sending.
import { describe, expect, it } from "vitest";
import { seconds } from "../../src/base/index.js";
import type { ProfileName } from "../../src/spec/index.js";
import { median, shipped, simulated } from "./sim-run.js";

const patience = { timeout: 180_000 };
const inSeconds = (duration: number | undefined): number => (duration ?? Number.NaN) / 1e6;

describe("leader-interface-down", () => {
  it.each([
    ["fabric", 25],
    ["library", 22.1],
  ] as const)("with profile %s: the median first decision within one tick of %d s", patience, (profile: ProfileName, expected) => {
    const loaded = shipped("leader-interface-down", profile);
    const decisions = ["1/1", "1/2", "1/3"].map((seed) => {
      const { result } = simulated(loaded, { seed });
      expect(result.viewChangeCount).toBe(1);
      const phases = result.outages[0]?.phases;
      const parts = [phases?.detection, phases?.failedAttempts, phases?.viewChange, phases?.inFlight, phases?.firstDecision];
      return inSeconds(parts.reduce<number>((sum, part) => sum + (part ?? Number.NaN), 0));
    });
    expect(Math.abs(median(decisions) - expected)).toBeLessThan(1);
  });
});

describe("an outage that lasts", () => {
  it("has a second one of 40 s, 25.2 s after the fault, where orderers send one after another", patience, () => {
    const { result } = simulated(shipped("leader-interface-down-long-sequential"));
    const [first, second] = result.outages.map(({ outage }) => outage);
    expect(inSeconds(result.outage)).toBeCloseTo(25.1, 0);
    expect(inSeconds((second?.start ?? 0) - (first?.start ?? 0))).toBeCloseTo(25.1, 0);
    expect(Math.abs(inSeconds((second?.end ?? 0) - (second?.start ?? 0)) - 40.7)).toBeLessThan(2);
    expect(result.verdict).toBe("true");
  });

  it("has none where they send to all at once", patience, () => {
    const { result } = simulated(shipped("leader-interface-down-long-parallel"));
    expect(result.outages).toHaveLength(1);
    expect(inSeconds(result.outage)).toBeCloseTo(25.1, 0);
  });
});

describe("a follower that is gone for 80 s", () => {
  it("stalls everybody where orderers send one after another: 50 s, two view changes", patience, () => {
    const { result } = simulated(shipped("follower-interface-down-sequential"));
    expect(Math.abs(inSeconds(result.outage) - 49.7)).toBeLessThan(5);
    expect(result.viewChangeCount).toBe(2);
    expect(result.explanation.join("; ")).toContain("item 4: the leader of view 1, orderer2, was itself cut off");
  });

  it("costs nothing where they send to all at once", patience, () => {
    const { result } = simulated(shipped("follower-interface-down-parallel"));
    expect(result).toMatchObject({ verdict: "true", outage: 0, viewChangeCount: 0, stragglers: [] });
    expect(result.largestGapAfter).toBeLessThan(2 * (result.largestGapBefore ?? 0));
  });
});

describe("routing", () => {
  it("saves a leader that has a second interface", patience, () => {
    const { result } = simulated(shipped("dual-homed-leader"));
    expect(result).toMatchObject({ verdict: "true", outage: 0, viewChangeCount: 0 });
    expect(result.largestGapAfter).toBeLessThan(seconds(0.5));
  });

  it("cannot save one that has only one", patience, () => {
    const { result } = simulated(shipped("single-homed-leader"));
    expect(result).toMatchObject({ verdict: "true", viewChangeCount: 1 });
    expect(Math.abs(inSeconds(result.outage) - 2.14)).toBeLessThan(0.1);
  });
});

it("a peer whose source is the failed leader waits for its own failover besides", patience, () => {
  const { result } = simulated(shipped("peer-source-is-leader"));
  expect(result.verdict).toBe("true");
  expect(Math.abs(inSeconds(result.outage) - 3.67)).toBeLessThan(0.5);
  expect(inSeconds(result.outages[0]?.phases.failover)).toBeGreaterThan(1.4);
});
