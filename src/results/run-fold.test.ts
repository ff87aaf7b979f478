// A whole run, from events to the row: where a planted gap is found, and what is unknown when a plane says nothing.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Instant } from "../base/index.js";
import type { Event, EventKind } from "../boundary/index.js";
import { csvLine } from "./csv.js";
import { csvFiles } from "./csv-files.js";
import { phaseNames, type PhaseName } from "./phases.js";
import { RunFold } from "./run-fold.js";
import type { RunContext, RunResult } from "./run-result.js";
import { inMs, leaderDown } from "./story.js";
import { contextFor, faultMs, type StoryOptions } from "./story-context.js";

function resultOf(events: readonly Event[], context: RunContext = contextFor()): RunResult {
  const fold = new RunFold(context);
  for (const event of events) fold.observe(event);
  return fold.finish();
}

const told = (options: StoryOptions = {}): RunResult => resultOf(leaderDown(options), contextFor(options));

const notTrue = (result: RunResult): readonly string[] =>
  result.checks.filter((check) => check.verdict !== "true").map((check) => check.name);

const phaseMs = (result: RunResult, phase: PhaseName): number => inMs(result.outages[0]?.phases[phase]);

const textOf = (result: RunResult): string =>
  csvFiles.flatMap((file) => [file.name, ...[...file.rows([result])].map(csvLine)]).join("\n");

describe("a leader that loses its interface", () => {
  it("gives an outage that the timers predict and the phases explain", () => {
    const result = told();
    expect(result.checks.filter((check) => check.verdict !== "true")).toEqual([]);
    expect(result.verdict).toBe("true");
    expect(inMs(result.outage)).toBeCloseTo(2_063.5, 3);
    expect(result.isPredicted).toBe(true);
    expect(result.viewChangeCount).toBe(1);
    expect([result.viewFrom, result.viewTo]).toEqual([0, 1]);
    expect(result.requestCounts.committed).toBe(result.requestCounts.invoked);
    expect(inMs(result.outages[0]?.phases.residual)).toBe(0);
    expect(inMs(result.firstFault?.caughtUpAfter)).toBeLessThan(100);
  });

  it("with Fabric's timers has its first new block 25.0 s after the fault", () => {
    const result = told({ forwardMs: 5_000, complainMs: 20_000, healAfterMs: 30_000 });
    expect(inMs(result.outage)).toBeGreaterThan(24_900);
    expect(inMs(result.outage)).toBeLessThan(25_100);
    expect(result.verdict).toBe("true");
  });

  it("among five orderers needs four that have installed the view", () => {
    const result = told({ orderers: 5 });
    expect(result.verdict).toBe("true");
    // Installed at 1.0 ms for the first and 0.5 ms later for each further orderer: the fourth completes the quorum.
    const change = result.viewChanges[0];
    const first = Math.min(...(change?.change.installed.values() ?? []));
    expect((change?.installedAt ?? 0) - first).toBe(1_500);
  });

  it("among five orderers does not count three as a quorum", () => {
    const options = { orderers: 5, healAfterMs: 60_000 };
    const events = leaderDown(options).filter(
      (event) => event.kind !== "step" || event.node !== "orderer5" || !event.step.startsWith("view"),
    );
    const result = resultOf(events, contextFor(options));
    expect(result.viewChanges[0]?.installedAt).toBeUndefined();
    expect(result.viewChangeCount).toBe(0);
    expect(notTrue(result)).toContain("outage");
  });

  it("is told by kernel, routing, TCP, gRPC and consensus", () => {
    const sightings = [...(told().firstFault?.sightings ?? [])].map(([plane, sighting]) => [
      plane,
      (sighting.at - faultMs * 1_000) / 1_000,
      sighting.saw,
    ]);
    expect(sightings).toEqual([
      ["nearKernel", -0.1, "admin down"],
      ["farKernel", 0.3, "no carrier"],
      ["route", 250, "orderer2: deleted via 10.3.0.1"],
      ["farTcp", 900, "orderer3: error EHOSTUNREACH"],
      ["farGrpc", 901, "orderer3: transient-failure"],
      ["consensus", 1_995, "orderer2: request"],
    ]);
  });
});

describe("a broken invariant makes the run false", () => {
  const story = leaderDown();
  const isBlock = (event: Event, node: string): event is Extract<Event, { kind: "block" }> =>
    event.kind === "block" && event.node === node && event.number === 30;

  it("when one orderer stores another block", () => {
    const result = resultOf(story.map((event) => (isBlock(event, "orderer3") ? { ...event, hash: "forked" } : event)));
    expect(result.verdict).toBe("false");
    expect(notTrue(result)).toContain("agreement");
  });

  it("when a transaction is in no block, and counts it as lost", () => {
    const without = (names: readonly string[]): readonly string[] => names.filter((name) => name !== "tx5000");
    const result = resultOf(
      story.map((event) => (event.kind === "block" ? { ...event, transactions: without(event.transactions) } : event)),
    );
    expect(notTrue(result)).toEqual(["nothing-lost"]);
    expect([result.verdict, result.counts.loss.lost, result.requestCounts.unknown]).toEqual(["false", 1, 1]);
  });

  it("when a transaction is in two blocks, unless it is the library's own duplicate", () => {
    const twice = story.map((event) =>
      event.kind === "block" && event.number === 42
        ? { ...event, transactions: [...event.transactions, "tx5900"], duplicates: [event.transactions.length] }
        : event,
    );
    const first = story.find((event) => event.kind === "block" && event.transactions.includes("tx5900"));
    const result = resultOf(twice);
    expect(notTrue(result)).toEqual(["nothing-twice"]);
    expect([result.verdict, result.counts.duplicates]).toEqual(["false", 1]);
    const sequence = first?.kind === "block" ? first.number : 0;
    const inFlight: Event = {
      kind: "step",
      at: first?.at ?? (0 as Instant), // before every other event
      node: "orderer2",
      component: "viewChanger",
      step: "inFlightCommitted",
      facts: { view: 0, sequence },
    };
    const named = resultOf([inFlight, ...twice]);
    expect([named.verdict, named.counts.duplicates, named.counts.duplicatesNamed]).toEqual(["true", 1, 1]);
    expect(named.explanation).toEqual(["item 1: 1 requests ordered again after an in-flight commit"]);
  });
});

describe("a gap of 200 ms planted in one plane", () => {
  const plain = told();
  const cases: readonly (readonly [StoryOptions, PhaseName])[] = [
    [{ detectionExtraMs: 200 }, "detection"],
    [{ viewChangeExtraMs: 200 }, "viewChange"],
    [{ inFlightMs: 200 }, "inFlight"],
    [{ decisionExtraMs: 200 }, "firstDecision"],
    [{ failoverMs: 200 }, "failover"],
    [{ commitExtraMs: 200 }, "firstCommit"],
  ];
  it.each(cases)("%j is found in %s and nowhere else", (options, planted) => {
    const result = told(options);
    const lengthened = phaseNames.map((phase) => [phase, Math.round(phaseMs(result, phase) - phaseMs(plain, phase))]);
    expect(lengthened).toEqual(phaseNames.map((phase) => [phase, phase === planted ? 200 : 0]));
    expect(inMs(result.outage) - inMs(plain.outage)).toBeCloseTo(200, 3);
    expect(inMs(result.outages[0]?.phases.residual)).toBeCloseTo(0, 3);
  });

  it("between the first block of the new view and the first new work is the residual, and makes the row unknown", () => {
    const result = told({ oldWorkFirstMs: 200 });
    expect(inMs(result.outages[0]?.phases.residual)).toBeCloseTo(200, 3);
    expect(result.verdict).toBe("unknown");
    expect(notTrue(result)).toEqual(["outage", "prediction"]);
  });

  it("that nothing explains says for how long some task waited for a processor", () => {
    const options = { oldWorkFirstMs: 200 };
    const [first, ...rest] = leaderDown(options);
    if (first === undefined) throw new Error("the story is empty");
    const pressure: Event = {
      at: first.at,
      node: "",
      kind: "probe",
      probe: "pressure",
      subject: "cpu",
      asked: "",
      measured: 61.9,
      unit: "percent",
    };
    const detail = (events: readonly Event[]): string | undefined =>
      resultOf(events, contextFor(options)).checks.find(({ name }) => name === "outage")?.detail;
    const problem = detail([first, ...rest]);
    expect(problem).toMatch(/^the phases leave 200.0 ms .* unexplained$/);
    expect(detail([first, pressure, ...rest])).toBe(`${problem}; some task waited for a processor 62 % of the run`);
  });

  it("of 100 ms stays below 5 % of the outage and is only published", () => {
    const result = told({ oldWorkFirstMs: 100 });
    expect(inMs(result.outages[0]?.phases.residual)).toBeCloseTo(100, 3);
    expect(result.verdict).toBe("true");
  });
});

describe("a kind of event that is missing", () => {
  const needed: readonly EventKind[] = [
    "environment",
    "phase",
    "fault",
    "link",
    "step",
    "block",
    "request",
    "process",
    "probe",
  ];
  it.each(needed)("%s makes the verdict unknown", (kind) => {
    const result = resultOf(leaderDown().filter((event) => event.kind !== kind));
    expect(result.verdict).toBe("unknown");
  });

  const steps = ["complaint", "viewInstalled", "viewStarting"];
  it("every statement of a view makes the verdict unknown", () => {
    const events = leaderDown().filter((event) => event.kind !== "step" || !steps.slice(1).includes(event.step));
    expect(notTrue(resultOf(events))).toContain("outage");
  });

  it.each(["orderer", "peer"])("blocks at every %s make the verdict unknown", (role) => {
    const result = resultOf(leaderDown().filter((event) => event.kind !== "block" || event.role !== role));
    expect(result.verdict).toBe("unknown");
    expect(notTrue(result)).toContain("outage");
  });

  it("and without commits in the window no check says true", () => {
    const result = resultOf(leaderDown().filter((event) => event.kind !== "block" || event.at < 4_000_000));
    const safety = result.checks.filter((check) => check.name !== "record");
    expect(safety.filter((check) => check.verdict === "true")).toEqual([]);
  });
});

describe("a fault that is not as asked", () => {
  it("is marked when it is late by more than 5 ms", () => {
    const result = told({ lateMs: 7 });
    expect(result.counts.faultsLate).toBe(1);
    expect(notTrue(result)).toEqual(["faults-on-time"]);
  });

  it("makes the verdict unknown when it failed", () => {
    const events = leaderDown().map((event) =>
      event.kind === "fault" && event.state === "effective"
        ? { ...event, state: "failed" as const, detail: "no interface eth1" }
        : event,
    );
    const result = resultOf(events);
    expect(result.verdict).toBe("unknown");
    expect(result.checks.find((check) => check.name === "faults-effective")?.detail).toContain("no interface eth1");
  });

  it("gives the same row as observed when nobody asked for it", () => {
    const events = leaderDown().flatMap((event): readonly Event[] => {
      if (event.kind !== "fault") return [event];
      if (event.state !== "effective" && event.state !== "healed") return [];
      const state = event.state === "effective" ? "down" : "up";
      return [{ kind: "observed", at: event.at, node: "orderer1", endpoint: event.target, how: "admin", state }];
    });
    const result = resultOf(events, contextFor({}, { timeline: [] }));
    expect(result.verdict).toBe("true");
    expect(inMs(result.outage)).toBeCloseTo(2_063.5, 3);
    const asked = told().firstFault;
    expect(result.firstFault?.observedAt).toBe(asked?.effectiveAt);
    expect(result.firstFault?.healedAt).toBe(asked?.healedAt);
    expect(result.firstFault?.sightings).toEqual(asked?.sightings);
  });
});

describe("a leader whose whole node ends", () => {
  const ended = (what: "node-kill" | "frr-kill"): readonly Event[] =>
    leaderDown().map((event) => {
      return event.kind === "fault" ? { ...event, what, how: "" as const, target: "orderer1" } : event;
    });

  it("is cut off as by the loss of all its interfaces, and the first of them to go is seen", () => {
    const result = resultOf(ended("node-kill"));
    expect(result.isPredicted).toBe(true);
    expect(inMs(result.outage)).toBeCloseTo(2_063.5, 3);
    expect(result.firstFault?.sightings).toEqual(told().firstFault?.sightings);
  });

  it("is told as such when nobody asked for it", () => {
    const events = ended("node-kill").flatMap((event): readonly Event[] => {
      if (event.kind !== "fault") return [event];
      if (event.state !== "effective" && event.state !== "healed") return [];
      const state = event.state === "effective" ? "down" : "up";
      return [
        { kind: "observed", at: event.at, node: "orderer1", what: "node-stop", endpoint: "orderer1", how: "", state },
      ];
    });
    const result = resultOf(events, contextFor({}, { timeline: [] }));
    expect(result.firstFault).toMatchObject({ what: "node-stop", target: "orderer1", state: "observed" });
    expect(result.isPredicted).toBe(true);
  });

  it("predicts nothing where FRR alone is killed: the kernel keeps its routes", () => {
    expect(resultOf(ended("frr-kill")).isPredicted).toBeUndefined();
  });
});

describe("events that were lost", () => {
  it("make the record unknown, with their number", () => {
    const at = (faultMs * 1_000) as Instant;
    const lost: Event = { kind: "log", at, node: "orderer2", process: "control", text: "events lost: 7" };
    const events = [...leaderDown(), lost].toSorted((left, right) => left.at - right.at);
    const record = resultOf(events).checks.find((check) => check.name === "record");
    expect(record).toMatchObject({ verdict: "unknown", detail: "7 events were lost on their way here" });
  });
});

describe("an outage outside the prediction", () => {
  it("is unknown when nothing explains it", () => {
    const result = told({ detectionExtraMs: 1_000 });
    expect(result.isPredicted).toBe(false);
    expect(notTrue(result)).toEqual(["prediction"]);
  });

  it("names the pre-prepare lost at the view boundary (section 15 item 10)", () => {
    const result = resultOf(withLostPrePrepare());
    expect(result.isPredicted).toBe(false);
    expect(result.explanation[0]).toBe(
      "item 10: pre-prepare lost at view boundary: orderer4 started view 1 3.2 ms after orderer2 had proposed",
    );
    expect(result.checks.find((check) => check.name === "prediction")?.verdict).toBe("true");
    expect(inMs(result.outages[0]?.phases.failedAttempts)).toBeCloseTo(2_000, 0);
  });
});

/** View 1 is installed and proposes too early for orderer4; what the story tells of view 1 comes 2 s later, as view 2. */
function withLostPrePrepare(): readonly Event[] {
  const story = leaderDown();
  const from = (faultMs + 1_900) * 1_000;
  const later = story.flatMap((event): readonly Event[] => {
    if (event.at < from) return [event];
    if (event.kind === "step") return [shifted({ ...event, facts: viewsUp(event.facts) })];
    if (event.kind === "block" && event.view === 1) return [shifted({ ...event, view: 2 })];
    return event.kind === "block" ? [shifted(event)] : [event.kind === "phase" ? shifted(event) : event];
  });
  const first = story.filter((event) => event.kind === "step" && event.at >= from && event.at < from + 1_000_000);
  const proposal = first.find((event) => event.kind === "step" && event.step === "proposing");
  const early = first.map(
    (event) => (event === proposal ? { ...event, at: (laggardAt(first) - 3_000) as Instant } : event), // microseconds on the same clock
  );
  return [...later, ...early].toSorted((left, right) => left.at - right.at);
}

const shifted = <E extends Event>(event: E): E => ({ ...event, at: event.at + 2_000_000 });

function viewsUp(facts: Extract<Event, { kind: "step" }>["facts"]): Extract<Event, { kind: "step" }>["facts"] {
  const up = Object.entries(facts).map(([name, fact]) => [
    name,
    (name === "view" || name === "nextView") && typeof fact === "number" ? fact + 1 : fact,
  ]);
  return Object.fromEntries(up);
}

function laggardAt(events: readonly Event[]): number {
  const installed = events.find(
    (event) => event.kind === "step" && event.step === "viewInstalled" && event.node === "orderer4",
  );
  return installed?.at ?? 0;
}

describe("the order in which events were heard", () => {
  const story = leaderDown();
  const expected = textOf(resultOf(story));

  it("of different nodes changes no row", () => {
    const nodes = [...new Set(story.map((event) => event.node))];
    const anyDelays = fc.array(fc.integer({ min: 0, max: 400_000 }), {
      minLength: nodes.length,
      maxLength: nodes.length,
    });
    fc.assert(
      fc.property(anyDelays, (delays) => {
        const heardAt = (event: Event): number => event.at + (delays[nodes.indexOf(event.node)] ?? 0);
        const heard = story.toSorted((left, right) => heardAt(left) - heardAt(right));
        expect(textOf(resultOf(heard))).toBe(expected);
      }),
      { numRuns: 10 },
    );
  });

  it("of different nodes with equal stamps changes no row", () => {
    const coarse = story.map((event) => ({ ...event, at: (Math.floor(event.at / 2_000) * 2_000) as Instant })); // 2 ms steps
    const reference = textOf(resultOf(coarse));
    const anyOrder = fc.array(fc.nat(), { minLength: coarse.length, maxLength: coarse.length });
    fc.assert(
      fc.property(anyOrder, (keys) => {
        // Any order of nodes within one stamp; a node's own events stay in order.
        const keyOf = new Map<string, number>();
        const key = (event: Event, index: number): number => {
          const name = `${event.at}/${event.node}`;
          const known = keyOf.get(name) ?? keys[index] ?? 0;
          keyOf.set(name, known);
          return known;
        };
        const keyed = coarse.map((event, index) => ({ event, key: key(event, index) }));
        const shuffled = keyed.toSorted((left, right) => left.event.at - right.event.at || left.key - right.key);
        expect(textOf(resultOf(shuffled.map(({ event }) => event)))).toBe(reference);
      }),
      { numRuns: 5 },
    );
  });

  it("is put right only so far: an event heard 10 s late makes the record unknown", () => {
    const [first, ...rest] = story.filter((event) => event.kind === "probe" && event.probe === "clock");
    expect(rest.length).toBeGreaterThan(0);
    const others = story.filter((event) => event !== first);
    const result = resultOf(first === undefined ? others : [...others, first]);
    expect(notTrue(result)).toEqual(["record"]);
  });
});

it("rows may be taken while the run is folded, and are the same", () => {
  const fold = new RunFold(contextFor());
  const requests: unknown[] = [];
  const timeseries: unknown[] = [];
  const take = (): void => {
    const taken = fold.takeRows();
    requests.push(...taken.requests);
    timeseries.push(...taken.timeseries);
  };
  for (const [index, event] of leaderDown().entries()) {
    fold.observe(event);
    if (index % 1_000 === 0) take();
  }
  const result = fold.finish();
  const whole = told();
  expect(requests.length).toBeGreaterThan(0);
  expect([...requests, ...result.requests]).toEqual(whole.requests);
  expect([...timeseries, ...result.timeseries]).toEqual(whole.timeseries);
});
