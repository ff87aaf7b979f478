// Committing the proposal in flight inside a view change (reference section 8.10): a temporary View in the proposal's own
// view number, prepared, with itself as leader so that nobody can make it complain; started after two ticks, so that
// slower replicas get to the same point. The library writes nothing of it to the log, and forgets it (surprise 40 of
// docs/protocol.md).
//
// In the library the two-tick wait blocks the transport; here Commits that come meanwhile are stored by the View.
import type { NodeId } from "../base/index.js";
import { metadataOf } from "./checkpoint.js";
import type { Decision, Proposal } from "./contract.js";
import { RunningView, type ViewHost, type ViewParts } from "./view.js";
import { proposalDigest } from "./wire/digest.js";
import type { Commit, NormalMessage } from "./wire/message.js";
import { emptyBytes } from "../base/index.js";

export interface InFlightEvents {
  readonly broadcast: (message: NormalMessage) => void;
  readonly decided: (decision: Decision) => void;
  /** The View sees others ahead: the commit has failed, a sync is asked for. */
  readonly lagging: (reason: string) => void;
}

const ticksToWait = 2;

export class InFlightCommit {
  readonly #parts: ViewParts;
  readonly #view: RunningView;
  readonly #proposal: Proposal;
  readonly #commit: Commit;
  #ticks = 0;
  readonly facts: { readonly view: number; readonly sequence: number };

  /** The caller has checked that the proposal's metadata decodes and its sequence is the checkpoint's + 1. */
  constructor(parts: ViewParts, proposal: Proposal, events: InFlightEvents) {
    this.#parts = parts;
    this.#proposal = proposal;
    const { core } = parts;
    const metadata = metadataOf(proposal);
    if (metadata === undefined) throw new RangeError("Expected the in-flight proposal to have readable metadata");
    const { view: number, sequence } = metadata;
    this.facts = { view: number, sequence };
    const signature = core.application.signProposal(proposal, emptyBytes);
    this.#commit = {
      kind: "Commit",
      view: number,
      sequence,
      digest: proposalDigest(proposal),
      signature,
      assist: false,
    };
    const host: ViewHost = {
      complain: () => undefined,
      sync: events.lagging,
      broadcast: events.broadcast,
      decided: (_view, decision) => events.decided(decision),
    };
    this.#view = new RunningView(parts, host, {
      number,
      leader: core.self,
      sequence,
      decisions: 0,
      resume: { phase: "prepared", proposal, commit: this.#commit },
    });
    core.trace("viewChanger", "inFlightWaiting", this.facts);
  }

  tick(): void {
    this.#ticks++;
    if (this.#ticks !== ticksToWait) return;
    this.#parts.core.trace("viewChanger", "inFlightStarted", this.facts);
    this.#parts.state.saveInFlightCommit(this.#proposal, this.#commit);
    this.#view.start();
  }

  handle(from: NodeId, message: NormalMessage): string {
    return `in flight: ${this.#view.handle(from, message)}`;
  }

  abort(): void {
    this.#view.abort();
  }
}
