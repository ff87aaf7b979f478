// What was in flight: the cases of the library's TestCheckInFlightNoProposal and TestCheckInFlightWithProposal
// (reference section 14.5), as sets of entries. N = 4: F = 1, Q = 3.
import { describe, expect, it } from "vitest";
import { emptyBytes, nodeId, present, sequence, utf8, view, type View } from "../base/index.js";
import type { Proposal } from "./contract.js";
import { InFlightVotes, reasonOfVote } from "./in-flight-votes.js";
import { InFlight, inFlightAgreement } from "./in-flight.js";
import { proposalDigest } from "./wire/digest.js";
import { encodeViewMetadata } from "./wire/encode.js";
import type { ViewChange, ViewData } from "./wire/message.js";

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

const ofFour = { f: 1 };

const held = (text: string, of: number): Proposal => ({
  header: emptyBytes,
  payload: utf8(text),
  metadata: encodeViewMetadata({
    view: view(of),
    sequence: sequence(1),
    decisions: 0,
    blacklist: [],
    previousSignatureDigest: emptyBytes,
  }),
  verificationSequence: 0,
});

/** In a replica that holds `own` unprepared; `others` were voted for by one member, the last by an honest one if so said. */
function holder(own: Proposal, others: readonly Proposal[] = [], { byHonest = false } = {}): InFlight {
  const inFlight = new InFlight({ improved: true });
  inFlight.set(own);
  for (const other of others)
    inFlight.contradict(proposalDigest(other), { byHonest: byHonest && other === others.at(-1) });
  return inFlight;
}

const next = (from: number, count: number): readonly View[] =>
  Array.from({ length: count }, (_, index) => view(from + index));

/** The views in which the one is told and the other is not. */
const alone = (told: InFlight, other: InFlight, views: readonly View[]): readonly View[] =>
  views.filter((number) => !told.isLeftOut(number, ofFour) && other.isLeftOut(number, ofFour));

describe("surprise 36: two stories of one leader", () => {
  const [first, second, third] = [held("a", 0), held("b", 0), held("c", 0)];

  it.each([false, true])("each is told alone in any two views after another, by an honest vote: %s", (byHonest) => {
    const [left, right] = [holder(first, [second], { byHonest }), holder(second, [first], { byHonest })];
    for (const from of [1, 2, 3, 4]) {
      expect(alone(left, right, next(from, 2))).toHaveLength(1);
      expect(alone(right, left, next(from, 2))).toHaveLength(1);
    }
  });

  it("and in each pair of views, those included in which the digests decide", () => {
    const [left, right] = [holder(first, [second]), holder(second, [first])];
    for (let from = 2; from < 200; from += 2) {
      expect(alone(left, right, next(from, 2)), `${from}`).toHaveLength(1);
      expect(alone(right, left, next(from, 2)), `${from}`).toHaveLength(1);
    }
  });

  describe("who follows a NewView that commits the other", () => {
    const following = holder(first, [second]);
    following.markPrepared();
    following.standUpFor(second, view(2));

    it("tells of that, and of the first in the views in which it leaves that out; of neither as prepared", () => {
      expect(following.prepared).toBe(false);
      const told = next(3, 40).map((number) => following.told(number, ofFour));
      expect(told).toEqual(next(3, 40).map((number) => (following.isLeftOut(number, ofFour) ? first : second)));
      expect(new Set(told)).toEqual(new Set([first, second]));
    });

    it("tells the same after a restart, and the other way round after one that commits the first again", () => {
      const restarted = new InFlight({ improved: true });
      restarted.restore(present(following.was, "what was in flight"));
      for (const number of next(3, 20)) expect(restarted.told(number, ofFour)).toBe(following.told(number, ofFour));
      restarted.standUpFor(first, view(3));
      restarted.standUpFor(first, view(4));
      const left = present(
        next(5, 20).find((number) => restarted.isLeftOut(number, ofFour)),
        "a view that leaves it out",
      );
      expect(restarted.told(left, ofFour)).toBe(second);
    });

    it("tells of neither when the view is installed elsewhere with its sequence open", () => {
      const other = new InFlight({ improved: true });
      other.restore(present(following.was, "what was in flight"));
      other.voidBefore(view(3));
      expect(next(4, 20).filter((number) => other.told(number, ofFour) !== undefined)).toEqual([]);
    });
  });

  describe("what others say in their votes that they follow", () => {
    const place = { view: view(0), sequence: sequence(1), digest: proposalDigest(first) };
    const vote = (of: number, what: Proposal, at = 1): ViewChange => {
      const digest = proposalDigest(what);
      const reason = reasonOfVote({ view: view(of), sequence: sequence(at), digest });
      return { kind: "ViewChange", nextView: view(9), reason };
    };
    const overruledBy = (...said: readonly ViewChange[]): View | undefined => {
      const votes = new InFlightVotes();
      for (const [index, each] of said.entries()) votes.voted(nodeId(index + 2), each);
      return votes.overruledBy(place, ofFour);
    };

    it.each([
      ["one alone may lie", [vote(2, second)], undefined],
      ["F+1", [vote(2, second), vote(2, second)], 2],
      [
        "for two others, in two views: the older of the newest F+1",
        [vote(2, second), vote(5, third), vote(4, second)],
        4,
      ],
      ["the same proposal", [vote(2, first), vote(2, first), vote(2, second)], undefined],
      ["another sequence", [vote(2, second, 2), vote(2, second)], undefined],
    ])("%s", (_name, said, expected) => {
      expect(overruledBy(...said)).toBe(expected);
    });

    it("a vote without it, maybe another's, takes nothing back", () => {
      const votes = new InFlightVotes();
      for (const from of [2, 3]) votes.voted(nodeId(from), vote(2, second));
      for (const reason of [reasonOfVote(undefined), "", "in-flight votes: view x"])
        votes.voted(nodeId(2), { kind: "ViewChange", nextView: view(9), reason });
      expect(votes.overruledBy(place, ofFour)).toBe(2);
    });
  });

  it("what F+1 voted for counts, whoever else was voted for", () => {
    const [misled, knowing] = [holder(first, [third, second], { byHonest: true }), holder(first, [second])];
    for (const number of next(1, 20)) expect(misled.isLeftOut(number, ofFour)).toBe(knowing.isLeftOut(number, ofFour));
  });

  it("none is left out once it is prepared, nor in the library", () => {
    const left = holder(first, [second]);
    left.markPrepared();
    const library = new InFlight({ improved: false });
    library.set(first);
    for (const number of next(1, 20)) {
      expect(left.isLeftOut(number, ofFour)).toBe(false);
      expect(library.isLeftOut(number, ofFour)).toBe(false);
    }
  });
});

describe("what one has prepared and another holds (seed 617181)", () => {
  /** Views in a row, of the first hundred, that are led by somebody alive and in which it is not told. */
  function longestSilence(holding: InFlight, dead: number): number {
    let [longest, silent] = [0, 0];
    for (const number of next(1, 100)) {
      if (number % 4 === dead) continue;
      silent = holding.isLeftOut(number, ofFour) ? silent + 1 : 0;
      longest = Math.max(longest, silent);
    }
    return longest;
  }

  it.each([0, 1, 2, 3])("is told soon, if leader %s of four is dead, whatever its digest", (dead) => {
    for (let index = 0; index < 300; index++)
      expect(longestSilence(holder(held(`proposal ${index}`, 0)), dead)).toBeLessThanOrEqual(8);
  });
});

describe("surprise 36: two proposals whose holders know nothing of each other", () => {
  const names = ["a", "b", "c", "d", "e", "f", "g", "h"];

  it.each(names)(
    "of one view: that of %s is told alone, and each other one, whichever of four leaders is dead",
    (name) => {
      const own = held(name, 0);
      for (const other of names.filter((each) => each !== name).map((each) => held(each, 0))) {
        for (const dead of [0, 1, 2, 3]) {
          const views = alone(holder(own), holder(other), next(1, 100));
          expect(views.some((number) => number % 4 !== dead)).toBe(true);
        }
      }
    },
  );

  it("also when a liar voted for two others of which both are lower, or both higher", () => {
    for (const name of names) {
      const [own, other] = [held(name, 0), held("z", 0)];
      const liesFor = (holds: Proposal): readonly Proposal[] =>
        names.map((each) => held(`${each}!`, 0)).filter((lie) => proposalDigest(lie) < proposalDigest(holds));
      const misled = [holder(own, liesFor(own)), holder(other, liesFor(other))] as const;
      expect(alone(...misled, next(1, 100)).length).toBeGreaterThan(0);
    }
  });

  it.each([1, 2, 3])("is told in the first f + 1 views after its own, whichever that is: f = %i", (f) => {
    for (let own = 0; own < 100; own++)
      for (const number of next(own + 1, f + 1))
        expect(holder(held("a", own)).isLeftOut(number, { f }), `${own}, ${number}`).toBe(false);
  });
});

describe("surprise 39: proposals of two views at one place", () => {
  const pairs = [0, 1, 2, 5].flatMap((older) =>
    [1, 2, 3, 4, 7, 8].map((distance) => [older, older + distance] as const),
  );

  it.each(pairs)("of views %i and %i each is soon told alone, whichever of four leaders is dead", (older, newer) => {
    for (const [told, other] of [
      [older, newer],
      [newer, older],
    ] as const) {
      for (const dead of [0, 1, 2, 3]) {
        const views = alone(holder(held(`${told}`, told)), holder(held(`${other}`, other)), next(newer + 1, 30));
        expect(views.some((number) => number % 4 !== dead)).toBe(true);
      }
    }
  });
});
