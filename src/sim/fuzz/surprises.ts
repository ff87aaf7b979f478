// The library's known surprises, as docs/protocol.md lists them: the code of each, which alarms it may cause, and when it
// has been seen. In `library` an alarm is good only with such a sighting in the same run; in `improved` none is.
//
// A sighting is drawn from traces and statuses alone, so it tells what happened, not what could have.
import type { AlarmCode } from "./alarm.js";

export interface Surprise {
  readonly number: number;
  readonly code: string;
  readonly explains: readonly AlarmCode[];
  /** Costs a timeout each time: explains a stall only when it is seen again and again after the faults have ended. */
  readonly stallsWhilePersistent: boolean;
}

const surprise = (number: number, code: string, ...explains: readonly AlarmCode[]): Surprise => ({
  number,
  code,
  explains,
  stallsWhilePersistent: false,
});
const passing = (number: number, code: string): Surprise => ({
  number,
  code,
  explains: ["stalled"],
  stallsWhilePersistent: true,
});

export const surprises: readonly Surprise[] = [
  surprise(1, "decided-again", "proposed-again"),
  surprise(2, "never-resent"),
  surprise(3, "in-flight-forgotten", "disagreement", "vote-changed", "signed-twice", "proposed-twice", "stalled"),
  surprise(4, "failed-leader-again"),
  surprise(
    5,
    "old-log-read-again",
    "promise-broken",
    "stalled",
    "vote-changed",
    "signed-twice",
    "view-back",
    "vote-back",
    "vote-unlogged",
    "threw",
  ),
  surprise(6, "past-proposal-restored", "vote-past", "vote-changed", "signed-twice", "stalled", "threw"),
  surprise(7, "two-views-at-once", "view-back", "vote-back", "vote-changed", "signed-twice", "stalled", "threw"),
  passing(8, "redeemed-in-mid-tenure"),
  passing(9, "turn-of-a-laggard"),
  passing(10, "pre-prepare-lost"),
  passing(11, "laggard-refused"),
  passing(12, "lone-complainer"),
  surprise(13, "leader-wedged", "stalled"),
  surprise(14, "deaf-at-start", "promise-unlogged", "promise-without-quorum"),
  surprise(15, "wrong-blacklisted"),
  surprise(16, "nobody-redeemed"),
  surprise(17, "timeout-from-own-vote"),
  passing(18, "new-view-lost"),
  surprise(19, "new-view-again", "view-twice", "vote-changed", "signed-twice"),
  surprise(20, "unsigned-entries", "forged-new-view", "disagreement", "stalled"),
  surprise(21, "votes-forgotten", "vote-changed", "signed-twice", "proposed-twice", "disagreement", "stalled"),
  passing(22, "leaders-differ"),
  surprise(23, "any-higher-views"),
  surprise(24, "far-ahead-is-no-life"),
  surprise(27, "list-without-rotation", "stalled"),
  surprise(29, "forwarded-late"),
  passing(33, "view-storm"),
  surprise(34, "fell-back", "promise-unlogged", "promise-without-quorum", "view-back", "vote-back", "stalled"),
  surprise(35, "timeout-lost", "stalled"),
  surprise(36, "two-stories", "stalled"),
  surprise(37, "promise-outlived", "promise-unlogged", "promise-broken", "disagreement", "stalled"),
  surprise(38, "silent-leader", "stalled"),
  surprise(39, "old-argument", "stalled"),
  surprise(40, "commit-forgotten", "disagreement", "stalled"),
  surprise(41, "commit-unwatched", "stalled"),
  surprise(42, "two-new-views", "disagreement", "stalled"),
  surprise(43, "void-argued-for", "stalled"),
  surprise(44, "left-view-claimed", "view-unheard-of", "vote-changed", "signed-twice", "disagreement"),
];

/** Entries of the list that this replica does not have, and why no seed can reach them. */
export const absentSurprises: Readonly<Record<number, string>> = {
  25: "transports do not block here",
  26: "one thread",
  28: "of the log's files, which the simulated disk has not: src/node/wal.test.ts",
  30: "no such metric",
  31: "one thread",
  32: "one thread",
};

/** What of the surprises was seen in a run. */
export interface Seen {
  readonly seen: ReadonlySet<number>;
  readonly persistent: ReadonlySet<number>;
}

/** The surprises seen that may have caused an alarm. */
export const explanationsOf = (code: AlarmCode, { seen, persistent }: Seen): readonly Surprise[] =>
  surprises.filter(({ number, explains, stallsWhilePersistent }) => {
    return (stallsWhilePersistent ? persistent : seen).has(number) && explains.includes(code);
  });
