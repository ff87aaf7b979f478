// The fuzzer itself: the same seed gives the same run, the fault budget holds, a failing schedule shrinks and travels as
// a file, a diagram and an experiment, and the mutants' anchors stand. What it finds is `testbed fuzz` and scripts/mutants.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  absentSurprises,
  asExperiment,
  behaviourNames,
  DiagramRecorder,
  fuzzRun,
  parseSeedFile,
  scheduleOf,
  seedFileText,
  shrunk,
  surprises,
  type Event,
  type Schedule,
} from "../../src/sim/index.js";
import { parseExperiment } from "../../src/spec/index.js";
import { mutants } from "../mutants/mutants.js";
import { checkAnchors } from "../mutants/patch.js";
import { rules } from "../mutants/rules.js";
import { quick } from "../mutants/quick.js";

const library = { size: 4, fidelity: "library" } as const;
const plain = scheduleOf(1, { size: 4, fidelity: "improved" });
const calm: Schedule = {
  ...plain,
  setting: {
    ...plain.setting,
    decisionsPerLeader: 0,
    actOneMs: 1500,
    healed: [1, 2, 3, 4],
    linkDelayMs: 1,
    jitterMs: 0,
  },
  events: [],
};
const at = (ms: number, fault: Event["fault"], forMs = 300): Event => ({ when: { at: "time", ms }, fault, forMs });

describe("a seed", () => {
  it.each([1, 18, 42])("%i gives the same run twice, traces and all", (seed) => {
    const [first, second] = [fuzzRun(scheduleOf(seed, library)), fuzzRun(scheduleOf(seed, library))];
    expect(second).toEqual(first);
    expect(first.decisions).toBeGreaterThan(3);
  });

  it("gives another run than the next one, and than the same of another fidelity", () => {
    const hashes = [1, 2].map((seed) => fuzzRun(scheduleOf(seed, library)).traceHash);
    const improved = fuzzRun(scheduleOf(1, { size: 4, fidelity: "improved" })).traceHash;
    expect(new Set([...hashes, improved]).size).toBe(3);
  });
});

describe("the fault budget", () => {
  const crashes = [1, 2, 3].map((node) => at(200, { kind: "crash", node }));

  it("lets one of four be down at a time, however many a schedule asks for", () => {
    expect(fuzzRun({ ...calm, events: crashes }).fired).toHaveLength(1);
  });

  it("counts who has lied to the end, and is exceeded where a schedule asks for it", () => {
    const liar = at(100, { kind: "byzantine", nodes: [4], behaviour: "silent" });
    expect(fuzzRun({ ...calm, events: [liar, ...crashes] }).fired.map(({ index }) => index)).toEqual([0]);
    const asked = { ...calm, setting: { ...calm.setting, budget: 3 }, events: crashes };
    expect(fuzzRun(asked).fired).toHaveLength(3);
  });
});

describe("the fault budget of seven, one of whom is to go (seed 72620)", () => {
  const seven = { ...calm.setting, size: 7, healed: [1, 2, 3, 4, 5, 6, 7] };
  const remove = (ms: number): Event => ({
    when: { at: "time", ms },
    fault: { kind: "reconfigure", order: "remove" },
  });
  const lies = (ms: number, node: number): Event => at(ms, { kind: "byzantine", nodes: [node], behaviour: "silent" });
  const fired = (...events: readonly Event[]): readonly number[] =>
    fuzzRun({ ...calm, setting: seven, events }).fired.map(({ index }) => index);

  it("is that of the six from when the removal is asked for", () => {
    expect(fired(remove(100), lies(101, 2), lies(102, 3))).toEqual([0, 1]);
  });

  it("withholds the removal while more are faulty than six bear, whom it would remove not counted", () => {
    expect(fired(lies(100, 2), lies(101, 3), remove(102))).toEqual([0, 1]);
    expect(fired(lies(100, 1), lies(101, 3), remove(102))).toEqual([0, 1, 2]);
  });
});

describe("a trigger", () => {
  it("that is chained counts from when the event before it has fired", () => {
    const first = at(500, { kind: "burst", count: 1, node: "all" });
    const delivered = (count: number, chained?: true): Event => ({
      when: { at: "step", step: "delivered", count, delayMs: 0, ...(chained === undefined ? {} : { chained }) },
      fault: { kind: "burst", count: 1, node: "all" },
    });
    const { fired } = fuzzRun({ ...calm, events: [first, delivered(1, true), delivered(1)] });
    const whenOf = (event: number): number => fired.find(({ index }) => index === event)?.at ?? 0;
    expect(whenOf(1)).toBeGreaterThan(500_000);
    expect(whenOf(2)).toBeLessThan(500_000);
  });

  it("cuts what a node says, or what it hears", () => {
    const heights = (way: "out" | "in"): readonly number[] => {
      const isolated = at(0, { kind: "isolate", node: 4, way }, 1500);
      const received = new Set<string>();
      fuzzRun(
        { ...calm, events: [isolated] },
        {
          onTrace: ({ at: instant, node, trace }) => {
            if (trace.kind === "received" && instant < 1_000_000) received.add(`${trace.from}>${node}`);
          },
        },
      );
      return [["1>4", "4>1"].filter((link) => received.has(link)).length, Number(received.has("1>4"))];
    };
    expect(heights("out")).toEqual([1, 1]);
    expect(heights("in")).toEqual([1, 0]);
  });
});

describe("a Byzantine node of a schedule", () => {
  it.each(behaviourNames.map((name) => [name]))("%s, one of four: no alarm", (behaviour) => {
    const changes = [1, 2, 3, 4].map((node) => at(700, { kind: "complain", node }));
    for (const node of [1, 2]) {
      const turn = at(200, { kind: "byzantine", nodes: [node], behaviour }, behaviour === "replay-flood" ? 100 : 1000);
      const { alarms, fired } = fuzzRun({ ...calm, seed: node, events: [turn, ...changes] });
      expect(alarms).toEqual([]);
      expect(fired.map(({ index }) => index)).toContain(0);
    }
  });

  const equivocations = (behaviour: string): ReturnType<typeof fuzzRun>["equivocations"] => {
    const turn = at(100, { kind: "byzantine", nodes: [1], behaviour }, 1400);
    const busy = { ...calm.setting, requestsPerSecond: 15 };
    return fuzzRun({ ...calm, setting: busy, events: [turn] }).equivocations;
  };

  it("that signs two Commits for one place is proved to equivocate, by its signatures", () => {
    const { proved } = equivocations("equivocate");
    expect(proved).toContainEqual(expect.objectContaining({ what: "commit", who: 1, view: 0 }));
  });

  it("that proposes twice and votes once is only observed to", () => {
    const { proved, observed } = equivocations("doubling");
    expect(proved).toEqual([]);
    expect(observed).toContainEqual(expect.objectContaining({ what: "PrePrepare", who: "1" }));
  });

  it("that is honest is neither", () => {
    expect(equivocations("slow-drip")).toEqual({ proved: [], observed: [] });
  });
});

describe("two liars among four, which nobody promised to bear", () => {
  const league = at(0, { kind: "byzantine", nodes: [1, 3], behaviour: "equivocating" }, 4000);
  const found = [3, 4, 5, 6, 7, 8, 9].map((seed) =>
    fuzzRun({
      ...calm,
      seed,
      setting: { ...calm.setting, budget: 2, requestsPerSecond: 15 },
      events: [league, at(700, { kind: "isolate", node: 4 })],
    }),
  );
  const broken = found.find(({ alarms }) => alarms[0]?.code === "disagreement");

  it("break agreement, and the checkers say so; a schedule that shows it shrinks to the lie alone", () => {
    if (broken === undefined) throw new Error(`No disagreement: ${JSON.stringify(found.map(({ alarms }) => alarms))}`);
    const raises = (candidate: Schedule): boolean =>
      fuzzRun(candidate).alarms.some(({ code }) => code === "disagreement");
    const { schedule, runs } = shrunk(broken.schedule, raises, 60);
    expect(schedule.events).toHaveLength(1);
    expect(schedule.events[0]?.fault.kind).toBe("byzantine");
    expect(runs).toBeLessThanOrEqual(60);
  });

  it("are a story: a diagram that ends with the alarm", () => {
    if (broken === undefined) throw new Error("No disagreement");
    const recorder = new DiagramRecorder();
    const text = recorder.text(fuzzRun(broken.schedule, { onTrace: recorder.onTrace }));
    expect(text).toMatch(/^sequenceDiagram\n {2}participant n1 as node 1\n/);
    expect(text.trimEnd().split("\n").at(-1)).toContain("ALARM disagreement");
    expect(text).toContain("FAULT byzantine");
    expect(text).toMatch(/n\d->>n\d: PrePrepare v0 s1/);
  });
});

describe("a leader of seven that tells two stories (surprise 36), as a seed found it", () => {
  const found = (fidelity: "library" | "improved"): Schedule => ({
    seed: 124,
    setting: {
      size: 7,
      fidelity,
      decisionsPerLeader: 1,
      speedUpViewChange: false,
      syncOnStart: true,
      emptyAuxiliary: false,
      linkDelayMs: 5,
      jitterMs: 0,
      fsyncMs: 0,
      verifyMs: 0,
      requestsPerSecond: 8,
      actOneMs: 6000,
      healed: [1, 2, 3, 4, 5, 6, 7],
    },
    events: [
      {
        when: { at: "step", step: "newViewAccepted", count: 5, delayMs: 0 },
        fault: { kind: "complain", node: "here" },
      },
      {
        when: { at: "step", step: "proposing", count: 7, delayMs: 0 },
        fault: { kind: "byzantine", nodes: [1, 5], behaviour: "equivocating" },
        forMs: 1500,
      },
      { when: { at: "step", step: "delivered", count: 23, delayMs: 0 }, fault: { kind: "complain", node: "here" } },
    ],
  });

  it("goes on in improved", () => {
    const result = fuzzRun(found("improved"));
    expect(result.alarms).toEqual([]);
    expect(result.sightings.seen.has(36)).toBe(true);
  });
});

describe("a schedule under which the checkers, the simulator's hosts or the replica were wrong", () => {
  const tests = join(import.meta.dirname, "..");
  const names = ["false-alarms", "solved-alarms"].flatMap((folder) =>
    readdirSync(join(tests, folder)).map((name) => join(folder, name)),
  );

  it.each(names.map((name) => [name]))("%s raises no alarm", (name) => {
    const parsed = parseSeedFile(readFileSync(join(tests, name), "utf8"));
    if (parsed.kind === "bad") throw new Error(`${name}: ${parsed.problems.join("; ")}`);
    expect(fuzzRun(parsed.value.schedule).alarms).toEqual([]);
  });
});

describe("a saved schedule", () => {
  it("reads back as it was, whatever a seed drew", () => {
    for (let seed = 1; seed <= 60; seed++) {
      const file = {
        format: 1,
        kind: "fuzz-seed",
        alarm: null,
        traceHash: "",
        schedule: scheduleOf(seed, library),
      } as const;
      expect(parseSeedFile(seedFileText(file))).toEqual({ kind: "good", value: file });
    }
  });

  it.each([
    ["no JSON", "it is no JSON"],
    ["{}", "it has no format; this version of testbed reads seed files of format 1"],
    ['{"format": 2}', "it has format 2; this version of testbed reads seed files of format 1"],
    ['{"format": 1, "kind": "fuzz-seed", "alarm": "none", "traceHash": "", "schedule": {}}', "alarm: "],
  ])("%s is refused", (text, problem) => {
    const parsed = parseSeedFile(text);
    expect(parsed.kind === "bad" ? parsed.problems.join("; ") : "good").toContain(problem);
  });
});

describe("an experiment for labs", () => {
  it("is one that validates, with the faults that have a counterpart and a line for each that has none", () => {
    const events = [
      at(100, { kind: "isolate", node: 2 }),
      at(500, { kind: "crash", node: 3 }),
      at(900, { kind: "slowDisk", node: 1, fsyncMs: 20 }),
    ];
    const { text, without } = asExperiment(fuzzRun({ ...calm, events }), "topologies/bft4-ring.yaml");
    const parsed = parseExperiment(text, "fuzz.yaml");
    expect(parsed).toMatchObject({ kind: "good" });
    expect(text).toContain("fault: interface-down\n    how: blackhole\n    target: orderer2\n    for: 300ms");
    expect(text).toContain("fault: process-kill\n    target: orderer3");
    expect(without).toContainEqual(expect.stringContaining("labs do not slow disks down"));
  });

  it("validates for whatever seeds draw", () => {
    for (let seed = 1; seed <= 25; seed++) {
      const { text } = asExperiment(fuzzRun(scheduleOf(seed, library)), "topologies/bft4-ring.yaml");
      expect(parseExperiment(text, "fuzz.yaml"), `${text}`).toMatchObject({ kind: "good" });
    }
  });
});

describe("the list of surprises", () => {
  const documented = readFileSync(join(import.meta.dirname, "..", "..", "docs", "protocol.md"), "utf8");

  it("has a code for each entry of docs/protocol.md that a seed can reach, and a reason for the others", () => {
    const numbers = [...surprises.map(({ number }) => number), ...Object.keys(absentSurprises).map(Number)];
    expect(numbers.toSorted((left, right) => left - right)).toEqual(
      Array.from({ length: 44 }, (_, index) => index + 1),
    );
    for (const { number, code } of surprises)
      expect(documented).toMatch(new RegExp(`\\| \`${code}\` \\| ${number} \\|`));
  });

  it("names each behaviour of a Byzantine node in docs/protocol.md", () => {
    for (const name of behaviourNames) expect(documented).toContain(`\`${name}\``);
  });
});

describe("the mutants and altered rules", () => {
  it.each([...mutants, ...rules].map((planted) => [planted.name, planted] as const))(
    "%s: each anchor stands exactly once",
    (_name, { patches }) => {
      expect(() => checkAnchors(patches)).not.toThrow();
      expect(patches.every(({ find, replace }) => find !== replace)).toBe(true);
    },
  );

  it("an anchor that is gone, or stands twice, ends the run", () => {
    const patch = { file: "smartbft/view.ts", replace: "" };
    expect(() => checkAnchors([{ ...patch, find: "no such text" }])).toThrow("stands 0 times, expected once");
    expect(() => checkAnchors([{ ...patch, find: "this" }])).toThrow(/stands \d+ times/);
  });

  it("of CI exist", () => {
    const names = mutants.map(({ name }) => name);
    expect(quick.filter((name) => !names.includes(name))).toEqual([]);
    expect(new Set(names).size).toBe(names.length);
  });
});
