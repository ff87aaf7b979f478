// Questions to a cluster's record: when did which step happen, how long was nothing decided, do the ledgers agree.
// The checkers stand outside the replicas: they see ledgers and traces only.
import { between, instant, type Duration, type Instant, type NodeId } from "../base/index.js";
import { proposalDigest, type Fact, type Step } from "../smartbft/index.js";
import type { Cluster } from "./cluster.js";

export interface SeenStep {
  readonly at: Instant;
  readonly node: NodeId;
  readonly facts: Readonly<Record<string, Fact>>;
}

export interface StepQuery {
  readonly since?: Instant;
  readonly nodes?: readonly NodeId[];
  readonly where?: (facts: Readonly<Record<string, Fact>>) => boolean;
}

/** All occurrences of a step, in order. */
export function stepsOf(cluster: Cluster, step: Step, query: StepQuery = {}): readonly SeenStep[] {
  const { since = instant(0), nodes = cluster.nodes, where = () => true } = query;
  return cluster.steps.flatMap(({ at, node, trace }) =>
    trace.kind === "step" && trace.step === step && at >= since && nodes.includes(node) && where(trace.facts)
      ? [{ at, node, facts: trace.facts }]
      : [],
  );
}

/** The longest time between two decisions anywhere among `nodes`, from `since` to now. */
export function largestGap(cluster: Cluster, since: Instant, nodes: readonly NodeId[] = cluster.nodes): Duration {
  const times = stepsOf(cluster, "delivered", { since, nodes }).map(({ at }) => at);
  let largest = 0;
  let previous = since;
  for (const at of [...times, cluster.now]) {
    largest = Math.max(largest, between(previous, at));
    previous = at;
  }
  return between(instant(0), instant(largest));
}

/** Where two ledgers hold different decisions at one sequence; empty when they agree. A gap is impossible: `Ledger` asserts. */
export function disagreements(cluster: Cluster, nodes: readonly NodeId[] = cluster.nodes): readonly string[] {
  const problems: string[] = [];
  const highest = Math.max(...nodes.map((id) => cluster.ledger(id).height));
  for (let index = 0; index < highest; index++) {
    const holders = new Map<string, NodeId[]>();
    for (const id of nodes) {
      const decision = cluster.ledger(id).decisions[index];
      if (decision === undefined) continue;
      const digest = proposalDigest(decision.proposal);
      holders.set(digest, [...(holders.get(digest) ?? []), id]);
    }
    if (holders.size > 1)
      problems.push(`sequence ${index + 1}: ${[...holders.values()].map((ids) => ids.join("+")).join(" against ")}`);
  }
  return problems;
}
