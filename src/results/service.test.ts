// The outage at the client: which commits count as service, which gaps as outages, and where each latency belongs.
import { describe, expect, it } from "vitest";
import { milliseconds, type Instant } from "../base/index.js";
import type { BlockEvent } from "../boundary/index.js";
import { Service } from "./service.js";

const at = (ms: number): Instant => (ms * 1_000) as Instant; // integer microseconds

function commit(service: Service, ms: number, ...intendedMs: readonly number[]): void {
  const block: BlockEvent = {
    kind: "block",
    at: at(ms),
    node: "peer1",
    role: "peer",
    number: ms,
    hash: "",
    previousHash: "",
    view: 0,
    bytes: 0,
    transactions: [],
    duplicates: [],
    source: "orderer4",
  };
  service.commit(block, intendedMs.map(at));
}

/** Commits every 100 ms up to the fault at 1000 ms. */
function untilFault(): Service {
  const service = new Service({ batchInterval: milliseconds(10), ratePerSecond: 50 });
  service.timelineStarted(at(0));
  for (let ms = 100; ms <= 900; ms += 100) commit(service, ms, ms - 60);
  service.faulted(at(1_000));
  return service;
}

const gapsOf = (service: Service): readonly (readonly [number, number | undefined])[] =>
  service.outages.map(({ start, end }) => [start / 1_000, end === undefined ? undefined : end / 1_000]);

describe("an outage", () => {
  it("runs from the fault to the first commit of new work, whatever old work is committed in between", () => {
    const service = untilFault();
    commit(service, 1_005, 950);
    commit(service, 3_000, 960, 1_000);
    expect(gapsOf(service)).toEqual([[1_000, 3_000]]);
  });

  it("is a gap longer than twice the largest before the fault", () => {
    const service = untilFault();
    expect(service.threshold).toBe(200_000);
    commit(service, 1_200, 1_150);
    commit(service, 1_400, 1_350);
    expect(gapsOf(service)).toEqual([]);
    commit(service, 1_601, 1_550);
    expect(gapsOf(service)).toEqual([[1_400, 1_601]]);
    expect(service.largestGapAfter).toBe(201_000);
  });

  it("that comes again is a second one", () => {
    const service = untilFault();
    commit(service, 3_000, 1_000);
    commit(service, 3_100, 2_900);
    commit(service, 9_000, 3_200);
    expect(gapsOf(service)).toEqual([
      [1_000, 3_000],
      [3_100, 9_000],
    ]);
  });

  it("without an end has no length", () => {
    const service = untilFault();
    service.loadEnded(at(5_000));
    service.end(at(9_000), 12);
    expect(gapsOf(service)).toEqual([[1_000, undefined]]);
  });

  it("does not begin after the load has ended, or while nothing waits", () => {
    const service = untilFault();
    commit(service, 1_100, 1_050);
    service.loadEnded(at(1_090));
    commit(service, 4_000, 1_080);
    service.end(at(9_000), 1);
    expect(gapsOf(service)).toEqual([]);
    const served = untilFault();
    commit(served, 1_100, 1_050);
    served.end(at(9_000), 0);
    expect(gapsOf(served)).toEqual([]);
  });
});

it("latencies are before, during or after: during is whatever an outage held up", () => {
  const service = untilFault();
  commit(service, 1_005, 950);
  commit(service, 3_000, 960, 1_000, 2_000);
  commit(service, 3_100, 2_990, 3_050);
  const { before, during, after } = service.latencies;
  expect([before.count, during.count, after.count]).toEqual([10, 4, 1]);
  expect(during.greatest).toBe(2_040_000);
  expect(after.quantile(0.5)).toBe(50_000);
});

it("throughput counts commits before the fault and after the first outage", () => {
  const service = untilFault();
  commit(service, 3_000, 1_000);
  commit(service, 3_500, 3_400, 3_410);
  service.loadEnded(at(4_000));
  expect(service.throughputBefore).toBe(9);
  expect(service.throughputAfter).toBe(2);
});
