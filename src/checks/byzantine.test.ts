// Who is Byzantine by order is not counted among the correct nodes; who is not, and contradicts itself, is a finding.
import { describe, expect, it } from "vitest";
import { seconds, type Instant } from "../base/index.js";
import type { Event, EventOf } from "../boundary/index.js";
import { verdictOf } from "./some-events.js";
import { AllChecks } from "./all-checks.js";
import { Byzantine } from "./byzantine.js";
import type { CheckContext, CheckVerdict } from "./check.js";
import { EquivocationProofs, type SignedStatement } from "./equivocation.js";

const context: CheckContext = {
  orderers: ["orderer1", "orderer2", "orderer3", "orderer4"],
  peers: ["peer1"],
  fidelity: "improved",
  patience: seconds(10),
  faultsExpected: 1,
};

const at = 1 as Instant; // brand constructor

const order = (node: string, state: EventOf<"fault">["state"] = "effective", how = "silent"): Event =>
  ({
    kind: "fault",
    at,
    node,
    state,
    fault: 1,
    what: "byzantine",
    how,
    target: node,
    asked: node,
    detail: "",
  }) as Event; // `how` is a text here

const block = (node: string, number: number, hash: string, previousHash = `h${number - 1}`): Event => ({
  kind: "block",
  at,
  node,
  role: "orderer",
  number,
  hash,
  previousHash,
  view: 0,
  bytes: 100,
  transactions: [],
  duplicates: [],
  source: "decision",
});

const vote = (node: string, other: string, digest: string, type: "Prepare" | "Commit" = "Prepare"): Event => ({
  kind: "message",
  at,
  node,
  direction: "in",
  other,
  type,
  view: 0,
  sequence: 7,
  digest,
});

function verdictsAfter(...events: readonly Event[]): ReadonlyMap<string, CheckVerdict> {
  const checks = new AllChecks(context);
  for (const event of events) checks.observe(event);
  return new Map(checks.verdicts().map((verdict) => [verdict.name, verdict]));
}

function byzantineAfter(events: readonly Event[], fidelity: CheckContext["fidelity"] = "improved"): CheckVerdict {
  return verdictOf(new Byzantine({ ...context, fidelity }), ...events);
}

describe("a Byzantine orderer by order", () => {
  const fork = [block("orderer1", 7, "a"), block("orderer2", 7, "b"), block("orderer2", 9, "c")];

  it("may store what it likes, from the request on", () => {
    const without = verdictsAfter(...fork);
    expect(without.get("agreement")?.verdict).toBe("false");
    expect(without.get("no-gap")?.verdict).toBe("false");
    const ordered = verdictsAfter(order("orderer2", "requested"), ...fork);
    expect(ordered.get("agreement")?.verdict).not.toBe("false");
    expect(ordered.get("no-gap")?.verdict).not.toBe("false");
  });

  it("is known by its own word too", () => {
    const told: Event = {
      kind: "step",
      at,
      node: "orderer2",
      component: "byzantine",
      step: "misbehaving",
      facts: { how: "twins" },
    };
    expect(verdictsAfter(told, ...fork).get("agreement")?.verdict).not.toBe("false");
    expect(byzantineAfter([told])).toMatchObject({ verdict: "true", detail: "by order: orderer2: twins" });
  });

  it("excuses nobody else", () => {
    expect(verdictsAfter(order("orderer3"), ...fork).get("agreement")?.verdict).toBe("false");
  });

  it("is one of f: with more of them the protocol promises nothing", () => {
    expect(byzantineAfter([order("orderer1"), order("orderer2")]).verdict).toBe("unknown");
    expect(byzantineAfter([order("orderer1", "failed"), order("orderer2")]).verdict).toBe("true");
  });
});

describe("equivocation", () => {
  const said = (what: SignedStatement["what"], says: string, sequence = 7): SignedStatement => ({
    what,
    signer: "orderer1",
    view: 2,
    sequence,
    says,
  });

  it.each(["commit", "view-data"] as const)("is proved by two signatures of one signer: %s", (what) => {
    const proofs = new EquivocationProofs();
    for (const statement of [said(what, "a"), said(what, "a"), said(what, "b", 8)]) proofs.observe(statement);
    expect(proofs.all).toEqual([]);
    for (const statement of [said(what, "b"), said(what, "c")]) proofs.observe(statement);
    expect(proofs.all).toEqual([{ what, who: "orderer1", view: 2, sequence: 7, said: ["a", "b"] }]);
  });

  it("is observed in the message log, and a finding where the sender is correct", () => {
    const log = [vote("orderer3", "orderer2", "aaaa"), vote("orderer4", "orderer2", "bbbb")];
    expect(byzantineAfter(log)).toMatchObject({ verdict: "false" });
    expect(byzantineAfter(log).detail).toContain("orderer2 said two things in a Prepare of view 0, sequence 7");
    expect(byzantineAfter([order("orderer2"), ...log])).toMatchObject({ verdict: "true" });
    expect(byzantineAfter([order("orderer2"), ...log]).detail).toContain("1 equivocations of theirs observed");
  });

  it("is no finding in the Commits of who heard a leader tell two stories", () => {
    const commits = [vote("orderer3", "orderer2", "aaaa", "Commit"), vote("orderer4", "orderer2", "bbbb", "Commit")];
    expect(byzantineAfter([order("orderer1"), ...commits])).toMatchObject({ verdict: "false" });
    for (const how of ["equivocate", "twins"]) {
      const told = order("orderer1", "effective", how);
      expect(byzantineAfter([told, ...commits])).toMatchObject({ verdict: "true" });
      expect(byzantineAfter([told, ...commits]).detail).toContain(
        "not counted, as a leader told two stories: orderer2",
      );
      const prepares = [vote("orderer3", "orderer2", "aaaa"), vote("orderer4", "orderer2", "bbbb")];
      expect(byzantineAfter([told, ...commits, ...prepares])).toMatchObject({ verdict: "false" });
    }
  });

  it("is no finding where the library does it, nor while senders are forged", () => {
    const log = [vote("orderer3", "orderer2", "aaaa"), vote("orderer4", "orderer2", "bbbb")];
    expect(byzantineAfter(log, "library")).toMatchObject({ verdict: "true" });
    expect(byzantineAfter(log, "library").detail).toContain("not counted, as the library does it");
    expect(byzantineAfter([order("orderer1", "effective", "forged-sender"), ...log])).toMatchObject({
      verdict: "true",
    });
  });
});
