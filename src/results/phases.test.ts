// Outages that no view change ends: split by the routes and by the leader's streams, or explained by nothing.
import { describe, expect, it } from "vitest";
import type { Instant } from "../base/index.js";
import type { BlockEvent, RouteEvent, StepEvent, StreamEvent } from "../boundary/index.js";
import { castOf } from "./cast.js";
import { Path } from "./path.js";
import { phasesOf, type Phases } from "./phases.js";
import { contextFor } from "./story-context.js";
import { Views } from "./views.js";

const at = (ms: number): Instant => Math.round(ms * 1_000) as Instant; // integer microseconds by construction

function block(node: string, number: number, ms: number): BlockEvent {
  const role = node.startsWith("peer") ? "peer" : "orderer";
  const rest = { hash: "", previousHash: "", view: 0, bytes: 0, transactions: [], duplicates: [] };
  return { kind: "block", at: at(ms), node, role, number, ...rest, source: "decision" };
}

const route = (ms: number): RouteEvent => {
  const rest = { destination: "10.0.0.1/32", via: "", interface: "eth2", protocol: "ospf" } as const;
  return { kind: "route", at: at(ms), node: "r1", action: "added", ...rest };
};

const stream = (ms: number, state: StreamEvent["state"], detail = ""): StreamEvent => {
  return { kind: "stream", at: at(ms), node: "orderer1", peer: "orderer4", service: "cluster", state, detail };
};

/** Decisions at 900 ms and then at 2400 and 2500; the fault at 1000, new work at the peer from 2410 on. */
function measured(tell: (path: Path) => void): Phases {
  const path = new Path();
  path.block(block("orderer1", 1, 900));
  tell(path);
  path.block(block("orderer2", 2, 2_400));
  path.block(block("orderer1", 2, 2_401));
  path.block(block("peer1", 2, 2_410));
  path.block(block("orderer2", 3, 2_500));
  const outage = { start: at(1_000), end: at(2_410), cutAt: at(2_410), peer: "peer1", block: 2, view: 0 };
  return phasesOf(outage, { cast: castOf(contextFor().plan), changes: [], path, sources: [] });
}

describe("an outage without a view change", () => {
  it("that new routes end is routing, then the first decision", () => {
    const phases = measured((path) => {
      path.route(route(1_050));
      path.route(route(2_000));
    });
    expect(phases).toMatchObject({ kind: "path", routing: 1_000_000, transport: 0, firstDecision: 400_000 });
    expect(phases).toMatchObject({ firstCommit: 10_000, residual: 0, problem: "" });
  });

  it("in which a send of the leader waited until it was given up is transport", () => {
    const phases = measured((path) => path.leaderStream(stream(2_390, "send-timeout")));
    expect(phases).toMatchObject({
      kind: "path",
      routing: 0,
      transport: 1_390_000,
      firstDecision: 10_000,
      problem: "",
    });
  });

  it("is not explained by messages dropped at once, reconnects in the background or inbound streams", () => {
    const phases = measured((path) => {
      path.leaderStream(stream(2_000, "dropped"));
      path.leaderStream(stream(2_100, "transient-failure"));
      path.leaderStream(stream(2_200, "opened", "inbound"));
      path.leaderStream({ ...stream(2_300, "opened"), service: "deliver" });
    });
    expect(phases.kind).toBe("none");
    expect(phases.problem).toBe("no view change, route or stream event explains the outage");
    expect(phases.firstDecision).toBeUndefined();
  });
});

describe("an outage that ends with the block in flight", () => {
  /** Complaints at 1500 ms; agreement on block 2 from 1600 to 1900, told by the number given; the peer has it at 1910. */
  function inFlight(sequence: number): Phases {
    const cast = castOf(contextFor().plan);
    const views = new Views(cast, (node) => node === "orderer1");
    const tell = (ms: number, node: string, step: StepEvent["step"], facts: StepEvent["facts"]): void =>
      views.step({ kind: "step", at: at(ms), node, component: "viewChanger", step, facts });
    const path = new Path();
    for (const [index, node] of ["orderer2", "orderer3", "orderer4"].entries()) {
      tell(1_500 + index, node, "viewChangeStarted", { view: 0, nextView: 1 });
      tell(1_600 + index, node, "inFlightWaiting", { view: 0, sequence });
      tell(1_900 + index, node, "inFlightCommitted", { view: 0, sequence });
    }
    path.block(block("peer1", 2, 1_910));
    const outage = { start: at(1_000), end: at(1_910), cutAt: at(1_910), peer: "peer1", block: 2, view: 0 };
    return phasesOf(outage, { cast, changes: views.list(), path, sources: [] });
  }

  it("has its agreement as a phase, and no first decision of a new view", () => {
    const phases = inFlight(2);
    expect(phases).toMatchObject({ kind: "view change", inFlight: 300_000, firstDecision: 0, firstCommit: 10_000 });
    expect(phases).toMatchObject({ residual: 0, problem: "" });
  });

  it("is not told by the agreement on another block", () => {
    expect(inFlight(1).problem).toMatch(/^no events tell .*firstDecision/);
  });
});
