// In-flight proposals in a view change, at one replica: what ViewData tells of them, and their commit in their own view.
// The rule that settles them is tested in src/smartbft/in-flight.test.ts.
import { describe, expect, it } from "vitest";
import { seconds } from "../../src/base/index.js";
import { decodeViewData, proposalDigest, type Proposal } from "../../src/smartbft/index.js";
import { Bench, numbers, only, type BenchOptions } from "./smartbft-bench.js";
import { kinds, leaderToBe, newView, next, records, vote } from "./smartbft-view-change-bench.js";

describe("in-flight proposals", () => {
  const at = { sequence: 2 };
  const prepared = (options: BenchOptions = {}) => {
    const bench = new Bench({ height: 1, self: 3, ...options }).start();
    const proposal = bench.proposal(at, "in flight");
    bench.from(1, bench.prePrepare(proposal, at));
    for (const id of [1, 4]) bench.from(id, bench.prepare(proposal, at));
    for (const id of [2, 4]) bench.from(id, vote(1));
    return { bench, proposal };
  };
  const inFlight = (bench: Bench) => {
    const sent = bench.sentTo().map(({ message }) => message);
    const data = sent.find((message) => message.kind === "ViewData");
    const decoded = decodeViewData(data?.raw ?? Uint8Array.of());
    return decoded.kind === "good" ? decoded.value : undefined;
  };

  it("is told in ViewData when it follows the last decision, and left out when it is that decision", () => {
    const { bench, proposal } = prepared();
    expect(inFlight(bench)).toMatchObject({ inFlightProposal: proposal, inFlightPrepared: true });
    const done = new Bench({ height: 1, self: 3 }).start();
    const decided = done.proposal(at, "in flight");
    done.from(1, done.prePrepare(decided, at));
    for (const id of [1, 4]) done.from(id, done.prepare(decided, at));
    for (const id of [1, 4]) done.from(id, done.commit(id, decided, at));
    for (const id of [2, 4]) done.from(id, vote(1));
    expect(inFlight(done)).toMatchObject({ inFlightProposal: undefined, inFlightPrepared: true });
  });

  it("is left out when the change itself brought the decision after it (TestCommitWhileHavingInFlight)", () => {
    const bench = new Bench({ height: 1, self: 2 }).start();
    bench.decide(2, "decided in the view, and in flight still");
    for (const id of [1, 3, 4]) bench.from(id, vote(1));
    bench.clear();
    const { proposal, signatures } = bench.decision(3);
    const ahead = { ...next, lastDecision: proposal, lastDecisionSignatures: signatures };
    bench.from(3, bench.viewData(3, ahead));
    expect(bench.ledger.height).toBe(3);
    bench.from(4, bench.viewData(4, next));
    expect(bench.steps("viewInstalled")).toEqual([{ view: 1, sequence: 4 }]);
    const message = only(bench.sent().filter(({ kind }) => kind === "NewView"));
    const own = message.kind === "NewView" ? decodeViewData(message.entries[0]?.raw ?? Uint8Array.of()) : undefined;
    // Sequence 2 is behind its last decision by one: told, it would be refused by everybody.
    expect(own).toMatchObject({ kind: "good", value: { lastDecision: proposal, inFlightProposal: undefined } });
  });

  it.each([
    ["library", "told"],
    ["improved", "left out"],
  ] as const)("surprise 36: against which f+1 have voted: %s, it is %s", (fidelity, how) => {
    const bench = new Bench({ height: 1, self: 3, protocol: { fidelity } }).start();
    // In an odd view those leave theirs out whose digest is the higher one (in-flight.test.ts has the turns).
    const [others, mine] = ["one", "other"]
      .map((request) => bench.proposal(at, request))
      .toSorted((left, right) => (proposalDigest(left) < proposalDigest(right) ? -1 : 1)) as [Proposal, Proposal]; // two
    bench.from(1, bench.prePrepare(mine, at));
    for (const id of [2, 4]) bench.from(id, bench.prepare(others, at));
    for (const id of [2, 4]) bench.from(id, vote(1));
    expect(inFlight(bench)?.inFlightProposal === undefined ? "left out" : "told").toBe(how);
  });

  it("surprise 36: once prepared it is told, whoever votes against it", () => {
    const bench = new Bench({ height: 1, self: 3, size: 7, protocol: { fidelity: "improved" } }).start();
    const [mine, others] = [bench.proposal(at, "prepared"), bench.proposal(at, "other")];
    bench.from(1, bench.prePrepare(mine, at));
    for (const id of [2, 4]) bench.from(id, bench.prepare(others, at));
    for (const id of [1, 5, 6, 7]) bench.from(id, bench.prepare(mine, at));
    for (const id of [1, 2, 4, 5]) bench.from(id, vote(1));
    expect(inFlight(bench)).toMatchObject({ inFlightProposal: mine, inFlightPrepared: true });
  });

  it.each(["library", "improved"] as const)("held, not prepared, %s tells of it in f + 1 views", (fidelity) => {
    const bench = new Bench({ height: 1, self: 4, protocol: { fidelity } }).start();
    const proposal = bench.proposal(at, "held");
    bench.from(1, bench.prePrepare(proposal, at));
    for (const number of [1, 2]) {
      bench.clear();
      for (const id of [2, 3]) bench.from(id, vote(number));
      expect(inFlight(bench)).toMatchObject({ nextView: number, inFlightProposal: proposal, inFlightPrepared: false });
    }
  });

  it("is committed in its own view after two ticks, then the new view begins", () => {
    const { bench, proposal } = prepared();
    const data = { ...next, inFlightProposal: proposal, inFlightPrepared: true };
    bench.clear();
    bench.from(2, newView(...[2, 3, 4].map((id) => bench.viewData(id, data))));
    bench.pass(seconds(1));
    expect(bench.sent().filter(({ kind }) => kind === "Commit")).toEqual([]);
    bench.pass(seconds(1));
    expect(bench.sent().filter(({ kind }) => kind === "Commit")).toMatchObject([{ view: 0, sequence: 2 }]);
    for (const id of [2, 4]) bench.from(id, bench.commit(id, proposal, at));
    expect(bench.ledger.height).toBe(2);
    expect(bench.steps("viewInstalled")).toEqual([{ view: 1, sequence: 3 }]);
  });

  it("Commits that come during the two ticks count", () => {
    const { bench, proposal } = prepared();
    const data = { ...next, inFlightProposal: proposal, inFlightPrepared: true };
    bench.from(2, newView(...[2, 3, 4].map((id) => bench.viewData(id, data))));
    for (const id of [2, 4]) bench.from(id, bench.commit(id, proposal, at));
    expect(bench.ledger.height).toBe(1);
    bench.pass(seconds(2));
    expect(bench.ledger.height).toBe(2);
  });

  it("fails at the view-change timeout, and the view is not installed", () => {
    const { bench, proposal } = prepared();
    const data = { ...next, inFlightProposal: proposal, inFlightPrepared: true };
    bench.from(2, newView(...[2, 3, 4].map((id) => bench.viewData(id, data))));
    bench.pass(seconds(21));
    expect(bench.steps("inFlightFailed")).toMatchObject([{ reason: "view change timeout" }]);
    expect(bench.steps("viewInstalled")).toEqual([]);
    expect(bench.replica.status().nextView).toBe(2);
  });

  /** Committed in flight by replica 4, which had not even seen it, and not decided; then the next data phase begins. */
  const committedUnprepared = (fidelity: "library" | "improved") => {
    const bench = new Bench({ height: 1, self: 4, protocol: { fidelity } }).start();
    const proposal = bench.proposal(at, "in flight");
    for (const id of [2, 3]) bench.from(id, vote(1));
    const data = { ...next, inFlightProposal: proposal, inFlightPrepared: true };
    bench.from(2, newView(bench.viewData(2, data), bench.viewData(3, data), bench.viewData(4, next)));
    bench.clear();
    if (fidelity === "improved") for (const assist of [false, true]) inNewView(bench, proposal, { assist });
    bench.pass(seconds(2));
    return { bench, proposal };
  };
  /** 2 and 3 stand up for a proposal in view 1, or know that a quorum does (surprise 42). */
  const inNewView = (bench: Bench, proposal: Proposal, { assist }: { readonly assist: boolean }): void => {
    const place = { ...numbers({ view: 1, ...at }), digest: proposalDigest(proposal) };
    for (const id of [2, 3]) bench.from(id, { kind: "Prepare", ...place, assist });
  };

  it.each([
    ["library", "forgotten"],
    ["improved", "told as prepared"],
  ] as const)(
    "surprise 40: what it commits in a view change without having prepared it: %s, it is %s",
    (fidelity, how) => {
      const { bench, proposal } = committedUnprepared(fidelity);
      expect(bench.sent().filter(({ kind }) => kind === "Commit")).toHaveLength(1);
      bench.pass(seconds(20));
      bench.clear();
      for (const id of [1, 2]) bench.from(id, vote(2));
      const told = inFlight(bench);
      expect(told?.inFlightPrepared === true ? "told as prepared" : "forgotten").toBe(how);
      expect(told?.inFlightProposal).toEqual(how === "forgotten" ? undefined : proposal);
    },
  );

  it("surprise 40: improved writes it down before its Commit leaves, and a restart goes on in the view change", () => {
    const { bench, proposal } = committedUnprepared("improved");
    const kindsOf = bench.effects.map(({ kind }) => kind).filter((kind) => kind === "persist" || kind === "send");
    const toAll = ["send", "send", "send"];
    // Of the Prepare in the new view the record came before; the signed Commit needs none beside that of the other.
    expect(kindsOf).toEqual(["persist", ...toAll, ...toAll]);
    const walEntries = [...bench.persisted];
    expect(records(bench).map(({ kind }) => kind)).toEqual(["viewChange", "proposed", "commit"]);
    // A crash may come between the two.
    for (const count of [walEntries.length, walEntries.length - 1]) {
      const entries = walEntries.slice(0, count);
      const restarted = new Bench({
        height: 1,
        self: 4,
        walEntries: entries,
        protocol: { fidelity: "improved" },
      }).start();
      expect(restarted.replica.status()).toMatchObject({ nextView: 1, realView: 0, active: false });
      const prepared = count === walEntries.length;
      expect(inFlight(restarted)).toMatchObject({ ...next, inFlightProposal: proposal, inFlightPrepared: prepared });
    }
  });

  it("surprise 42: improved signs when a quorum has said that a quorum of the new view stands up for it", () => {
    const bench = new Bench({ height: 1, self: 4, protocol: { fidelity: "improved" } }).start();
    const proposal = bench.proposal(at, "in flight");
    const data = { ...next, inFlightProposal: proposal, inFlightPrepared: true };
    const said = () =>
      bench
        .sent()
        .filter((each) => each.kind === "Prepare" || each.kind === "Commit")
        .map(({ kind, view: number, assist }) => `${assist ? "assisting " : ""}${kind} of ${number}`);
    for (const id of [2, 3]) bench.from(id, vote(1));
    bench.from(2, newView(bench.viewData(2, data), bench.viewData(3, data), bench.viewData(4, next)));
    bench.pass(seconds(3));
    expect(said()).toEqual(["Prepare of 1"]);
    bench.clear();
    inNewView(bench, proposal, { assist: false });
    bench.pass(seconds(1));
    expect(said()).toEqual(["assisting Prepare of 1"]);
    bench.clear();
    inNewView(bench, proposal, { assist: true });
    expect(said()).toEqual(["Commit of 0"]);
  });

  describe("surprise 42: who stands up for it in a view stands up for nothing else there", () => {
    const bound = (walEntries: readonly Uint8Array[] = []): Bench =>
      new Bench({ height: 1, self: 4, walEntries, protocol: { fidelity: "improved" } }).start();
    const standingUp = (): Bench => {
      const bench = bound();
      const data = { ...next, inFlightProposal: bench.proposal(at, "in flight"), inFlightPrepared: true };
      for (const id of [2, 3]) bench.from(id, vote(1));
      bench.from(2, newView(bench.viewData(2, data), bench.viewData(3, data), bench.viewData(4, next)));
      return bench;
    };
    /** Others commit ahead: the commit in flight has failed, and a sync asks where they are. */
    const fail = (bench: Bench): void => {
      const ahead = { view: 1, sequence: 3 };
      for (const id of [1, 3]) bench.from(id, bench.commit(id, bench.proposal(ahead, "ahead"), ahead));
      expect(bench.steps("inFlightFailed")).toMatchObject([{ reason: "lagging" }]);
    };
    const another = (bench: Bench) => {
      bench.clear();
      bench.from(2, newView(...[1, 2, 3].map((id) => bench.viewData(id, next))));
      return bench.steps("newViewRefused");
    };
    it.each([
      ["told as prepared", "nobody says that it entered that view", 0],
      ["told by turns", "F+1 entered it, with nothing decided there (seed 904017)", 2],
    ])("prepared in an older view it is %s: %s", (how, _when, answers) => {
      const bench = bound();
      const proposal = bench.proposal(at, "in flight");
      bench.from(1, bench.prePrepare(proposal, at));
      for (const id of [1, 2]) bench.from(id, bench.prepare(proposal, at));
      for (const id of [2, 3]) bench.from(id, vote(1));
      const data = { ...next, inFlightProposal: proposal, inFlightPrepared: true };
      bench.from(2, newView(bench.viewData(2, data), bench.viewData(3, data), bench.viewData(4, next)));
      fail(bench);
      const entered = numbers({ view: 1, sequence: 2 });
      for (const id of [1, 3].slice(0, answers)) bench.from(id, { kind: "StateTransferResponse", ...entered });
      bench.pass(seconds(1));
      const walEntries = [...bench.persisted];
      const restarted = bound(walEntries);
      for (const each of [bench, restarted]) {
        for (const number of [2, 3, 4]) {
          each.clear();
          for (const id of [1, 3]) each.from(id, vote(number));
        }
        const told = inFlight(each);
        expect(told).toMatchObject(how === "told as prepared" ? { ...data, nextView: 4 } : { inFlightPrepared: false });
        expect(told?.inFlightProposal === undefined).toBe(how === "told by turns");
      }
    });

    const refusal = [{ reason: "another NewView has the proposal in flight committed" }];

    it("not by another NewView", () => {
      const bench = standingUp();
      fail(bench);
      bench.pass(seconds(2));
      expect(another(bench)).toMatchObject(refusal);
    });

    it("not by another NewView after a restart", () => {
      expect(another(bound([...standingUp().persisted]))).toMatchObject(refusal);
    });

    it("not for a proposal of that view, which it has learnt of from others", () => {
      const bench = standingUp();
      fail(bench);
      for (const id of [1, 3]) bench.from(id, { kind: "StateTransferResponse", ...numbers({ view: 1, sequence: 2 }) });
      expect(bench.replica.status()).toMatchObject({ realView: 1, active: true });
      bench.clear();
      const other = { view: 1, sequence: 2 };
      bench.from(2, bench.prePrepare(bench.proposal(other, "other"), other));
      expect(kinds(bench.sent())).not.toContain("Prepare");
    });
  });

  it.each(["library", "improved"] as const)("surprise 43: what an installed view found void: %s", (fidelity) => {
    const bench = new Bench({ height: 1, self: 4, protocol: { fidelity } }).start();
    const proposal = bench.proposal(at, "prepared by nobody else");
    bench.from(1, bench.prePrepare(proposal, at));
    for (const id of [1, 2]) bench.from(id, bench.prepare(proposal, at));
    for (const id of [2, 3]) bench.from(id, vote(1));
    bench.from(2, newView(...[1, 2, 3].map((id) => bench.viewData(id, next))));
    expect(bench.replica.status()).toMatchObject({ realView: 1, active: true });
    const told =
      fidelity === "library"
        ? { inFlightProposal: proposal, inFlightPrepared: true }
        : { inFlightProposal: undefined, inFlightPrepared: false };
    const walEntries = [...bench.persisted];
    bench.clear();
    for (const id of [1, 2]) bench.from(id, vote(2));
    expect(inFlight(bench)).toMatchObject(told);
    // After a restart the library knows of nothing before the record of the view (surprise 3).
    const restarted = new Bench({ height: 1, self: 4, walEntries, protocol: { fidelity } }).start();
    for (const id of [1, 2]) restarted.from(id, vote(2));
    expect(inFlight(restarted)).toMatchObject({ inFlightProposal: undefined, inFlightPrepared: false });
  });

  it.each([
    ["library", "stays"],
    ["improved", "goes on"],
  ] as const)("surprise 41: in flight from the moment of a timeout on: %s, it %s", (fidelity, how) => {
    const bench = leaderToBe({ protocol: { fidelity } });
    const data = { ...next, inFlightProposal: bench.proposal(at, "in flight"), inFlightPrepared: true };
    bench.holdVerification = true;
    bench.from(3, bench.viewData(3, data));
    expect(bench.from(4, bench.viewData(4, data))).toBe("queued");
    bench.pass(seconds(20));
    bench.holdVerification = false;
    bench.release();
    expect(bench.steps("viewChangeTimeout")).toHaveLength(1);
    expect(bench.steps("inFlightWaiting")).toHaveLength(1);
    bench.pass(seconds(300));
    expect(bench.steps("inFlightFailed").length > 0 ? "goes on" : "stays").toBe(how);
    expect(bench.steps("inFlightUnwatched").length > 0).toBe(how === "stays");
  });

  it("a disagreement leaves the view where it is", () => {
    const { bench, proposal } = prepared();
    const other = bench.proposal(at, "another");
    const data = (inFlightProposal: typeof proposal) => ({ ...next, inFlightProposal, inFlightPrepared: true });
    bench.from(
      2,
      newView(bench.viewData(2, data(other)), bench.viewData(3, data(proposal)), bench.viewData(4, data(other))),
    );
    expect(only(bench.steps("newViewRefused"))).toMatchObject({ reason: "in-flight proposals disagree" });
  });
});
