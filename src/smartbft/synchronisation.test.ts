// Where a sync leads (reference section 9.2, and TestSyncDecisionsInView, TestSyncPrevView, TestSyncInform).
import { describe, expect, it } from "vitest";
import { emptyBytes, sequence, view } from "../base/index.js";
import { syncOutcome } from "./synchronisation.js";

const at = (v: number, s: number) => ({ view: view(v), sequence: sequence(s) });
const metadata = (v: number, s: number, decisions: number) => ({
  ...at(v, s),
  decisions,
  blacklist: [],
  previousSignatureDigest: emptyBytes,
});
const own = { ...at(2, 10), decisions: 4 };
const nothing = { kind: "nothing" };
const going = (v: number, s: number, decisions: number, learnt = false) => ({
  kind: "continue",
  ...at(v, s),
  decisions,
  learnt,
});

describe("own view 2, sequence 10, four decisions in the view (TestSyncDecisionsInView, TestSyncPrevView, TestSyncInform)", () => {
  it.each([
    ["nothing anywhere", undefined, undefined, nothing],
    ["the ledger is of an older view, nobody answers", metadata(1, 10, 3), undefined, nothing],
    ["the ledger is of an older view, others are there too", metadata(1, 10, 3), at(2, 11), nothing],
    ["the same height keeps the decisions counter", metadata(2, 10, 9), undefined, going(2, 11, 4)],
    ["the same height, others agree", metadata(2, 10, 9), at(2, 11), going(2, 11, 4)],
    ["a greater height takes the ledger's counter + 1", metadata(2, 15, 9), undefined, going(2, 16, 10)],
    ["a higher view in the ledger", metadata(3, 15, 0), undefined, going(3, 16, 1)],
    ["a view just begun, learnt from others", metadata(2, 15, 9), at(3, 16), going(3, 16, 0, true)],
    ["a deposed leader: old ledger, new view of others", metadata(1, 10, 3), at(3, 11), going(3, 11, 0, true)],
    [
      "others in a new view that has decided already: the ledger tells next time",
      metadata(2, 15, 9),
      at(3, 17),
      going(2, 16, 10),
    ],
    ["others behind", metadata(2, 10, 9), at(1, 5), going(2, 11, 4)],
  ])("%s", (_name, returned, collected, expected) => {
    expect(syncOutcome({ own, returned, collected })).toEqual(expected);
  });

  it("at genesis, a view without decisions is learnt from others", () => {
    const genesis = { ...at(0, 0), decisions: 0 };
    expect(syncOutcome({ own: genesis, returned: undefined, collected: at(1, 1) })).toEqual(going(1, 1, 0, true));
    expect(syncOutcome({ own: genesis, returned: undefined, collected: at(0, 1) })).toEqual(going(0, 1, 0));
  });
});
