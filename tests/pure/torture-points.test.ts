// The points of scripts/torture: drawn by the seed alone, every phase before any twice, every pair before any twice.
import { describe, expect, it } from "vitest";
import { phases, pointsFor, type Point } from "../torture/points.js";

const keyOf = ({ runtime, phase, victim }: Point): string => `${runtime} ${phase.verb} ${phase.name} ${victim}`;
const pairs = phases.flatMap((phase) => phase.victims).length;

describe("points of a torture", () => {
  it("are the same for the same seed, and begin alike whatever their count", () => {
    const long = pointsFor({ seed: "s", count: 100, runtimes: ["netns"] });
    expect(pointsFor({ seed: "s", count: 100, runtimes: ["netns"] })).toEqual(long);
    expect(pointsFor({ seed: "s", count: 10, runtimes: ["netns"] })).toEqual(long.slice(0, 10));
    expect(pointsFor({ seed: "t", count: 100, runtimes: ["netns"] })).not.toEqual(long);
    expect(long.map(({ number }) => number)).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
  });

  it("reach every phase once before any twice, and every pair of phase and victim once before any twice", () => {
    const points = pointsFor({ seed: "s", count: pairs, runtimes: ["netns"] });
    const first = points.slice(0, phases.length).map(({ phase }) => `${phase.verb} ${phase.name}`);
    expect(new Set(first).size).toBe(phases.length);
    expect(new Set(points.map(keyOf)).size).toBe(pairs);
    const docker = pointsFor({ seed: "s", count: 400, runtimes: ["docker"] });
    expect(docker.filter(({ victim }) => victim === "dockerd").length).toBeGreaterThan(phases.length);
    for (const { fraction } of docker) expect(fraction >= 0 && fraction < 1).toBe(true);
  });

  it("take turns over both runtimes, each with the points that it has alone", () => {
    const both = pointsFor({ seed: "s", count: 11, runtimes: ["netns", "docker"] });
    expect(both.map(({ number, runtime }) => `${number} ${runtime}`).slice(0, 3)).toEqual([
      "1 netns",
      "2 docker",
      "3 netns",
    ]);
    for (const [runtime, count] of [["netns", 6] as const, ["docker", 5] as const]) {
      const own = both.filter((point) => point.runtime === runtime);
      const alone = pointsFor({ seed: "s", count, runtimes: [runtime] });
      expect(own.map((point, index) => ({ ...point, number: index + 1 }))).toEqual(alone);
    }
  });

  it("of CI's seed kill in up, run and down of both", () => {
    const points = pointsFor({ seed: "ci", count: 10, runtimes: ["netns", "docker"] });
    expect(new Set(points.map(({ runtime, phase }) => `${runtime} ${phase.verb}`)).size).toBe(6);
  });
});
