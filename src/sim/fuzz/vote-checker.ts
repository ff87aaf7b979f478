// Checks every vote and proposal that leaves an honest node, before any network: one vote for a place, restarts
// included; its record durable first; no Commit without a quorum's Prepares; no Prepare in a lower view than before.
// What a leader proposes is checked for repetition: of another proposal at one place, of what it has delivered already.
import type { NodeId } from "../../base/index.js";
import {
  isReasonOfImproved,
  proposalDigest,
  type Commit,
  type Message,
  type PrePrepare,
  type Prepare,
  type SavedMessage,
  type ViewChange,
} from "../../smartbft/index.js";
import type { Raise } from "./alarm.js";
import { quorumOf } from "./ledger-checker.js";

/** What the checker asks of the cluster. */
export interface VoteSurroundings {
  /** Those that are durable, in order. */
  readonly records: (node: NodeId) => readonly SavedMessage[];
  readonly membersAt: (sequence: number) => readonly NodeId[];
  readonly isHonest: (node: NodeId) => boolean;
  readonly requestsOf: (message: PrePrepare) => readonly string[];
  /** Improved fidelity (docs/protocol.md, surprise 42). */
  readonly agreesFirst: boolean;
  readonly raise: Raise;
}

export class VoteChecker {
  readonly #around: VoteSurroundings;
  /** By node, kind, view and sequence. */
  readonly #votes = new Map<string, string>();
  readonly #preparesSeen = new Map<string, Set<NodeId>>();
  /** Who knows of a quorum that stands up for a proposal in any new view (surprise 42), by node, sequence and digest. */
  readonly #agreedSeen = new Map<string, Set<NodeId>>();
  readonly #highestPrepare = new Map<NodeId, number>();
  readonly #inFlight = new Map<NodeId, Set<string>>();
  /** Of the new view, for what was in flight before it: by the log. */
  readonly #inFlightPrepares = new Map<NodeId, Set<string>>();
  readonly #delivered = new Map<NodeId, Set<string>>();
  /** By receiver: in whose name votes with the mark of `improved` came, and only ones without it. */
  readonly #marked = new Map<NodeId, Set<NodeId>>();
  readonly #unmarked = new Map<NodeId, Set<NodeId>>();

  constructor(around: VoteSurroundings) {
    this.#around = around;
  }

  /** An honest node hands it to the network, maybe once for each target. */
  sent(node: NodeId, message: Message): void {
    if (message.kind === "PrePrepare") this.#proposed(node, message);
    else if (message.kind === "Prepare" || message.kind === "Commit") this.#voted(node, message);
  }

  arrived(node: NodeId, from: NodeId, message: Message): void {
    if (message.kind === "ViewChange") return this.#asked(node, from, message);
    const isPrepare = message.kind === "Prepare";
    if (isPrepare) add(this.#preparesSeen, placeOf(node, message), from);
    // A liar may pass itself off for one of the library, whose signature counts as that too. It may also pass others off for one,
    // until their own votes come: as well it might say in their names what they have not said.
    const isTaken = !this.#around.isHonest(from) || this.#unmarked.get(node)?.has(from) === true;
    if ((message.kind === "Commit" && isTaken) || (isPrepare && message.assist))
      add(this.#agreedSeen, proposalOf(node, message), from);
  }

  /** Improved: votes tell by a mark that their senders say more than the library does; who has set it once keeps it. */
  #asked(node: NodeId, from: NodeId, { reason }: ViewChange): void {
    if (isReasonOfImproved(reason)) {
      add(this.#marked, node, from);
      this.#unmarked.get(node)?.delete(from);
    } else if (this.#marked.get(node)?.has(from) !== true) add(this.#unmarked, node, from);
  }

  /** Its components are fresh, and know of no vote. */
  reconfigured(node: NodeId): void {
    this.#marked.delete(node);
    this.#unmarked.delete(node);
  }

  /** The View of a view change: its Commit stands in the library's log nowhere (section 8.10). */
  inFlightStarted(node: NodeId, view: number, sequence: number): void {
    add(this.#inFlight, node, `${view} ${sequence}`);
  }

  /** Whether a vote is, or may be, one of the View of a view change. */
  isInFlight(node: NodeId, vote: Prepare | Commit): boolean {
    if (vote.kind === "Commit") return this.#isSignedInFlight(node, vote);
    return this.#inFlightPrepares.get(node)?.has(`${vote.view} ${vote.sequence}`) === true;
  }

  /**
   * Improved: of two stories that a leader told, a node may have signed one in its view, and sign the other in the change to a
   * later one, which has found out that the first was decided nowhere: its Commit can only name the view of the proposal. That
   * a quorum agreed to it before is checked (`#agreed`).
   */
  isAgreedOn(node: NodeId, { view, sequence }: { readonly view: number; readonly sequence: number }): boolean {
    return this.#around.agreesFirst && this.#isSignedInFlight(node, { view, sequence });
  }

  #isSignedInFlight(node: NodeId, { view, sequence }: { readonly view: number; readonly sequence: number }): boolean {
    return this.#inFlight.get(node)?.has(`${view} ${sequence}`) === true;
  }

  delivered(node: NodeId, requests: readonly string[]): void {
    const known = this.#delivered.get(node) ?? new Set();
    for (const request of requests) known.add(request);
    this.#delivered.set(node, known);
  }

  /** Its pool is gone: what it delivered before may be submitted to it, and proposed by it, again. */
  restarted(node: NodeId): void {
    this.#delivered.delete(node);
    this.reconfigured(node);
  }

  #proposed(node: NodeId, message: PrePrepare): void {
    const { raise, requestsOf } = this.#around;
    if (message.proposal === undefined) return;
    const key = `${node} PrePrepare ${message.view} ${message.sequence}`;
    const digest = proposalDigest(message.proposal);
    const before = this.#votes.get(key);
    if (before === digest) return;
    const place = `view ${message.view}, sequence ${message.sequence}`;
    if (before !== undefined) raise("proposed-twice", node, `${place}: two proposals`);
    this.#votes.set(key, digest);
    const known = this.#delivered.get(node);
    const again = requestsOf(message).find((request) => known?.has(request) === true);
    if (again !== undefined) raise("proposed-again", node, `${place}: request ${again}, which it has delivered`);
  }

  #voted(node: NodeId, message: Prepare | Commit): void {
    const { raise } = this.#around;
    const { kind, view, sequence, digest } = message;
    const key = `${node} ${kind} ${view} ${sequence}`;
    const before = this.#votes.get(key);
    if (kind === "Prepare" && message.assist && this.isInFlight(node, message)) this.#prepared(node, message);
    if (before === digest) return;
    const place = `${kind} for view ${view}, sequence ${sequence}`;
    const isAgreed = kind === "Commit" && this.isAgreedOn(node, message);
    if (before !== undefined && !isAgreed) raise("vote-changed", node, `${place}: for two proposals`);
    this.#votes.set(key, digest);
    if (kind === "Commit" && this.isInFlight(node, message)) return this.#agreed(node, message);
    if (!this.#logged(node, message)) raise("vote-unlogged", node, `${place}: no durable record of it`);
    if (kind === "Commit") this.#prepared(node, message);
    else if (!this.isInFlight(node, message)) {
      if (view < (this.#highestPrepare.get(node) ?? 0))
        raise("vote-back", node, `${place}: after one in a higher view`);
      this.#highestPrepare.set(node, Math.max(view, this.#highestPrepare.get(node) ?? 0));
    }
  }

  #prepared(node: NodeId, vote: Prepare | Commit): void {
    const seen = this.#preparesSeen.get(placeOf(node, vote)) ?? none;
    const said = vote.kind === "Commit" ? none : (this.#agreedSeen.get(proposalOf(node, vote)) ?? none);
    this.#counted(node, vote, new Set([...seen, ...said]));
  }

  /** Improved: inside a view change nothing is signed before a quorum has said that a quorum of the new view stands up for it. */
  #agreed(node: NodeId, commit: Commit): void {
    if (this.#around.agreesFirst) this.#counted(node, commit, this.#agreedSeen.get(proposalOf(node, commit)) ?? none);
  }

  #counted(node: NodeId, vote: Prepare | Commit, by: ReadonlySet<NodeId>): void {
    const members = this.#around.membersAt(vote.sequence);
    const seen = members.filter((member) => by.has(member));
    const needed = quorumOf(members.length) - 1;
    if (seen.length >= needed) return;
    const what = vote.kind === "Commit" ? "a Commit" : "word of a quorum";
    const text = `view ${vote.view}, sequence ${vote.sequence}: ${what} after ${seen.length} Prepares of other members, need ${needed}`;
    this.#around.raise("vote-without-quorum", node, text);
  }

  #logged(node: NodeId, vote: Prepare | Commit): boolean {
    const found = this.#around.records(node).find((record) => {
      const logged = record.kind === "proposed" ? record.prepare : record.kind === "commit" ? record.commit : undefined;
      return (
        logged?.kind === vote.kind &&
        logged.view === vote.view &&
        logged.sequence === vote.sequence &&
        logged.digest === vote.digest
      );
    });
    if (found?.kind === "proposed" && found.prePrepare.view < vote.view)
      add(this.#inFlightPrepares, node, `${vote.view} ${vote.sequence}`);
    return found !== undefined;
  }
}

const none: ReadonlySet<NodeId> = new Set();

function add<Key, Value>(sets: Map<Key, Set<Value>>, key: Key, value: Value): void {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([value]));
  else set.add(value);
}

const proposalOf = (node: NodeId, { sequence, digest }: Prepare | Commit): string => `${node} ${sequence} ${digest}`;
const placeOf = (node: NodeId, { view, sequence, digest }: Prepare | Commit): string =>
  `${node} ${view} ${sequence} ${digest}`;
