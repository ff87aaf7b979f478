// A node's ledger in memory: its decisions in order, and what they made of the cluster. What a crash leaves.
//
// Requests of the client "config" are configuration: add-5, remove-5, tenure-3 (decisions per leader, 0: rotation off) and
// touch reconfigure; revoke-alice voids the requests of a client and is told to nobody. Each raises the version, which is
// the verification sequence.
import { assert, fromUtf8, nodeId, type NodeId, type Sequence } from "../base/index.js";
import {
  decodedMetadata,
  proposalDigest,
  type Decision,
  type Proposal,
  type ProtocolOptions,
} from "../smartbft/index.js";

export interface Configuration {
  readonly version: number;
  readonly nodes: readonly NodeId[];
  readonly options: Partial<ProtocolOptions>;
  readonly revoked: readonly string[];
}

export class Ledger {
  readonly decisions: Decision[] = [];
  #configuration: Configuration;
  #read = 0;

  /** `nodes`: the members at genesis. */
  constructor(nodes: readonly NodeId[] = []) {
    this.#configuration = { version: 0, nodes, options: {}, revoked: [] };
  }

  get height(): number {
    return this.decisions.length;
  }

  get last(): Decision | undefined {
    return this.decisions.at(-1);
  }

  /** After the last decision. */
  get configuration(): Configuration {
    for (; this.#read < this.decisions.length; this.#read++) {
      const decision = this.decisions[this.#read];
      if (decision === undefined) break;
      this.#configuration = orders(decision.proposal).reduce(configured, this.#configuration);
    }
    return this.#configuration;
  }

  /** Links a proposal to its predecessor, whose digest is known already; empty at genesis. */
  get lastDigest(): string {
    return this.last === undefined ? "" : proposalDigest(this.last.proposal);
  }

  append(decision: Decision, sequence: Sequence): void {
    assert(sequence === this.height + 1, `Sequence ${sequence} does not follow ${this.height}`);
    const metadata = decodedMetadata(decision.proposal);
    assert(metadata.kind === "good" && metadata.value.sequence === sequence, "Metadata and sequence differ");
    this.decisions.push(decision);
  }
}

/** Whether a decision is one that a replica must be told of. */
export const reconfigures = ({ proposal }: Decision): boolean =>
  orders(proposal).some((order) => /^(add|remove|tenure|touch)/.test(order));

export const changesMembership = ({ proposal }: Decision): boolean =>
  orders(proposal).some((order) => /^(add|remove)-/.test(order));

const marker = "config/";

function orders({ payload }: Proposal): readonly string[] {
  const lines = fromUtf8(payload);
  if (!lines.includes(marker)) return [];
  return lines.split("\n").flatMap((line) => (line.startsWith(marker) ? [line.slice(marker.length)] : []));
}

function configured(before: Configuration, order: string): Configuration {
  const [verb = "", subject = ""] = order.split("-");
  const after = { ...before, version: before.version + 1 };
  if (verb === "add") {
    const others = before.nodes.filter((id) => id !== Number(subject));
    return { ...after, nodes: [...others, nodeId(Number(subject))].toSorted((left, right) => left - right) };
  }
  if (verb === "remove") return { ...after, nodes: before.nodes.filter((id) => id !== Number(subject)) };
  if (verb === "revoke") return { ...after, revoked: [...before.revoked, subject] };
  if (verb !== "tenure") return after;
  const decisionsPerLeader = Number(subject);
  return { ...after, options: { ...before.options, decisionsPerLeader, leaderRotation: decisionsPerLeader > 0 } };
}
