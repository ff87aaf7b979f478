// What the checkers can say. A code names the property that was broken, the text who broke it where.
import type { Instant, NodeId } from "../../base/index.js";

/** Each with the property it stands for. */
export const alarmCodes = {
  disagreement: "agreement and prefix: no two honest ledgers differ at a sequence",
  "broken-chain": "each decision's header names its predecessor",
  "bad-quorum": "a decision carries valid signatures of a quorum of the members of its time",
  "wrong-place":
    "integrity: metadata says the sequence at which the decision stands, in a view not below the last one's",
  "not-submitted": "validity: every request that is decided was submitted",
  "proposed-again": "no duplicate: nobody proposes what it has delivered itself in this life",
  "proposed-twice": "an honest leader makes one proposal for a view and sequence",
  "vote-changed": "an honest node votes for one proposal at a view and sequence, restarts included",
  "vote-unlogged": "a vote's record is durable before the vote leaves",
  "vote-without-quorum": "nobody commits before a quorum has prepared",
  "signed-twice": "no two Commits that an honest node has signed are for two proposals at one place, restarts included",
  "foreign-new-view": "an honest node enters a view on the word of the one that leads it",
  "forged-new-view":
    "the NewView by which an honest node enters a view has entries of a quorum, which their signers signed",
  "promise-without-quorum": "nobody sends ViewData for a view before a quorum of members has asked for it",
  "promise-unlogged": "that a view is left is durable before ViewData for the next one leaves",
  "promise-broken":
    "nobody votes in a view that it has left with ViewData for a later one that is entered, restarts included",
  "view-unlogged": "that a view is entered is durable before a node says that it is in it",
  "view-unheard-of": "nobody is in a view that nobody has entered by a NewView",
  "view-twice": "nobody installs a view twice within a life",
  "vote-back": "nobody prepares in a lower view than before, restarts included",
  "vote-past": "nobody votes at a place that its ledger was past when it was started",
  "view-back": "views do not go down within a life, nor ever below one with a Prepare of the node's",
  "pool-overfull": "a pool holds no more than its places",
  "memory-grows": "what a replica keeps of others' messages is bounded",
  storm: "the traffic of a cluster is bounded",
  threw: "no input makes a replica throw",
  stalled: "liveness: with a quorum healed and all faults stopped, all of it decide again within the bound",
} as const;
export type AlarmCode = keyof typeof alarmCodes;

export interface Alarm {
  readonly code: AlarmCode;
  readonly at: Instant;
  /** Of the node at which it was seen; undefined for the cluster. */
  readonly node: NodeId | undefined;
  readonly text: string;
}

/** How a checker raises one; only the first of each code is kept. */
export type Raise = (code: AlarmCode, node: NodeId | undefined, text: string) => void;
