// The second half of a view change (reference sections 8.5 to 8.10): ViewData to the next leader, NewView from it, the
// proposal in flight committed, the view recorded and installed. The first half, votes and clock, is view-changer.ts.
//
// Functions that take `release` hold the view changer until they call it, exactly once, in this step or a later one.
import { sequence as toSequence, type NodeId, type Sequence, type View } from "../base/index.js";
import { metadataOf } from "./checkpoint.js";
import type { Decision, Proposal, RequestInfo } from "./contract.js";
import type { Delivery } from "./delivery.js";
import { InFlightCommit, type InFlightEvents } from "./in-flight-commit.js";
import { InFlightVotes, reasonOfVote } from "./in-flight-votes.js";
import { equalProposals, inFlightAgreement, type InFlight } from "./in-flight.js";
import { signatureItem, walkNewView } from "./new-view.js";
import type { ViewParts } from "./view.js";
import { decisionItems, inFlightProblem, ownViewData, standing } from "./view-data.js";
import { encodeViewData } from "./wire/encode.js";
import type { NewView, NormalMessage, SignedViewData, ViewChange, ViewData } from "./wire/message.js";

export interface InstallerParts extends ViewParts {
  readonly inFlight: InFlight;
  readonly delivery: Delivery;
  readonly removeRequests: (requests: readonly RequestInfo[]) => void;
  readonly events: {
    readonly sync: (reason: string) => void;
    readonly broadcast: (message: NormalMessage) => void;
    readonly installed: () => void;
  };
}

interface Accepted {
  readonly signed: SignedViewData;
  readonly data: ViewData;
}

export class ViewInstaller {
  readonly #parts: InstallerParts;
  #nextView = 0 as View; // brand constructor
  #inForce = 0 as View; // brand constructor
  /** Accepted ViewData by sender, at the leader-to-be. */
  readonly #data = new Map<NodeId, Accepted>();
  #committedInChange: Proposal | undefined;
  readonly #votes = new InFlightVotes();
  #inFlight: { readonly commit: InFlightCommit; readonly end: (failure: string | undefined) => void } | undefined;

  constructor(parts: InstallerParts) {
    this.#parts = parts;
  }

  /** The data phase of `nextView` begins: own ViewData goes to its leader. */
  enter(nextView: View, leader: NodeId, release: () => void): void {
    const { core } = this.#parts;
    this.#nextView = nextView;
    this.#data.clear();
    const own = this.#own();
    core.trace("viewChanger", "viewDataSent", { nextView, leader });
    if (leader === core.self) return this.#register(core.self, own, release);
    core.send(leader, own.signed);
    release();
  }

  leave(): void {
    this.#data.clear();
  }

  /**
   * A sync found this view in force, and the controller starts a View in it: to act on a NewView of it now, or to make one, would be
   * to stand up for a second thing there, and to begin again where it may have decided (docs/protocol.md, surprise 21).
   */
  inForce(view: View): void {
    this.#inForce = view;
  }

  /** Where the installed view goes on. */
  get nextSequence(): Sequence {
    return toSequence(this.#parts.checkpoint.sequence + 1);
  }

  /** Section 8.6. */
  viewData(from: NodeId, signed: SignedViewData, leader: NodeId, release: () => void): string {
    const { core, checkpoint } = this.#parts;
    const refuse = (reason: string): string => {
      core.trace("viewChanger", "viewDataRefused", { from, reason });
      release();
      return `rejected: ${reason}`;
    };
    if (leader !== core.self) return refuse(`next leader is ${leader}`);
    const found = standing(signed.raw, this.#nextView, checkpoint);
    if (found.kind === "refused") return refuse(found.reason);
    const own = checkpoint.sequence;
    const behind = found.kind === "behind" || (found.kind === "genesis" && own > 0);
    // A lagging node cannot contribute (section 15, item 11), and one that is far ahead starts no sync. Improved, who lags counts
    // as in a NewView that holds its entry: it has voted for nothing that comes after what it has not delivered.
    if ((behind && !core.improved) || found.kind === "ahead")
      return refuse(`last decision ${found.sequence}, own ${own}`);
    const problem = inFlightProblem(found.data.inFlightProposal, found.sequence + 1);
    const accept = (): void => {
      if (problem === undefined) this.#register(from, { signed, data: found.data }, release);
      else refuse(problem);
    };
    if (found.kind === "genesis" && !core.improved) {
      accept();
      return problem === undefined ? "accepted" : `rejected: ${problem}`;
    }
    const check = (): void => {
      if (signed.signer !== from) return void refuse(`signed by ${signed.signer}`);
      core.verify([signatureItem(core, signed)], ([valid]) => {
        if (valid === true) accept();
        else refuse("bad signature");
      });
    };
    if (found.kind !== "next") {
      check();
      return "examined";
    }
    const needed = decisionItems(core.application, found.decision, { q: core.q, members: core.options.nodes });
    if (needed.kind === "bad") return refuse(needed.reason);
    core.verify(needed.items, (results) => {
      if (results.every(Boolean)) this.#deliver(found.decision, check);
      else refuse("bad signature on the last decision");
    });
    return "examined";
  }

  /** Section 8.9; the caller has checked the sender. */
  newView({ entries }: NewView, release: () => void): void {
    const { core, checkpoint } = this.#parts;
    const refuse = (reason: string): void => {
      core.trace("viewChanger", "newViewRefused", { view: this.#nextView, reason });
      release();
    };
    walkNewView({
      core,
      checkpoint,
      nextView: this.#nextView,
      entries,
      deliver: (decision, done) => this.#deliver(decision, done),
      done: (verdict) => {
        if (this.#inForce >= this.#nextView) return refuse("a sync found the view in force");
        if (verdict.kind === "invalid") return refuse(verdict.reason);
        if (verdict.kind === "ahead") {
          this.#parts.events.sync("NewView with decisions far ahead");
          return refuse("decisions far ahead");
        }
        const agreement = inFlightAgreement(verdict.data, core);
        if (agreement.kind === "undecided") return refuse("in-flight proposals disagree");
        const bound = this.#parts.state.boundTo(this.#nextView, this.nextSequence);
        const agreed = agreement.kind === "commit" ? agreement.proposal : undefined;
        if (bound !== undefined && (agreed === undefined || !equalProposals(agreed, bound)))
          return refuse("another NewView has the proposal in flight committed");
        core.trace("viewChanger", "newViewAccepted", { view: this.#nextView });
        if (agreement.kind === "nothing") return this.#install(release);
        this.#commitInFlight(agreement.proposal, release);
      },
    });
  }

  handle(from: NodeId, message: NormalMessage): string | undefined {
    if (this.#parts.core.improved && message.kind !== "PrePrepare") this.#votes.add(from, message);
    return this.#inFlight?.commit.handle(from, message);
  }

  /** Its vote tells whether it will say what it commits in flight. */
  voted(from: NodeId, vote: ViewChange): void {
    this.#votes.voted(from, vote);
  }

  /** Of this replica's votes. */
  get reasonOfVote(): string {
    const { core, inFlight } = this.#parts;
    return core.improved ? reasonOfVote(inFlight.isOfChange ? inFlight.place : undefined) : "";
  }

  /** Whether an in-flight commit took the tick. */
  tick(): boolean {
    const { commit } = this.#inFlight ?? {};
    commit?.tick();
    return commit !== undefined;
  }

  /** Ends an in-flight commit without result, if one runs. */
  fail(reason: string): void {
    this.#inFlight?.end(reason);
  }

  #own(): Accepted {
    const { core, checkpoint, inFlight } = this.#parts;
    const overruledBy = inFlight.place && this.#votes.overruledBy(inFlight.place, core);
    if (overruledBy !== undefined) inFlight.voidBefore(overruledBy);
    const data = ownViewData(this.#nextView, checkpoint, inFlight, this.#committedInChange, core);
    const raw = encodeViewData(data);
    return { signed: { kind: "ViewData", raw, signer: core.self, signature: core.application.sign(raw) }, data };
  }

  /** First per sender; with a quorum that agrees on what is in flight, the NewView goes out and is processed here too. */
  #register(from: NodeId, accepted: Accepted, release: () => void): void {
    const { core } = this.#parts;
    if (this.#data.has(from) || this.#inForce >= this.#nextView) return release();
    this.#data.set(from, accepted);
    core.trace("viewChanger", "viewDataAccepted", { from, nextView: this.#nextView });
    if (this.#data.size < core.q) return release();
    core.trace("viewChanger", "viewDataQuorum", { nextView: this.#nextView });
    const all = [...this.#data.values()].map(({ data }) => data);
    if (inFlightAgreement(all, core).kind === "undecided") return release();
    // Own data may have advanced by a decision that another's ViewData brought.
    const others = [...this.#data].filter(([id]) => id !== core.self).toSorted(([left], [right]) => left - right);
    const message: NewView = {
      kind: "NewView",
      entries: [this.#own().signed, ...others.map(([, { signed }]) => signed)],
    };
    this.#data.clear();
    core.broadcast(message);
    core.trace("viewChanger", "newViewSent", { view: this.#nextView });
    this.newView(message, release);
  }

  #deliver(decision: Decision, done: () => void): void {
    const { core, delivery, removeRequests } = this.#parts;
    const metadata = metadataOf(decision.proposal);
    if (metadata === undefined) return done();
    const { view, sequence } = metadata;
    delivery.deliver(decision, sequence, ({ reconfigured }) => {
      const requests = core.application.requestsOf(decision.proposal);
      core.trace("viewChanger", "delivered", { view, sequence, count: requests.length });
      this.#committedInChange = decision.proposal;
      removeRequests(requests);
      if (!reconfigured) core.later(done);
    });
  }

  /** Section 8.10. */
  #commitInFlight(proposal: Proposal, release: () => void): void {
    const { core, checkpoint, events } = this.#parts;
    const metadata = metadataOf(proposal);
    const facts = { view: metadata?.view ?? 0, sequence: metadata?.sequence ?? 0 };
    const fail = (reason: string): void => {
      core.trace("viewChanger", "inFlightFailed", { ...facts, reason });
      release();
    };
    if (checkpoint.sequence === facts.sequence && checkpoint.decision !== undefined) {
      if (equalProposals(checkpoint.decision.proposal, proposal)) return this.#install(release);
      return fail("another proposal was decided at its sequence");
    }
    // The library panics here; a message never makes this replica throw.
    if (checkpoint.sequence + 1 !== facts.sequence) return fail(`own sequence ${checkpoint.sequence}`);
    const end = (failure: string | undefined): void => {
      commit.abort();
      this.#inFlight = undefined;
      if (failure !== undefined) return fail(failure);
      core.trace("viewChanger", "inFlightCommitted", facts);
      this.#install(release);
    };
    const inFlightEvents: InFlightEvents = {
      broadcast: events.broadcast,
      lagging: (reason) => {
        events.sync(reason);
        core.later(() => endOnce("lagging"));
      },
      decided: (decision) => this.#deliverInFlight(decision, () => endOnce(undefined)),
    };
    const agreeing = core.improved ? { nextView: this.#nextView, votes: this.#votes } : undefined;
    const commit = new InFlightCommit(this.#parts, proposal, inFlightEvents, agreeing);
    // A timeout may end it while its decision is being delivered, and another one may be under way by then.
    const endOnce = (failure: string | undefined): void => {
      if (this.#inFlight?.commit === commit) end(failure);
    };
    this.#inFlight = { commit, end };
    commit.begin();
  }

  /** Its requests stay in the pool, for the temporary View has no list of them (section 15, item 1). */
  #deliverInFlight(decision: Decision, done: () => void): void {
    const { core, delivery, removeRequests } = this.#parts;
    const { view, sequence } = metadataOf(decision.proposal) ?? { view: 0, sequence: toSequence(0) };
    delivery.deliver(decision, sequence, ({ reconfigured }) => {
      const requests = core.application.requestsOf(decision.proposal);
      core.trace("viewChanger", "delivered", { view, sequence, count: requests.length });
      if (core.improved) removeRequests(requests);
      if (!reconfigured) core.later(done);
    });
  }

  #install(release: () => void): void {
    const { core, checkpoint, state, inFlight, events } = this.#parts;
    state.saveNewView(this.#nextView, checkpoint.sequence);
    inFlight.voidBefore(this.#nextView);
    if (core.improved && inFlight.sequence <= checkpoint.sequence) inFlight.clear();
    events.installed();
    release();
  }
}
