// The equivocating leader: two proposals for one sequence, each told to a part of the others as the only one, each with the
// leader's own Prepare and signed Commit, so that the larger part lacks nothing to decide. As a follower it is honest.
//
// n = 4, leader 1: A to 2, B to 3 and 4. With 1's votes 3 and 4 decide B; 2 holds A with too few votes and can never
// decide it. The leader's own replica holds A too, and is stuck. Then the request timers run out.
import { present, type NodeId } from "../../base/index.js";
import type { Proposal } from "../contract.js";
import { proposalDigest } from "../wire/digest.js";
import { encodePreparesFrom } from "../wire/encode.js";
import type { Commit, PrePrepare, Prepare } from "../wire/message.js";
import { Altering } from "./altering.js";
import type { Insider, Wrap, WrapperEffect } from "./contract.js";
import { halves, saying, sending, type Outgoing } from "./outgoing.js";
import { SeenRequests } from "./requests.js";

export const equivocate: Wrap = (replica, insider) => {
  const seen = new SeenRequests(insider.application);
  const lies = new Lies(insider, seen);
  return new Altering(replica, {
    hear(input) {
      seen.hear(input);
      return "pass";
    },
    act(effects) {
      const said = saying(effects, (out) => lies.say(out));
      seen.note(effects);
      return said;
    },
  });
};

type Told = readonly [PrePrepare, Prepare, Commit];

/** A proposal, and what each part of the others is told of it. */
interface Doubled {
  readonly prePrepare: PrePrepare;
  readonly truth: Told;
  readonly lie: Told;
}

class Lies {
  readonly #insider: Insider;
  readonly #seen: SeenRequests;
  readonly #deceived: readonly NodeId[];
  /** The proposal that was doubled last. */
  #doubled: Doubled | undefined;

  constructor(insider: Insider, seen: SeenRequests) {
    this.#insider = insider;
    this.#seen = seen;
    this.#deceived = halves(insider.options.nodes, insider.self)[1];
  }

  say({ to, message }: Outgoing): readonly WrapperEffect[] | undefined {
    if (message.kind === "PrePrepare") {
      const doubled = this.#double(message);
      if (doubled === undefined) return undefined;
      const told = this.#deceived.includes(to) ? doubled.lie : doubled.truth;
      return told.flatMap((each) => sending({ to, message: each }));
    }
    if (message.kind !== "Prepare" && message.kind !== "Commit") return undefined;
    // Its votes have gone out with the proposal already.
    return this.#isDoubled(message) ? [] : undefined;
  }

  #isDoubled({ view, sequence }: PrePrepare | Prepare | Commit): boolean {
    const last = this.#doubled?.prePrepare;
    return last !== undefined && last.view === view && last.sequence === sequence;
  }

  /** Once for each proposal, whose copies come one after another. */
  #double(prePrepare: PrePrepare): Doubled | undefined {
    if (this.#isDoubled(prePrepare)) return this.#doubled;
    const { proposal } = prePrepare;
    const other = proposal === undefined ? undefined : this.#otherThan(proposal);
    this.#doubled =
      proposal === undefined || other === undefined
        ? undefined
        : { prePrepare, truth: this.#told(prePrepare, proposal), lie: this.#told(prePrepare, other) };
    return this.#doubled;
  }

  #told(prePrepare: PrePrepare, proposal: Proposal): Told {
    const { view, sequence } = prePrepare;
    const { application, options, self } = this.#insider;
    const vote = { view, sequence, digest: proposalDigest(proposal), assist: false };
    const others = options.nodes.filter((id) => id !== self);
    const signature = application.signProposal(proposal, encodePreparesFrom(others));
    return [
      { ...prePrepare, proposal },
      { kind: "Prepare", ...vote },
      { kind: "Commit", ...vote, signature },
    ];
  }

  /** As acceptable as the first: its requests in reverse, or another one; undefined while it knows of none. */
  #otherThan(proposal: Proposal): Proposal | undefined {
    const requests = this.#seen.of(proposal);
    const another = this.#seen.another(requests);
    if (requests.length < 2 && another === undefined) return undefined;
    const others = requests.length > 1 ? requests.toReversed() : [present(another, "another request")];
    return this.#insider.application.assemble(proposal.metadata, others);
  }
}
