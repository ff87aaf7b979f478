// What was in flight: the cases of the library's TestCheckInFlightNoProposal and TestCheckInFlightWithProposal
// (reference section 14.5), as sets of entries. N = 4: F = 1, Q = 3.
import { describe, expect, it } from "vitest";
import { emptyBytes, sequence, utf8, view } from "../base/index.js";
import type { Proposal } from "./contract.js";
import { InFlight, inFlightAgreement } from "./in-flight.js";
import { proposalDigest } from "./wire/digest.js";
import { encodeViewMetadata } from "./wire/encode.js";
import type { ViewData } from "./wire/message.js";

const proposal = (name: string, at: number): Proposal => ({
  header: emptyBytes,
  payload: utf8(name),
  metadata: encodeViewMetadata({
    view: view(0),
    sequence: sequence(at),
    decisions: at - 1,
    blacklist: [],
    previousSignatureDigest: emptyBytes,
  }),
  verificationSequence: 0,
});

const last = proposal("last", 1);
/** "A+" holds A prepared, "A" holds A pre-prepared, "old" a decided one, "flag" says prepared but names nothing, "-" nothing. */
function entry(text: string): ViewData {
  const base = { nextView: view(1), lastDecision: last, lastDecisionSignatures: [], inFlightPrepared: false };
  if (text === "-") return { ...base, inFlightProposal: undefined };
  if (text === "flag") return { ...base, inFlightProposal: undefined, inFlightPrepared: true };
  if (text === "old") return { ...base, inFlightProposal: last, inFlightPrepared: true };
  if (text === "behind") return { ...base, lastDecision: undefined, inFlightProposal: last, inFlightPrepared: true };
  return { ...base, inFlightProposal: proposal(text.charAt(0), 2), inFlightPrepared: text.endsWith("+") };
}

describe("agreement on what was in flight (TestCheckInFlightNoProposal, TestCheckInFlightWithProposal)", () => {
  it.each([
    ["- - -", "nothing"],
    ["- - - -", "nothing"],
    ["flag flag flag", "nothing"],
    ["old old old", "nothing"],
    ["behind - -", "nothing"],
    ["A - -", "nothing"],
    ["A A A", "nothing"],
    ["A B C", "nothing"],
    ["A B -", "nothing"],
    ["A+ A+ A+", "A"],
    ["A+ A+ A+ A+", "A"],
    ["A+ A -", "A"],
    ["A+ A A", "A"],
    ["A A A+", "A"],
    ["A+ A+ -", "A"],
    ["A+ A old", "A"],
    ["A+ - -", "undecided"],
    ["A+ - - -", "nothing"],
    ["A+ B -", "undecided"],
    ["A+ A B", "undecided"],
    ["A+ A B B", "nothing"],
    ["A+ B+ -", "undecided"],
    ["A+ B+ C+", "undecided"],
    ["A+ A+ B+ B+", "undecided"],
    ["A+ A A B", "A"],
    ["B+ A+ A A", "A"],
  ])("%s: %s", (text, expected) => {
    const agreement = inFlightAgreement(text.split(" ").map(entry), { f: 1, q: 3 });
    const outcome = agreement.kind === "commit" ? new TextDecoder().decode(agreement.proposal.payload) : agreement.kind;
    expect(outcome).toBe(expected);
  });
});

describe("own in-flight proposal", () => {
  it("a new one is not prepared, and marking nothing marks nothing", () => {
    const inFlight = new InFlight({ improved: true });
    inFlight.markPrepared();
    expect(inFlight).toMatchObject({ proposal: undefined, prepared: false, sequence: 0 });
    inFlight.set(proposal("A", 2));
    inFlight.markPrepared();
    expect(inFlight).toMatchObject({ prepared: true, sequence: 2 });
    inFlight.set(proposal("B", 3));
    expect(inFlight).toMatchObject({ prepared: false, sequence: 3 });
    inFlight.clear();
    expect(inFlight.proposal).toBeUndefined();
  });
});

it("of two stories at one place one is left out in even views, the other in odd ones, an old one by turns, none once prepared", () => {
  const place = {
    view: view(0),
    sequence: sequence(1),
    decisions: 0,
    blacklist: [],
    previousSignatureDigest: emptyBytes,
  };
  const [first, second] = ["a", "b"].map((payload) => {
    return { header: emptyBytes, payload: utf8(payload), metadata: encodeViewMetadata(place), verificationSequence: 0 };
  }) as [Proposal, Proposal]; // two
  const heldBy = (own: Proposal, other: Proposal): InFlight => {
    const inFlight = new InFlight({ improved: true });
    inFlight.set(own);
    inFlight.contradict(proposalDigest(other));
    return inFlight;
  };
  const [left, right] = [heldBy(first, second), heldBy(second, first)];
  for (const number of [1, 2, 3, 4]) expect(left.isLeftOut(view(number))).toBe(!right.isLeftOut(view(number)));
  expect(left.isLeftOut(view(1))).toBe(!left.isLeftOut(view(2)));
  left.markPrepared();
  expect([1, 2].map((number) => left.isLeftOut(view(number)))).toEqual([false, false]);
  // As new: of view 0, it is old in view 2.
  right.set(second);
  expect([1, 2, 3, 4].map((number) => right.isLeftOut(view(number)))).toEqual([false, true, true, false]);
  right.markPrepared();
  expect([1, 2, 3, 4].map((number) => right.isLeftOut(view(number)))).toEqual([false, false, false, false]);
  const library = new InFlight({ improved: false });
  library.set(first);
  expect([1, 2, 3, 4].map((number) => library.isLeftOut(view(number)))).toEqual([false, false, false, false]);
});

describe("surprise 39: proposals of two views at one place", () => {
  const heldBy = (number: number): InFlight => {
    const place = { view: view(number), sequence: sequence(1), decisions: 0, blacklist: [] };
    const metadata = encodeViewMetadata({ ...place, previousSignatureDigest: emptyBytes });
    const inFlight = new InFlight({ improved: true });
    inFlight.set({ header: emptyBytes, payload: utf8(`${number}`), metadata, verificationSequence: 0 });
    return inFlight;
  };
  const pairs = [0, 1, 2, 5].flatMap((older) =>
    [1, 2, 3, 4, 7, 8].map((distance) => [older, older + distance] as const),
  );

  it.each(pairs)("of views %i and %i each is soon told alone, whichever of four leaders is dead", (older, newer) => {
    for (const told of [older, newer]) {
      const other = told === older ? newer : older;
      for (const dead of [0, 1, 2, 3]) {
        const views = Array.from({ length: 20 }, (_, index) => view(newer + 1 + index));
        const alone = views.filter((next) => !heldBy(told).isLeftOut(next) && heldBy(other).isLeftOut(next));
        expect(alone.some((next) => next % 4 !== dead)).toBe(true);
      }
    }
  });
});
