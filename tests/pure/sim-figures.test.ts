// The published figures of docs/measured in virtual time: the profiles' outages, and the long outages of sequential sending.
import { describe, expect, it } from "vitest";
import { seconds } from "../../src/base/index.js";
import { World } from "../../src/sim/index.js";
import { median, shipped, simulated, type Loaded } from "./sim-run.js";

const patience = { timeout: 180_000 };
const inSeconds = (duration: number | undefined): number => (duration ?? Number.NaN) / 1e6;

/** From the fault's effect to the first block of a later view at any orderer; the rest of the run is not needed. */
function firstDecisionAfter(loaded: Loaded, seed: string): number {
  const world = new World(loaded.plan, loaded.experiment, seed, { messageTrace: false });
  let faultAt = Number.NaN;
  while (!world.over) {
    for (const event of world.advance()) {
      if (event.kind === "fault" && event.state === "effective") faultAt = event.at;
      if (event.kind === "block" && event.role === "orderer" && event.view > 0) return inSeconds(event.at - faultAt);
    }
  }
  throw new Error(`No block of a later view, seed ${seed}`);
}

describe("leader-interface-down", () => {
  it.each([
    ["fabric", 25],
    ["library", 22.1],
  ] as const)("with profile %s: the median first decision within one tick of %d s", patience, (profile, expected) => {
    const loaded = shipped("leader-interface-down", profile);
    const decisions = ["1/1", "1/2", "1/3"].map((seed) => firstDecisionAfter(loaded, seed));
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

  // Orderer 1 prepared what was in flight, 3 and 4 hold it, and the leader of view 1 is the one that is gone: in view 2 both must tell of it.
  it("stalls them no longer in improved, and once: one view change", patience, () => {
    const { result } = simulated(shipped("follower-interface-down-sequential", "fabric", "improved"));
    expect(Math.abs(inSeconds(result.outage) - 49.8)).toBeLessThan(1);
    expect(result).toMatchObject({ viewChangeCount: 1, outages: [{}], verdict: "true" });
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
