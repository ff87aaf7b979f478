// The cast of a run: who takes part, by what numbers the protocol counts, and what lies at the far end of each interface.
// All from the plan, so that the folds never look into it.
import { faultsTolerated, quorumSize, type Duration, type Instant } from "../base/index.js";
import type { CheckContext } from "../checks/index.js";
import type { Plan, PlannedService } from "../plan/index.js";
import type { Experiment } from "../spec/index.js";

type PlannedOrderer = Extract<PlannedService, { readonly kind: "orderer" }>;
export type ProtocolTimers = PlannedOrderer["options"];

export interface CastOrderer {
  readonly name: string;
  readonly id: number;
}

export interface Cast {
  /** In id order. */
  readonly orderers: readonly CastOrderer[];
  readonly peers: readonly string[];
  readonly clients: readonly string[];
  readonly quorum: number;
  /** Orderers that must complain before a view change is under way: Q-1, or f+1 with SpeedUpViewChange (section 8.4). */
  readonly complainers: number;
  readonly timers: ProtocolTimers;
  /** Interfaces of every node. */
  readonly interfaces: ReadonlyMap<string, readonly string[]>;
  /** `node:interface` → `node:interface` at the other end of the link. */
  readonly far: ReadonlyMap<string, string>;
  /** Loopback address of every node, without length. */
  readonly loopbacks: ReadonlyMap<string, string>;
}

export function castOf(plan: Plan): Cast {
  const orderers: CastOrderer[] = [];
  let timers: ProtocolTimers = plan.topology.protocol;
  const interfaces = new Map<string, readonly string[]>();
  const far = new Map<string, string>();
  const loopbacks = new Map<string, string>();
  for (const node of plan.nodes) {
    const { service } = node;
    if (service?.kind === "orderer") {
      if (orderers.length === 0) timers = service.options;
      orderers.push({ name: node.name, id: service.id });
    }
    interfaces.set(
      node.name,
      node.interfaces.map((each) => each.name),
    );
    for (const each of node.interfaces) if (each.far !== "") far.set(`${node.name}:${each.name}`, each.far);
    if (node.loopback !== "") loopbacks.set(node.name, node.loopback);
  }
  orderers.sort((left, right) => left.id - right.id);
  const quorum = quorumSize(orderers.length);
  return {
    orderers,
    peers: plan.nodes.filter((node) => node.kind === "peer").map((node) => node.name),
    clients: plan.nodes.filter((node) => node.kind === "client").map((node) => node.name),
    quorum,
    complainers: timers.speedUpViewChange ? faultsTolerated(orderers.length) + 1 : quorum - 1,
    timers,
    interfaces,
    far,
    loopbacks,
  };
}

/** What the checks need to know; `patience` allows one whole failed view change and a fresh start of all request timers. */
export function checkContextOf(cast: Cast, experiment: Experiment): CheckContext {
  const { requestForwardTimeout, requestComplainTimeout, viewChangeTimeout, tickInterval, fidelity } = cast.timers;
  const patience = 2 * (requestForwardTimeout + requestComplainTimeout) + viewChangeTimeout + 2 * tickInterval;
  return {
    orderers: cast.orderers.map((orderer) => orderer.name),
    peers: cast.peers,
    fidelity,
    patience: patience as Duration, // a sum of durations
    faultsExpected: experiment.timeline.length,
  };
}

/** The node of `node:eth1`, or the name itself. */
export const nodeOf = (endpoint: string): string => endpoint.split(":")[0] ?? endpoint;

/** The `count`-th smallest instant, from 1; undefined when there are fewer. */
export function nthInstant(instants: Iterable<Instant>, count: number): Instant | undefined {
  return [...instants].toSorted((left, right) => left - right)[count - 1];
}
