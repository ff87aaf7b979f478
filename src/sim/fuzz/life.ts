// What the recognisers of surprises remember of the present life of a node.

export interface Life {
  traces: number;
  reconfigured: boolean;
  everReconfigured: boolean;
  resumedAt: number;
  /** Its log ended in a view change, and it has started no View since. */
  restoredInChange: boolean;
  inFlightAt: number;
  view: number;
  /** The view that it asked for or negotiated last, until one is installed or learnt. */
  asked: number;
  /** What that was when the members or the rules changed, until a View starts. */
  askedBefore: number;
  /** The view for which it sent ViewData last. */
  promised: number;
  startedLeader: number;
  wedged: boolean;
  votedAt: Set<string>;
  /** Where a View began that had voted there before. */
  againAt: string;
  voting: boolean;
  /** Prepares for another proposal than its own, and where. */
  against: number;
  againstAt: string;
  installed: number;
  lastNewView: number;
  forgedNewView: boolean;
  complainedAbout: number;
  votesMissing: boolean;
  farAhead: boolean;
  responses: number[];
  installedSinceDecision: number;
  blacklist: readonly number[];
  listedSince: number;
}

export const born = (): Life => ({
  traces: 0,
  reconfigured: false,
  everReconfigured: false,
  resumedAt: 0,
  restoredInChange: false,
  inFlightAt: 0,
  view: 0,
  asked: 0,
  askedBefore: 0,
  promised: 0,
  startedLeader: 0,
  wedged: false,
  votedAt: new Set(),
  againAt: "",
  voting: false,
  against: 0,
  againstAt: "",
  installed: 0,
  lastNewView: 0,
  forgedNewView: false,
  complainedAbout: 0,
  votesMissing: false,
  farAhead: false,
  responses: [],
  installedSinceDecision: 0,
  blacklist: [],
  listedSince: 0,
});
