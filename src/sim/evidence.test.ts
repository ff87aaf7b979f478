// What a signature proves, and what stands beside it and proves nothing.
import { describe, expect, it } from "vitest";
import { emptyBytes, nodeId, sequence, utf8, view } from "../base/index.js";
import { EquivocationProofs } from "../checks/index.js";
import {
  encodeViewData,
  encodeViewMetadata,
  proposalDigest,
  type Message,
  type Proposal,
  type SignedViewData,
} from "../smartbft/index.js";
import { Evidence } from "./evidence.js";
import { Ledger } from "./ledger.js";
import { tinyApplication } from "./tiny-application.js";

const key = tinyApplication(nodeId(1), new Ledger());
const [atView, atSequence] = [view(0), sequence(9)] as const;

const proposal = (payload: string, at = 9): Proposal => ({
  header: emptyBytes,
  payload: utf8(payload),
  metadata: encodeViewMetadata({
    view: atView,
    sequence: sequence(at),
    decisions: at - 1,
    blacklist: [],
    previousSignatureDigest: emptyBytes,
  }),
  verificationSequence: 0,
});

const shown = (what: Proposal): Message => ({
  kind: "PrePrepare",
  view: atView,
  sequence: atSequence,
  proposal: what,
  previousSignatures: [],
});
const commit = (
  of: Proposal,
  place = { view: atView, sequence: atSequence },
): Extract<Message, { kind: "Commit" }> => ({
  kind: "Commit",
  ...place,
  digest: proposalDigest(of),
  signature: key.signProposal(of, emptyBytes),
  assist: false,
});
const viewData = (lastDecision: Proposal | undefined, inFlightProposal: Proposal | undefined): SignedViewData => {
  const raw = encodeViewData({
    nextView: view(1),
    lastDecision,
    lastDecisionSignatures: [],
    inFlightProposal,
    inFlightPrepared: false,
  });
  return { kind: "ViewData", raw, signer: nodeId(1), signature: key.sign(raw) };
};

/** What these messages prove, in their order. */
function proved(...messages: readonly Message[]): readonly unknown[] {
  const evidence = new Evidence();
  const proofs = new EquivocationProofs();
  for (const message of messages) for (const statement of evidence.statementsIn(message)) proofs.observe(statement);
  return proofs.all;
}

const [first, second] = [proposal("first"), proposal("second")] as const;
const both = [proposalDigest(first), proposalDigest(second)];

describe("two Commits of one signer", () => {
  it("for two proposals of one place are a proof", () => {
    const found = { what: "commit", who: 1, view: 0, sequence: 9, said: both };
    expect(proved(shown(first), shown(second), commit(first), commit(second))).toEqual([found]);
  });

  it("are one whatever place stands beside the signature", () => {
    const elsewhere = commit(second, { view: view(3), sequence: sequence(4) });
    expect(proved(shown(first), shown(second), commit(first), elsewhere)).toHaveLength(1);
  });

  it("are none for proposals of two places, though one is sent on under the other's number (seed 35244)", () => {
    const earlier = proposal("earlier", 1);
    expect(proved(shown(first), shown(earlier), commit(first), commit(earlier))).toEqual([]);
  });

  it("are none while one of the proposals is shown by nobody, does not verify, or is named in another spelling", () => {
    expect(proved(shown(first), commit(first), commit(second))).toEqual([]);
    const unsigned = commit(second);
    const forged = { ...unsigned, signature: key.signProposal(first, emptyBytes) };
    expect(proved(shown(first), shown(second), commit(first), forged)).toEqual([]);
    const spelt = { ...unsigned, digest: unsigned.digest.toUpperCase() };
    expect(proved(shown(first), shown(second), commit(first), spelt)).toEqual([]);
  });

  it("are one where ViewData or a NewView shows the proposals", () => {
    const told = viewData(first, undefined);
    const newView: Message = { kind: "NewView", entries: [viewData(undefined, second)] };
    expect(proved(told, commit(first), newView, commit(second))).toContainEqual(
      expect.objectContaining({ what: "commit", said: both }),
    );
  });
});

describe("two ViewData of one signer for one view", () => {
  it("are a proof, inside a NewView too, and nothing where one does not verify", () => {
    const [told, other] = [viewData(first, undefined), viewData(second, undefined)];
    expect(proved(told, { kind: "NewView", entries: [other] })).toMatchObject([{ what: "view-data", who: 1, view: 1 }]);
    expect(proved(told, { ...other, signature: told.signature })).toEqual([]);
  });
});
