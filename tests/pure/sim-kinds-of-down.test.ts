// The rules of streams and routing against the kernel: experiments/kinds-of-down.yaml in virtual time, held to the rows that
// the same experiment left in namespaces (docs/measured/kinds-of-down). docs/simulator.md names the rule behind each.
import { beforeAll, describe, expect, it } from "vitest";
import type { RunResult } from "../../src/results/index.js";
import { published, shipped, simulated } from "./sim-run.js";

const measured = published("kinds-of-down", "faults.csv");
let result: RunResult;
beforeAll(() => {
  ({ result } = simulated(shipped("kinds-of-down")));
}, 180_000);

const columns = {
  nearKernel: "near_kernel",
  farKernel: "far_kernel",
  route: "route",
  nearTcp: "near_tcp",
  farTcp: "far_tcp",
  nearGrpc: "near_grpc",
  farGrpc: "far_grpc",
  consensus: "consensus",
} as const;
type Plane = keyof typeof columns;

interface Seen {
  readonly ms: number;
  readonly saw: string;
}

function measuredAt(index: number, plane: Plane): Seen | undefined {
  const row = measured[index];
  const ms = row?.[`${columns[plane]}_ms`] ?? "";
  return ms === "" ? undefined : { ms: Number(ms), saw: row?.[`${columns[plane]}_saw`] ?? "" };
}

function simulatedAt(index: number, plane: Plane): Seen | undefined {
  const row = result.faults[index];
  const sighting = row?.sightings.get(plane);
  if (row?.effectiveAt === undefined || sighting === undefined) return undefined;
  return { ms: (sighting.at - row.effectiveAt) / 1_000, saw: sighting.saw };
}

// Object.keys forgets which keys they are.
const planes = Object.keys(columns) as readonly Plane[];

describe.each(measured.map((row, index) => ({ how: row["how"] ?? "", index })))("$how", ({ index }) => {
  it("is noticed on the planes on which the kernel's run noticed it, and on no other", () => {
    const noticed = (at: (index: number, plane: Plane) => Seen | undefined): readonly Plane[] =>
      planes.filter((plane) => at(index, plane) !== undefined);
    expect(noticed(simulatedAt)).toEqual(noticed(measuredAt));
  });

  it.each(["nearKernel", "farKernel"] as const)("is reported by the %s as there, within 3 ms", (plane) => {
    const [own, kernel] = [simulatedAt(index, plane), measuredAt(index, plane)];
    expect(own?.saw).toBe(kernel?.saw);
    expect(Math.abs((own?.ms ?? 0) - (kernel?.ms ?? 0))).toBeLessThan(3);
  });

  it("takes routes away as soon: at once, or after OSPF's dead interval, whose start a hello's phase draws", () => {
    const [own, kernel] = [simulatedAt(index, "route")?.ms ?? 0, measuredAt(index, "route")?.ms ?? 0];
    // Dead 4 s after the last hello, and hellos are 1 s apart.
    const [least, greatest] = kernel < 1_000 ? [kernel - 30, kernel + 30] : [3_000, 4_100];
    expect(kernel).toBeGreaterThan(least);
    expect(own).toBeGreaterThan(least);
    expect(own).toBeLessThan(greatest);
  });

  it.each(["nearTcp", "farTcp", "nearGrpc", "farGrpc"] as const)(
    "ends connections on the plane %s when keepalive does: 2 s + 2 s, counted from a phase of its own",
    (plane) => {
      const [own, kernel] = [simulatedAt(index, plane)?.ms ?? 0, measuredAt(index, plane)?.ms ?? 0];
      // A dial that is due to the consensus may be refused a little earlier: where there is no route.
      for (const ms of [own, kernel]) {
        expect(ms).toBeGreaterThan(1_850);
        expect(ms).toBeLessThan(4_200);
      }
    },
  );

  it("is first complained about by the same node, for the same reason", () => {
    expect(simulatedAt(index, "consensus")?.saw).toBe(measuredAt(index, "consensus")?.saw);
  });
});

it("costs nobody an outage or a view change, and the node is level again after each", () => {
  expect(result).toMatchObject({ verdict: "true", outage: 0, viewChangeCount: 0, stragglers: [] });
  for (const { caughtUpAfter } of result.faults) expect(caughtUpAfter).toBeLessThan(6_000_000);
});
