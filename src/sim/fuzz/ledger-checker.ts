// Checks every decision that enters an honest ledger, as it does: agreement, prefix, hash chain, a quorum of valid
// signatures by the members of that time, validity, integrity. It keeps a ledger of its own, the first copy of each
// decision that it saw, and judges membership by that.
import { equalBytes, sequence, utf8, type NodeId } from "../../base/index.js";
import { decodedMetadata, proposalDigest, type Decision } from "../../smartbft/index.js";
import { Ledger } from "../ledger.js";
import { tinyApplication, tinyVerification } from "../tiny-application.js";
import type { Raise } from "./alarm.js";

interface Place {
  readonly digest: string;
  readonly members: readonly NodeId[];
}

export class LedgerChecker {
  readonly #raise: Raise;
  readonly #submitted: ReadonlySet<string>;
  readonly #reference: Ledger;
  readonly #places: Place[] = [];
  readonly #seen = new Map<NodeId, number>();
  readonly #key;
  #view = 0;

  constructor(genesis: readonly NodeId[], submitted: ReadonlySet<string>, raise: Raise) {
    this.#raise = raise;
    this.#submitted = submitted;
    this.#reference = new Ledger(genesis);
    this.#key = tinyApplication(genesis[0] ?? (0 as NodeId), new Ledger(genesis));
  }

  get height(): number {
    return this.#reference.height;
  }

  /** Members after the highest decision that anybody holds. */
  get members(): readonly NodeId[] {
    return this.#reference.configuration.nodes;
  }

  /** Who decides at a sequence, as far as that is known; else the members now. */
  membersAt(place: number): readonly NodeId[] {
    return this.#places[place - 1]?.members ?? this.members;
  }

  /** Looks at what is new in a ledger; answers the requests that it brought. */
  grown(node: NodeId, ledger: Ledger): readonly string[] {
    const requests: string[] = [];
    for (let index = this.#seen.get(node) ?? 0; index < ledger.height; index++) {
      const decision = ledger.decisions[index];
      if (decision === undefined) break;
      const digest = proposalDigest(decision.proposal);
      if (index === this.#reference.height) this.#extend(node, decision, digest);
      const place = this.#places[index];
      if (place !== undefined && place.digest !== digest)
        this.#raise("disagreement", node, `sequence ${index + 1}: another decision than others hold`);
      this.#quorum(node, decision, index + 1);
      for (const request of this.#key.requestsOf(decision.proposal))
        requests.push(`${request.clientId}/${request.requestId}`);
    }
    this.#seen.set(node, ledger.height);
    return requests;
  }

  #extend(node: NodeId, decision: Decision, digest: string): void {
    const { proposal } = decision;
    const place = this.#reference.height + 1;
    const header = utf8(`${place}:${this.#reference.lastDigest}`);
    if (!equalBytes(proposal.header, header))
      this.#raise("broken-chain", node, `sequence ${place}: header does not follow`);
    for (const { clientId, requestId } of this.#key.requestsOf(proposal)) {
      const name = `${clientId}/${requestId}`;
      if (!this.#submitted.has(name)) this.#raise("not-submitted", node, `sequence ${place}: request ${name}`);
    }
    this.#places.push({ digest, members: this.members });
    const metadata = decodedMetadata(proposal);
    if (metadata.kind === "bad" || metadata.value.sequence !== place || metadata.value.view < this.#view) {
      return this.#raise("wrong-place", node, `sequence ${place}: metadata tells of another place`);
    }
    this.#view = metadata.value.view;
    this.#reference.append(decision, sequence(place));
  }

  #quorum(node: NodeId, { proposal, signatures }: Decision, place: number): void {
    const members = this.membersAt(place);
    const signers = new Set<NodeId>();
    for (const signature of signatures) {
      const item = this.#key.commitSignatureItem(signature, proposal);
      if (item !== undefined && members.includes(signature.signer) && tinyVerification(item))
        signers.add(signature.signer);
    }
    const needed = quorumOf(members.length);
    if (signers.size < needed)
      this.#raise("bad-quorum", node, `sequence ${place}: ${signers.size} valid signatures of members, need ${needed}`);
  }
}

/**
 * Of the checkers' own reckoning, so that a mistake in the replica's cannot hide here: the least number of which any two
 * sets share one more than can be faulty.
 */
export function quorumOf(n: number): number {
  let faulty = 0;
  while (3 * (faulty + 1) < n) faulty += 1;
  let size = 1;
  while (2 * size - n < faulty + 1) size += 1;
  return size;
}
