// The library's known surprises, as docs/protocol.md lists them: the code of each, which alarms it may cause, and when it
// has been seen. In `library` an alarm is good only with such a sighting in the same run; in `improved` none is.
//
// A sighting is drawn from traces and statuses alone, so it tells what happened, not what could have.
import type { AlarmCode } from "./alarm.js";

export interface Surprise {
  readonly number: number;
  readonly code: string;
  readonly explains: readonly AlarmCode[];
}

const surprise = (number: number, code: string, ...explains: readonly AlarmCode[]): Surprise => ({
  number,
  code,
  explains,
});

export const surprises: readonly Surprise[] = [
  surprise(1, "decided-again", "proposed-again"),
  surprise(2, "never-resent"),
  surprise(3, "in-flight-forgotten", "disagreement", "vote-changed", "stalled"),
  surprise(4, "failed-leader-again"),
  surprise(5, "old-log-read-again", "stalled", "vote-changed", "view-back", "vote-back", "threw"),
  surprise(6, "past-proposal-restored", "vote-changed", "stalled", "threw"),
  surprise(7, "two-views-at-once", "view-back", "vote-back", "vote-changed", "stalled", "threw"),
  surprise(8, "redeemed-in-mid-tenure", "stalled"),
  surprise(9, "turn-of-a-laggard", "stalled"),
  surprise(10, "pre-prepare-lost", "stalled"),
  surprise(11, "laggard-refused", "stalled"),
  surprise(12, "lone-complainer", "stalled"),
  surprise(13, "leader-wedged", "stalled"),
  surprise(14, "deaf-at-start"),
  surprise(15, "wrong-blacklisted"),
  surprise(16, "nobody-redeemed"),
  surprise(17, "timeout-from-own-vote"),
  surprise(18, "new-view-lost", "stalled"),
  surprise(19, "new-view-again", "vote-changed"),
  surprise(20, "unsigned-entries", "disagreement", "stalled"),
  surprise(21, "votes-forgotten", "vote-changed", "proposed-twice", "disagreement", "stalled"),
  surprise(22, "leaders-differ", "stalled"),
  surprise(23, "any-higher-views"),
  surprise(24, "far-ahead-is-no-life"),
  surprise(27, "list-without-rotation", "stalled"),
  surprise(29, "forwarded-late"),
  surprise(33, "view-storm", "stalled"),
  surprise(34, "fell-back", "view-back", "vote-back", "stalled"),
  surprise(35, "timeout-lost", "stalled"),
  surprise(36, "two-stories", "stalled"),
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

/** The surprises seen that may have caused an alarm. */
export const explanationsOf = (code: AlarmCode, seen: ReadonlySet<number>): readonly Surprise[] =>
  surprises.filter(({ number, explains }) => seen.has(number) && explains.includes(code));
