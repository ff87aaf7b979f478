// Committing the proposal in flight inside a view change (reference section 8.10): a temporary View in the proposal's own
// view number, prepared, with itself as leader so that nobody can make it complain; started after two ticks, so that
// slower replicas get to the same point. The library writes nothing of it to the log, and forgets it (surprise 40 of
// docs/protocol.md), and signs at once, whatever NewView the others have (surprise 42). Improved, two rounds of votes in the
// new view's number come first (in-flight-votes.ts), each of a quorum.
//
// In the library the two-tick wait blocks the transport; here Commits that come meanwhile are stored by the View.
import { emptyBytes, type NodeId, type View } from "../base/index.js";
import { metadataOf } from "./checkpoint.js";
import type { Decision, Proposal } from "./contract.js";
import { RunningView, type ViewHost, type ViewParts } from "./view.js";
import { proposalDigest } from "./wire/digest.js";
import type { Commit, NormalMessage, Prepare } from "./wire/message.js";
import type { InFlightVotes, Place } from "./in-flight-votes.js";

export interface InFlightEvents {
  readonly broadcast: (message: NormalMessage) => void;
  readonly decided: (decision: Decision) => void;
  /** The View sees others ahead: the commit has failed, a sync is asked for. */
  readonly lagging: (reason: string) => void;
}

/** What the new view's members say of it, and their votes so far; undefined: nobody asks (the library). */
export interface Agreeing {
  readonly nextView: View;
  readonly votes: InFlightVotes;
}

const ticksToWait = 2;

export class InFlightCommit {
  readonly #parts: ViewParts;
  readonly #view: RunningView;
  readonly #proposal: Proposal;
  readonly #events: InFlightEvents;
  readonly #agreeing: Agreeing | undefined;
  readonly #place: Place;
  #ticks = 0;
  #isPrepared = false;
  #isStarted = false;
  readonly facts: { readonly view: number; readonly sequence: number };

  /** The caller has checked that the proposal's metadata decodes and its sequence is the checkpoint's + 1. */
  constructor(parts: ViewParts, proposal: Proposal, events: InFlightEvents, agreeing: Agreeing | undefined) {
    this.#parts = parts;
    this.#proposal = proposal;
    this.#events = events;
    this.#agreeing = agreeing;
    const { core } = parts;
    const metadata = metadataOf(proposal);
    if (metadata === undefined) throw new RangeError("Expected the in-flight proposal to have readable metadata");
    const { view: number, sequence } = metadata;
    this.facts = { view: number, sequence };
    const signature = core.application.signProposal(proposal, emptyBytes);
    const digest = proposalDigest(proposal);
    this.#place = { view: agreeing?.nextView ?? number, sequence, digest };
    const commit: Commit = { kind: "Commit", view: number, sequence, digest, signature, assist: false };
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
      resume: { phase: "prepared", proposal, commit },
    });
    core.trace("viewChanger", "inFlightWaiting", this.facts);
  }

  /** Once, when the view changer is ready for what it may bring about. */
  begin(): void {
    if (this.#agreeing === undefined) return;
    const prepare: Prepare = { kind: "Prepare", ...this.#place, assist: false };
    this.#parts.state.saveInFlight(this.#proposal, prepare);
    this.#events.broadcast(prepare);
    this.#advance();
  }

  tick(): void {
    this.#ticks++;
    this.#advance();
  }

  handle(from: NodeId, message: NormalMessage): string {
    const decision = this.#view.handle(from, message);
    this.#advance();
    return `in flight: ${decision}`;
  }

  #advance(): void {
    if (this.#agreeing !== undefined && !this.#isPrepared) this.#prepare(this.#agreeing);
    if (this.#isStarted || this.#ticks < ticksToWait || !this.#isAgreed()) return;
    this.#isStarted = true;
    this.#parts.core.trace("viewChanger", "inFlightStarted", this.facts);
    this.#view.start();
  }

  #prepare({ votes }: Agreeing): void {
    const { core, state } = this.#parts;
    if (votes.prepares(this.#place) < core.q - 1) return;
    this.#isPrepared = true;
    state.saveCommit({ kind: "Commit", ...this.#place, signature: undefined, assist: false });
    this.#events.broadcast({ kind: "Prepare", ...this.#place, assist: true });
  }

  #isAgreed(): boolean {
    if (this.#agreeing === undefined) return true;
    return this.#isPrepared && this.#agreeing.votes.commits(this.#place) >= this.#parts.core.q - 1;
  }

  abort(): void {
    this.#view.abort();
  }
}
