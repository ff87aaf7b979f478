// The twin check: one experiment in virtual time and in namespaces, with four orderers and with seven (docs/measured/twin-of-…).
// The costs were fitted to others (docs/simulator.md says which, and that the first commit of four was in view). Same order of
// causes, and phases near: the bar is max(2 ms, 25 %) in each phase that is no timer. Where that is not reached the test says by how much, and docs/simulator.md why.
import { beforeAll, describe, expect, it } from "vitest";
import type { RunResult } from "../../src/results/index.js";
import { published, shipped, simulated } from "./sim-run.js";

type Phase = "viewChange" | "firstDecision" | "firstCommit";
const columns: Readonly<Record<Phase, string>> = {
  viewChange: "view_change_ms",
  firstDecision: "first_decision_ms",
  firstCommit: "first_commit_ms",
};

function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  return (at(Math.ceil(sorted.length / 2) - 1) + at(Math.floor(sorted.length / 2))) / 2;
}

describe.each([
  { folder: "twin-of-four", experiment: "twin-of-four", profile: "fast" },
  { folder: "twin-of-seven", experiment: "twin-of-seven", profile: "fast" },
  { folder: "twin-of-seven-fabric", experiment: "leader-interface-down-of-seven", profile: "fabric" },
] as const)("$folder", ({ folder, experiment, profile }) => {
  const measured = published(folder, "runs.csv");
  // In a run of seven the view had changed before the fault already; the second leader was the one that failed.
  const alike = measured.filter((row) => row["view_to"] === "1");
  const first = published(folder, "views.csv").filter(({ view_from: from }) => from === "0");
  const views = first.filter((row) => alike.some(({ run }) => run === row["run"]));
  let results: readonly RunResult[] = [];
  beforeAll(() => {
    const loaded = shipped(experiment, profile);
    results = ["1/1", "1/2", "1/3"].map((seed) => simulated(loaded, { seed }).result);
  }, 300_000);

  const kernel = (phase: Phase): readonly number[] => alike.map((row) => Number(row[columns[phase]]));
  const own = (phase: Phase): number =>
    median(results.map((result) => (result.outages[0]?.phases[phase] ?? Number.NaN) / 1_000));
  const expectWithinBar = (phase: Phase): void => {
    const ms = median(kernel(phase));
    expect(Math.abs(own(phase) - ms), `${own(phase)} ms, measured ${ms} ms`).toBeLessThanOrEqual(
      Math.max(2, 0.25 * ms),
    );
  };

  it("passes all checks, loses nothing, and changes the view once, from 0 to 1", () => {
    for (const result of results) {
      expect(result).toMatchObject({ verdict: "true", viewChangeCount: 1, viewFrom: 0, viewTo: 1 });
      expect(result.requestCounts).toMatchObject({ refused: 0, unknown: 0 });
      expect(result.outages).toHaveLength(1);
    }
    for (const row of measured) expect(row).toMatchObject({ verdict: "true", view_changes: "1", lost: "0" });
    expect(alike.length).toBeGreaterThanOrEqual(2);
  });

  it("has the same order of causes: a complaint for a request, votes, view data, new view, proposal, decision, commit", () => {
    const order = (steps: readonly (number | undefined)[]): boolean =>
      steps.every((at, index) => at !== undefined && at >= (steps[index - 1] ?? 0));
    const causes = ["first_complaint", "vote_quorum", "view_data_quorum", "new_view_sent", "first_installed"];
    for (const row of views) {
      expect(row).toMatchObject({ reason: "request", leader: "orderer2", outcome: "installed" });
      expect(order(causes.map((cause) => Number(row[`${cause}_after_ms`])))).toBe(true);
    }
    for (const { viewChanges } of results) {
      expect(viewChanges).toHaveLength(1);
      const change = viewChanges[0]?.change;
      const complaints = [...(change?.votes.values() ?? [])];
      expect(complaints[0]?.reason).toBe("request");
      expect(change?.newLeader).toBe("orderer2");
      const first = Math.min(...complaints.map(({ at }) => at));
      const installed = Math.min(...(change?.installed.values() ?? []));
      const detected = viewChanges[0]?.detectedAt;
      expect(order([first, detected, change?.viewDataQuorumAt, change?.newViewSentAt, installed])).toBe(true);
    }
  });

  it("has the median outage within one tick, of 100 ms or 1 s", () => {
    const outage = median(results.map((result) => (result.outage ?? Number.NaN) / 1_000));
    const ms = median(alike.map((row) => Number(row["outage_ms"])));
    // Seven at 50 tx/s with fast timers fill the machine: that lab is late by two ticks.
    const ticks = folder === "twin-of-seven" ? 2 : 1;
    expect(Math.abs(outage - ms)).toBeLessThan(ticks * (profile === "fast" ? 100 : 1_000));
  });

  if (folder === "twin-of-seven") {
    it("is faster than the lab in every phase, by up to a factor of 4: there, others' work filled the processors", () => {
      for (const phase of ["viewChange", "firstDecision", "firstCommit"] as const) {
        expect(own(phase) / median(kernel(phase))).toBeGreaterThan(0.25);
        expect(own(phase) / median(kernel(phase))).toBeLessThan(1.25);
      }
    });
    return;
  }

  it("has the view change and the first decision within the bar", () => {
    expectWithinBar("viewChange");
    expectWithinBar("firstDecision");
  });

  if (folder === "twin-of-four")
    it("has the first commit where the runs have it, which differ among each other by more than the bar", () => {
      expect(own("firstCommit")).toBeGreaterThan(Math.min(...kernel("firstCommit")));
      expect(own("firstCommit")).toBeLessThan(Math.max(...kernel("firstCommit")));
    });
  else
    it("has the first commit early by a factor of 1.5 to 4: all others check the next full batch while the peer waits", () => {
      const ratio = median(kernel("firstCommit")) / own("firstCommit");
      expect(ratio).toBeGreaterThan(1.5);
      expect(ratio).toBeLessThan(4);
    });
});
