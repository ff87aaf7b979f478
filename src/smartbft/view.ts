// The normal case (reference sections 5.4 to 5.6 and 6): one run of a view number, from its start to its abort.
//
// Three phases a sequence: committed (waits for a pre-prepare) → proposed → prepared → decided. It also serves as the
// temporary View that commits an in-flight proposal during a view change; `host` is then the view changer. In the library
// a queue of 200 messages stands before it and blocks the transport when full; here a message is handled when it comes
// and the View holds one of a kind per member for two sequences (votes.ts), so there is nothing to bound.
import { assertNever, sequence as toSequence, type NodeId, type Sequence, type View } from "../base/index.js";
import { bindingProblem, blacklistingSupported } from "./blacklist.js";
import { type Published } from "./checkpoint.js";
import type { Decision, Proposal, RequestInfo, Signature } from "./contract.js";
import type { Core } from "./core.js";
import { checkedMetadata, previousSignatureItems } from "./proposal.js";
import type { Checkpoint } from "./checkpoint.js";
import type { State } from "./state.js";
import { proposalDigest } from "./wire/digest.js";
import { encodePreparesFrom } from "./wire/encode.js";
import type { Commit, NormalMessage, PrePrepare, Prepare, ViewMetadata } from "./wire/message.js";
import { LagDetector, Slot } from "./votes.js";

export type ComplaintReason = "request" | "heartbeat" | "badProposal" | "wrongView" | "application";

/** Two of them: the controller, and the view changer for an in-flight proposal. */
export interface ViewHost {
  /** Never stops the view: it has stopped itself. */
  complain(view: View, reason: ComplaintReason): void;
  sync(reason: string): void;
  broadcast(message: NormalMessage): void;
  /** The View waits until `release`, or is aborted. */
  decided(view: RunningView, decision: Decision, requests: readonly RequestInfo[]): void;
}

export type Phase = "committed" | "proposed" | "prepared" | "aborted";

export interface ViewStart {
  readonly number: View;
  readonly leader: NodeId;
  readonly sequence: Sequence;
  readonly decisions: number;
  /** Resumes in a phase: an in-flight commit, or a restart from the log (section 10.4). */
  readonly resume?:
    | { readonly phase: "proposed"; readonly proposal: Proposal; readonly prepare: Prepare }
    | { readonly phase: "prepared"; readonly proposal: Proposal; readonly commit: Commit };
}

export interface ViewParts {
  readonly core: Core;
  readonly state: State;
  readonly checkpoint: Checkpoint;
  readonly published: Published;
}

export class RunningView {
  readonly number: View;
  readonly leader: NodeId;
  readonly #core: Core;
  readonly #parts: ViewParts;
  readonly #host: ViewHost;
  readonly #lag = new LagDetector();
  #sequence: Sequence;
  #decisions: number;
  #phase: Phase = "committed";
  #started = false;
  #stopped = false;
  /** What the loop waits for: the answer to a proposal's checks, or its decision's delivery. */
  #waiting: "nothing" | "proposal" | "delivery" = "nothing";
  #current = new Slot();
  #next = new Slot();
  #proposal: Proposal | undefined;
  #digest = "";
  #requests: readonly RequestInfo[] = [];
  #preparedBy: NodeId[] = [];
  #signatures: Signature[] = [];
  #ownSignature: Signature | undefined;
  #countedPrepares = 0;
  #countedCommits = 0;
  /** For other proposals at this place, by digest; each sender counts once, as it votes once. */
  readonly #otherPrepares = new Map<string, number>();
  #sentPrepare: Prepare | undefined;
  #sentCommit: Commit | undefined;
  #previousPrepare: Prepare | undefined;
  #previousCommit: Commit | undefined;
  /** Once blacklisting was seen to be supported it counts as such for the life of this View (section 5.7). */
  #blacklistingSeen = false;
  /** Aborted from outside: a decision that still waits for the controller is void. */
  aborted = false;

  constructor(parts: ViewParts, host: ViewHost, start: ViewStart) {
    this.#parts = parts;
    this.#core = parts.core;
    this.#host = host;
    this.number = start.number;
    this.leader = start.leader;
    this.#sequence = start.sequence;
    this.#decisions = start.decisions;
    this.#resume(start.resume);
    parts.published.active = true;
    parts.published.sequence = start.sequence;
  }

  get sequence(): Sequence {
    return this.#sequence;
  }

  get decisions(): number {
    return this.#decisions;
  }

  get phase(): Phase {
    return this.#stopped ? "aborted" : this.#phase;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Begins to act; until then messages are only stored. A resumed phase sends its vote again. */
  start(): void {
    this.#started = true;
    if (this.#phase === "proposed" && this.#sentPrepare !== undefined) this.#host.broadcast(this.#sentPrepare);
    if (this.#phase === "prepared" && this.#sentCommit !== undefined) this.#host.broadcast(this.#sentCommit);
    this.#advance();
  }

  /** By the controller or view changer; what is stored is lost (section 4.5). */
  abort(): void {
    this.aborted = true;
    this.stop();
  }

  /** What a View restarted at this sequence must not forget: its proposal and vote; undefined before there is one. */
  voted(): ViewStart["resume"] {
    const proposal = this.#proposal;
    if (proposal === undefined) return undefined;
    if (this.#sentCommit !== undefined) return { phase: "prepared", proposal, commit: this.#sentCommit };
    return this.#sentPrepare === undefined ? undefined : { phase: "proposed", proposal, prepare: this.#sentPrepare };
  }

  /** The decision was delivered. */
  release(): void {
    if (this.#stopped) return;
    this.#waiting = "nothing";
    this.#advance();
  }

  /** The leader's own proposal: handled like anybody's, and broadcast only when it is in the log (section 5.3). */
  propose(proposal: Proposal): void {
    const rotating = this.#core.options.decisionsPerLeader > 0;
    const previousSignatures = rotating ? this.#parts.checkpoint.signatures : [];
    const at = { view: this.number, sequence: this.#sequence };
    this.handle(this.#core.self, { kind: "PrePrepare", ...at, proposal, previousSignatures });
  }

  /** The table of section 6.1; answers what was done with the message. */
  handle(from: NodeId, message: NormalMessage): string {
    if (this.#stopped) return "dropped: view stopped";
    if (message.view !== this.number) return this.#wrongView(from, message);
    const ahead = message.sequence - this.#sequence;
    if (ahead === -1) return this.#previousSequence(from, message);
    if (ahead !== 0 && ahead !== 1) {
      if (message.kind === "Commit") this.#observeLag(from, message);
      return `dropped: sequence ${message.sequence}, own ${this.#sequence}`;
    }
    const stored = this.#store(from, message, ahead === 0 ? this.#current : this.#next);
    if (stored === "stored" && ahead === 0) this.#core.later(() => this.#advance());
    return stored === "stored" && ahead === 1 ? "stored: next sequence" : stored;
  }

  #store(from: NodeId, message: NormalMessage, slot: Slot): string {
    if (message.kind === "PrePrepare") {
      if (message.proposal === undefined) return "rejected: no proposal";
      if (from !== this.leader) return `rejected: pre-prepare from ${from}, leader ${this.leader}`;
      if (slot.prePrepare !== undefined || (slot === this.#current && this.#phase !== "committed")) {
        return "dropped: second pre-prepare";
      }
      slot.prePrepare = message;
      return "stored";
    }
    if (from === this.#core.self) return "rejected: own vote";
    if (message.kind === "Prepare") return slot.prepares.add(from, message) ? "stored" : "dropped: second vote";
    if (message.signature === undefined) return "rejected: no signature";
    if (message.signature.signer !== from) return `rejected: signed by ${message.signature.signer}`;
    return slot.commits.add(from, message) ? "stored" : "dropped: second vote";
  }

  #wrongView(from: NodeId, message: NormalMessage): string {
    const decision = `dropped: view ${message.view}, expected ${this.number}`;
    if (from !== this.leader) {
      if (message.kind === "Commit") this.#observeLag(from, message);
      return decision;
    }
    this.stop();
    this.#host.complain(this.number, "wrongView");
    if (message.view > this.number) this.#host.sync("leader in a higher view");
    return decision;
  }

  /** Section 6.3: the only retransmission of the normal case; an assist is never answered. */
  #previousSequence(from: NodeId, message: NormalMessage): string {
    if (message.kind === "PrePrepare") return `dropped: sequence ${message.sequence}, own ${this.#sequence}`;
    if (message.assist) return "dropped: assist for the previous sequence";
    const own = message.kind === "Prepare" ? this.#previousPrepare : this.#previousCommit;
    if (own === undefined) return "dropped: previous sequence, nothing to assist with";
    this.#core.send(from, { ...own, assist: true });
    return "assisted";
  }

  #observeLag(from: NodeId, commit: Commit): void {
    const own = { view: this.number, sequence: this.#sequence, f: this.#core.f };
    const lag = this.#lag.observe(from, commit, own);
    if (lag === undefined) return;
    this.#core.trace("view", "lagging", { ...lag, ownView: this.number, ownSequence: this.#sequence });
    this.stop();
    this.#host.sync("others commit ahead");
  }

  /** It votes no more; what it has decided is still delivered, unless it is aborted first. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#parts.published.active = false;
    this.#parts.published.sequence = this.#sequence;
  }

  #advance(): void {
    if (!this.#started || this.#stopped || this.#waiting !== "nothing") return;
    switch (this.#phase) {
      case "committed":
        return this.#examine();
      case "proposed":
        return this.#countPrepares();
      case "prepared":
        return this.#countCommits();
      case "aborted":
        return;
      default:
        assertNever(this.#phase);
    }
  }

  /** Section 5.5, on every node, the leader included. Content first, then signatures. */
  #examine(): void {
    const message = this.#current.prePrepare;
    const proposal = message?.proposal;
    if (message === undefined || proposal === undefined) return;
    const { application } = this.#core;
    const examination = application.examine(proposal);
    if (examination.kind === "refused") return this.#refuse(examination.reason);
    const expected = { view: this.number, sequence: this.#sequence, decisions: this.#decisions };
    const metadata = checkedMetadata(proposal, expected, application.verificationSequence());
    if (typeof metadata === "string") return this.#refuse(metadata);
    const problem = this.#bindingProblem(message, metadata);
    if (problem !== undefined) return this.#refuse(problem);
    const items = [...examination.items, ...previousSignatureItems(application, this.#parts.checkpoint, message)];
    this.#waiting = "proposal";
    this.#core.verify(items, (results) => {
      if (this.#stopped) return;
      this.#waiting = "nothing";
      if (results.every(Boolean)) this.#accept(message, proposal, examination.requests);
      else this.#refuse("bad signature");
    });
  }

  #bindingProblem(message: PrePrepare, metadata: ViewMetadata): string | undefined {
    const { checkpoint } = this.#parts;
    const { application, options, f } = this.#core;
    this.#blacklistingSeen ||= blacklistingSupported(application, checkpoint, f);
    const { number: view, leader } = this;
    const follower = { options, application, checkpoint, view, leader, blacklistingSeen: this.#blacklistingSeen };
    return bindingProblem(follower, message, metadata);
  }

  #refuse(reason: string): void {
    this.#core.trace("view", "badProposal", {
      view: this.number,
      sequence: this.#sequence,
      leader: this.leader,
      reason,
    });
    this.stop();
    this.#host.complain(this.number, "badProposal");
    this.#host.sync("bad proposal");
  }

  #accept(message: PrePrepare, proposal: Proposal, requests: readonly RequestInfo[]): void {
    this.#proposal = proposal;
    this.#digest = proposalDigest(proposal);
    this.#requests = requests;
    const at = { view: this.number, sequence: this.#sequence };
    const prepare: Prepare = { kind: "Prepare", ...at, digest: this.#digest, assist: false };
    this.#parts.state.saveProposed(message, prepare);
    if (this.leader === this.#core.self) this.#host.broadcast(message);
    this.#core.trace("view", "prePrepared", { ...at, count: requests.length });
    this.#phase = "proposed";
    this.#sentPrepare = prepare;
    this.#host.broadcast(prepare);
    this.#advance();
  }

  #countPrepares(): void {
    const { votes } = this.#current.prepares;
    while (this.#preparedBy.length < this.#core.q - 1 && this.#countedPrepares < votes.length) {
      const counted = votes[this.#countedPrepares++];
      if (counted?.vote.digest === this.#digest) this.#preparedBy.push(counted.from);
      else if (counted !== undefined) this.#otherPrepare(counted.from, counted.vote.digest);
    }
    if (this.#preparedBy.length < this.#core.q - 1 || this.#proposal === undefined) return;
    const at = { view: this.number, sequence: this.#sequence };
    const signature = this.#core.application.signProposal(this.#proposal, encodePreparesFrom(this.#preparedBy));
    const commit: Commit = { kind: "Commit", ...at, digest: this.#digest, signature, assist: false };
    this.#parts.state.saveCommit(commit);
    this.#core.trace("view", "prepared", at);
    this.#phase = "prepared";
    this.#ownSignature = signature;
    this.#sentCommit = commit;
    this.#host.broadcast(commit);
    this.#advance();
  }

  /** Signatures are checked as they come and count in the order in which the answers do. */
  #countCommits(): void {
    const { votes } = this.#current.commits;
    const proposal = this.#proposal;
    if (proposal === undefined) return;
    const { sequence } = this;
    while (this.#countedCommits < votes.length) {
      const counted = votes[this.#countedCommits++];
      const signature = counted?.vote.signature;
      if (counted === undefined || signature === undefined) continue;
      if (counted.vote.digest !== this.#digest) {
        this.#badVote(counted.from, "Commit with another digest");
        continue;
      }
      this.#core.verify([this.#core.application.commitSignatureItem(signature, proposal)], ([valid]) => {
        if (this.#stopped || this.#sequence !== sequence) return;
        if (valid === true) this.#signatures.push(signature);
        else this.#badVote(counted.from, "Commit with a bad signature");
        this.#decide(proposal);
      });
    }
    this.#decide(proposal);
  }

  #decide(proposal: Proposal): void {
    if (this.#signatures.length < this.#core.q - 1 || this.#ownSignature === undefined) return;
    const decision = { proposal, signatures: [...this.#signatures.slice(0, this.#core.q - 1), this.#ownSignature] };
    const requests = this.#requests;
    this.#core.trace("view", "deciding", { view: this.number, sequence: this.#sequence });
    this.#parts.published.active = true;
    this.#parts.published.sequence = this.#sequence;
    this.#nextSequence();
    this.#waiting = "delivery";
    this.#host.decided(this, decision, requests);
  }

  #nextSequence(): void {
    this.#sequence = toSequence(this.#sequence + 1);
    this.#decisions += 1;
    this.#phase = "committed";
    this.#current = this.#next;
    this.#next = new Slot();
    this.#previousPrepare = this.#sentPrepare;
    this.#previousCommit = this.#sentCommit;
    this.#sentPrepare = undefined;
    this.#sentCommit = undefined;
    this.#proposal = undefined;
    this.#requests = [];
    this.#preparedBy = [];
    this.#signatures = [];
    this.#ownSignature = undefined;
    this.#countedPrepares = 0;
    this.#countedCommits = 0;
    this.#otherPrepares.clear();
  }

  #resume(resume: ViewStart["resume"]): void {
    if (resume === undefined) return;
    this.#phase = resume.phase;
    this.#proposal = resume.proposal;
    this.#digest = proposalDigest(resume.proposal);
    // The library restores no request list, so the requests stay pooled (section 15, item 1).
    if (this.#core.improved) this.#requests = this.#core.application.requestsOf(resume.proposal);
    if (resume.phase === "proposed") this.#sentPrepare = resume.prepare;
    else {
      this.#sentCommit = resume.commit;
      this.#ownSignature = resume.commit.signature;
    }
  }

  #otherPrepare(from: NodeId, digest: string): void {
    this.#badVote(from, "Prepare with another digest");
    const votes = (this.#otherPrepares.get(digest) ?? 0) + 1;
    this.#otherPrepares.set(digest, votes);
    this.#parts.state.contradicted(digest, { byHonest: votes > this.#core.f });
  }

  #badVote(from: NodeId, reason: string): void {
    this.#core.trace("view", "badVote", { from, view: this.number, sequence: this.#sequence, reason });
  }
}
