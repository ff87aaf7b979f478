// A node's ledger in memory: its decisions in order. What a crash leaves.
import { assert, emptyBytes, sha256, type Sequence } from "../base/index.js";
import { decodeViewMetadata, type Decision } from "../smartbft/index.js";

export class Ledger {
  readonly decisions: Decision[] = [];

  get height(): number {
    return this.decisions.length;
  }

  get last(): Decision | undefined {
    return this.decisions.at(-1);
  }

  /** Links a proposal to its predecessor; empty at genesis. */
  get lastHash(): Uint8Array {
    return this.last === undefined ? emptyBytes : sha256(this.last.proposal.header, this.last.proposal.payload);
  }

  append(decision: Decision, sequence: Sequence): void {
    assert(sequence === this.height + 1, `Sequence ${sequence} does not follow ${this.height}`);
    const metadata = decodeViewMetadata(decision.proposal.metadata);
    assert(metadata.kind === "good" && metadata.value.sequence === sequence, "Metadata and sequence differ");
    this.decisions.push(decision);
  }
}
