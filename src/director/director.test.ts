// The director in virtual time: a timeline told only by events and instants, and the actions that come of it.
import { describe, expect, it } from "vitest";
import { after, instant, milliseconds, problemText, seconds, type Instant } from "../base/index.js";
import type { Event } from "../boundary/index.js";
import { planFor, type Plan } from "../plan/index.js";
import { parseExperiment, parseTopology, type Experiment } from "../spec/index.js";
import { Director, type Action } from "./index.js";

function planOf(orderers: number): Plan {
  const names = Array.from({ length: orderers }, (_, index) => `orderer${index + 1}`);
  const members = [...names.map((name) => [name, "orderer"]), ["peer1", "peer"], ["client1", "client"]] as const;
  const topology = parseTopology(
    `format: 1
name: small
profile: fast
nodes:
  sw1: { kind: switch }
${members.map(([name, kind]) => `  ${name}: { kind: ${kind} }`).join("\n")}
links:
${members.map(([name]) => `  - { endpoints: ["${name}:eth1", "sw1"] }`).join("\n")}
`,
    "small.yaml",
  );
  if (topology.kind === "bad") throw new Error(topology.problems.map(problemText).join("\n"));
  const plan = planFor(topology.value);
  if (plan.kind === "bad") throw new Error(plan.problems.map(problemText).join("\n"));
  return plan.value;
}

function experimentOf(lines: string): Experiment {
  const text = `format: 1
name: short
topology: small.yaml
workload: { rate: 10/s, size: 100B }
warm-up: 2s
duration: 20s
drain: 10s
${lines}
`;
  const experiment = parseExperiment(text, "short.yaml");
  if (experiment.kind === "bad") throw new Error(experiment.problems.map(problemText).join("\n"));
  return experiment.value;
}

const leaderDown = experimentOf(`phase: 0s
timeline: [{ at: 3s, fault: interface-down, how: admin, target: leader, for: 5s }]`);

/** A lab of four orderers, as the director meets it: what is told to it, and what it did when. */
class Stage {
  readonly plan = planOf(4);
  readonly told: { readonly at: Instant; readonly action: Action }[] = [];
  readonly #director: Director;
  now = instant(1_000_000);

  constructor(experiment: Experiment, seed = "seed") {
    this.#director = new Director(this.plan, experiment, seed);
  }

  tell(event: Event): void {
    this.#director.observe(event);
    this.#step();
  }

  /** Lets time pass, stopping at each of the director's deadlines, as its host does. */
  pass(duration: Parameters<typeof after>[1]): void {
    const until = after(this.now, duration);
    this.#step();
    for (let due = this.#director.deadline(); due !== undefined && due <= until; due = this.#director.deadline()) {
      this.now = due > this.now ? due : this.now;
      const before = this.told.length;
      this.#step();
      // A deadline that has come and brings no action would make its host spin.
      if (this.told.length === before) throw new Error(`Nothing happened at the deadline ${due}`);
    }
    this.now = until;
    this.#step();
  }

  view(view: number, leader: number, ...orderers: readonly number[]): void {
    for (const orderer of orderers) {
      const facts = { view, leader };
      const node = `orderer${orderer}`;
      this.tell({ kind: "step", at: this.now, node, component: "view", step: "viewStarting", facts });
    }
  }

  accept(transaction: string): void {
    const request = { transaction, state: "accepted", intendedAt: this.now, orderer: "orderer1", detail: "" } as const;
    this.tell({ kind: "request", at: this.now, node: "client1", ...request });
  }

  block(number: number, transactions: readonly string[], nodes = this.members): void {
    for (const node of nodes) {
      const role = node === "peer1" ? "peer" : "orderer";
      const common = { hash: "", previousHash: "", view: 0, bytes: 0, duplicates: [], source: "decision" } as const;
      this.tell({ kind: "block", at: this.now, node, role, number, transactions, ...common });
    }
  }

  readonly members: readonly string[] = ["orderer1", "orderer2", "orderer3", "orderer4", "peer1"];

  /** From nothing to the start of the timeline. */
  warm(): void {
    this.pass(seconds(0));
    this.view(0, 1, 1, 2, 3, 4);
    this.block(1, ["t1"]);
    this.pass(seconds(2));
  }

  /** Phases and faults so far, in seconds since the timeline's start, as text. */
  story(): readonly string[] {
    const start = this.told.find(({ action }) => action.kind === "phase" && action.phase === "timeline-started")?.at;
    return this.told.map(({ at, action }) => `${(at - (start ?? at)) / 1e6} ${textOf(action)}`);
  }

  #step(): void {
    for (const action of this.#director.step(this.now)) this.told.push({ at: this.now, action });
  }
}

function textOf(action: Action): string {
  switch (action.kind) {
    case "phase":
      return action.phase;
    case "inject":
      return `inject ${action.fault} ${action.resolved.targets.join(" ") || "nothing"}`;
    case "heal":
      return `heal ${action.fault}`;
    case "pin-source":
      return `pin ${action.peer} ${action.orderer}`;
    case "end":
      return `end${action.problem === "" ? "" : `: ${action.problem}`}`;
    default:
      return action.kind;
  }
}

describe("the timeline", () => {
  it("goes through its phases in order, each at its instant", () => {
    const stage = new Stage(leaderDown);
    stage.warm();
    stage.pass(seconds(40));
    expect(stage.story()).toEqual([
      "-2 pin peer1 orderer4",
      "-2 start-workload",
      "-2 workload-started",
      "-2 warm",
      "0 timeline-started",
      "3 inject 1 orderer1:eth1",
      "8 heal 1",
      "20 stop-workload",
      "20 timeline-ended",
      "20 workload-stopped",
      "21 stopped",
      "21 end",
    ]);
  });

  it("starts no load before f+1 orderers have said who leads, and waits with the warm-up for a commit at a peer", () => {
    const stage = new Stage(leaderDown);
    stage.pass(seconds(5));
    stage.view(0, 1, 3);
    expect(stage.story()).toEqual([]);
    stage.view(0, 1, 2);
    expect(stage.story()).toContain("0 workload-started");
    stage.pass(seconds(5));
    stage.block(1, ["t1"], ["orderer1", "orderer2"]);
    stage.block(1, [], ["peer1"]);
    expect(stage.story()).not.toContain("0 warm");
    stage.block(2, ["t2"], ["peer1"]);
    expect(stage.told.at(-1)?.action).toEqual({ kind: "phase", phase: "warm" });
  });

  it("injects what is due together in the order of the file, and heals in its place", () => {
    const stage = new Stage(
      experimentOf(`phase: 0s
timeline:
  - { at: 4s, fault: process-pause, target: orderer2, for: 1s }
  - { at: 1s, fault: process-pause, target: orderer3, for: 3s }
  - { at: 4s, fault: process-kill, target: orderer4 }`),
    );
    stage.warm();
    stage.pass(seconds(19));
    expect(stage.story().filter((line) => /inject|heal/.test(line))).toEqual([
      "1 inject 2 orderer3",
      "4 inject 1 orderer2",
      "4 heal 2",
      "4 inject 3 orderer4",
      "5 heal 1",
    ]);
  });

  it("states when each fault was due, though its host comes late", () => {
    const stage = new Stage(leaderDown);
    stage.warm();
    const start = stage.now;
    stage.now = after(start, milliseconds(3_250));
    stage.pass(seconds(0));
    expect(stage.told.at(-1)?.action).toMatchObject({ kind: "inject", dueAt: after(start, seconds(3)) });
  });
});

describe("the draw of the fault's phase", () => {
  const shifted = experimentOf(`phase: 1s
timeline: [{ at: 3s, fault: interface-down, how: admin, target: leader, for: 5s }]`);
  const injectedAt = (seed: string): number => {
    const stage = new Stage(shifted, seed);
    stage.warm();
    const start = stage.now;
    stage.pass(seconds(10));
    const inject = stage.told.find(({ action }) => action.kind === "inject");
    const heal = stage.told.find(({ action }) => action.kind === "heal");
    expect((heal?.at ?? 0) - (inject?.at ?? 0)).toBe(seconds(5));
    return (inject?.at ?? 0) - start;
  };

  it("is a function of the seed alone", () => {
    expect(injectedAt("a/1")).toBe(injectedAt("a/1"));
    expect(injectedAt("a/1")).not.toBe(injectedAt("a/2"));
  });

  it("lies in [0, phase) and spreads over it", () => {
    const shifts = Array.from({ length: 100 }, (_, index) => injectedAt(`s/${index}`) - seconds(3));
    expect(Math.min(...shifts)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...shifts)).toBeLessThan(seconds(1));
    for (const quarter of [0, 1, 2, 3]) {
      const within = shifts.filter((shift) => Math.floor((shift * 4) / seconds(1)) === quarter);
      expect(within.length).toBeGreaterThan(10);
    }
  });
});

describe("roles", () => {
  const injected = (stage: Stage): readonly string[] => stage.story().filter((line) => line.includes("inject"));

  it("the leader is who the (f+1)-th highest view names, after two view changes", () => {
    const stage = new Stage(leaderDown);
    stage.warm();
    stage.view(1, 2, 1, 2, 3, 4);
    stage.view(2, 3, 2, 3, 4);
    stage.pass(seconds(4));
    expect(injected(stage)).toEqual(["3 inject 1 orderer3:eth1"]);
  });

  it("one orderer that is ahead of all others, or lies, does not decide", () => {
    const stage = new Stage(leaderDown);
    stage.warm();
    stage.view(1, 2, 1, 2, 3, 4);
    stage.view(99, 4, 3);
    stage.pass(seconds(4));
    expect(injected(stage)).toEqual(["3 inject 1 orderer2:eth1"]);
  });

  it("two that have moved on do: at least one of them is correct", () => {
    const stage = new Stage(leaderDown);
    stage.warm();
    stage.view(1, 2, 3, 4);
    stage.pass(seconds(4));
    expect(injected(stage)).toEqual(["3 inject 1 orderer2:eth1"]);
  });

  it("is resolved when the fault fires, not before; its heal does not follow the role", () => {
    const stage = new Stage(leaderDown);
    stage.warm();
    stage.pass(milliseconds(2_999));
    stage.view(1, 2, 1, 2, 3, 4);
    stage.pass(seconds(1));
    stage.view(2, 3, 1, 2, 3, 4);
    stage.pass(seconds(10));
    expect(stage.story().filter((line) => /inject|heal/.test(line))).toEqual(["3 inject 1 orderer2:eth1", "8 heal 1"]);
  });

  it("followers are counted in id order without the leader", () => {
    const stage = new Stage(
      experimentOf(`phase: 0s
timeline:
  - { at: 1s, fault: process-kill, target: follower }
  - { at: 2s, fault: process-kill, target: "follower[2]" }
  - { at: 3s, fault: process-kill, target: "follower[4]" }`),
    );
    stage.warm();
    stage.view(1, 2, 1, 2, 3, 4);
    stage.pass(seconds(4));
    expect(injected(stage)).toEqual(["1 inject 1 orderer1", "2 inject 2 orderer3", "3 inject 3 nothing"]);
  });

  it("a Byzantine leader is the orderer itself, and how it misbehaves goes along", () => {
    const stage = new Stage(
      experimentOf("phase: 0s\ntimeline:\n  - { at: 1s, fault: byzantine, how: equivocate, target: leader, for: 2s }"),
    );
    stage.warm();
    stage.view(1, 2, 1, 2, 3, 4);
    stage.pass(seconds(4));
    const inject = stage.told.find(({ action }) => action.kind === "inject")?.action;
    expect(inject).toMatchObject({ resolved: { what: "byzantine", how: "equivocate", targets: ["orderer2"] } });
    expect(stage.story().filter((line) => /inject|heal/.test(line))).toEqual(["1 inject 1 orderer2", "3 heal 1"]);
  });

  it("a leader whom the plan does not know is a fault without targets, and the run goes on", () => {
    const stage = new Stage(leaderDown);
    stage.warm();
    stage.view(1, 77, 1, 2, 3, 4);
    stage.pass(seconds(30));
    const inject = stage.told.find(({ action }) => action.kind === "inject")?.action;
    expect(inject).toMatchObject({ resolved: { asked: "leader", targets: [] } });
    expect(stage.story().at(-1)).toBe("21 end");
  });

  it("block-source: leader pins the peers to the leader, as-topology leaves them alone", () => {
    const pinned = new Stage(experimentOf("phase: 0s\nblock-source: leader\ntimeline: []"));
    pinned.warm();
    expect(pinned.story()[0]).toBe("-2 pin peer1 orderer1");
    const free = new Stage(experimentOf("phase: 0s\nblock-source: as-topology\ntimeline: []"));
    free.warm();
    expect(free.story().some((line) => line.includes("pin"))).toBe(false);
  });
});

describe("the drain", () => {
  const ended = (stage: Stage): string | undefined => stage.story().find((line) => line.endsWith(" end"));
  const drained = (): Stage => {
    const stage = new Stage(experimentOf("phase: 0s\ntimeline: []"));
    stage.warm();
    stage.pass(milliseconds(19_999));
    return stage;
  };

  it("ends a second after the last block when nothing is missing", () => {
    const stage = drained();
    stage.accept("t2");
    stage.pass(milliseconds(1_500));
    stage.block(2, ["t2"]);
    stage.pass(seconds(20));
    expect(ended(stage)).toBe("22.499 end");
  });

  it("lasts its full time while an accepted transaction is not committed", () => {
    const stage = drained();
    stage.accept("t2");
    stage.pass(seconds(20));
    expect(ended(stage)).toBe("30 end");
  });

  it("lasts its full time while one orderer is behind, and ends when it has caught up", () => {
    const stage = drained();
    stage.block(2, ["t2"], ["orderer1", "orderer2", "orderer3", "peer1"]);
    stage.pass(seconds(5));
    expect(ended(stage)).toBeUndefined();
    stage.block(2, ["t2"], ["orderer4"]);
    stage.pass(seconds(2));
    expect(ended(stage)).toBe("25.999 end");
  });

  it("takes acceptances that are heard after the commit, from several orderers, for what they are", () => {
    const stage = drained();
    stage.block(2, ["t2"]);
    stage.accept("t2");
    stage.accept("t2");
    stage.pass(seconds(20));
    expect(ended(stage)).toBe("21 end");
  });
});

describe("giving up", () => {
  it("a minute without a leader ends the run and says so", () => {
    const stage = new Stage(leaderDown);
    stage.pass(seconds(120));
    expect(stage.story()).toEqual(["0 stopped", "0 end: Gave up after 60 s: no orderer has stated who leads"]);
    expect(stage.told[0]?.at).toBe(after(instant(1_000_000), seconds(60)));
  });

  it("a minute of load without a commit at a peer ends the run and says so", () => {
    const stage = new Stage(leaderDown);
    stage.pass(seconds(30));
    stage.view(0, 1, 1, 2, 3, 4);
    stage.block(1, ["t1"], ["orderer1", "orderer2", "orderer3", "orderer4"]);
    stage.pass(seconds(120));
    expect(stage.story().slice(-2)).toEqual([
      "0 stopped",
      "0 end: Gave up after 60 s: no transaction was committed at a peer",
    ]);
    expect(stage.told.at(-1)?.at).toBe(after(instant(1_000_000), seconds(90)));
  });

  it("does nothing any more once it is over", () => {
    const stage = new Stage(leaderDown);
    stage.pass(seconds(61));
    const count = stage.told.length;
    stage.view(0, 1, 1, 2, 3, 4);
    stage.pass(seconds(100));
    expect(stage.told.length).toBe(count);
  });
});
