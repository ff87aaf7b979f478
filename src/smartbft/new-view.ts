// Validation of a NewView (reference section 8.9): walks its entries in order; an entry whose last decision is one ahead
// is delivered on the way, after which the walk begins again, because everything is judged against the checkpoint.
import type { NodeId, View } from "../base/index.js";
import type { Checkpoint } from "./checkpoint.js";
import type { Decision, VerifyItem } from "./contract.js";
import type { Core } from "./core.js";
import { decisionItems, inFlightProblem, standing } from "./view-data.js";
import type { SignedViewData, ViewData } from "./wire/message.js";

export type NewViewVerdict =
  | { readonly kind: "valid"; readonly data: readonly ViewData[] }
  | { readonly kind: "invalid"; readonly reason: string }
  /** Its decisions are more than one ahead: only a sync can bring them. */
  | { readonly kind: "ahead" };

export interface NewViewWalk {
  readonly core: Core;
  readonly checkpoint: Checkpoint;
  readonly nextView: View;
  readonly entries: readonly SignedViewData[];
  readonly deliver: (decision: Decision, done: () => void) => void;
  readonly done: (verdict: NewViewVerdict) => void;
}

/** Repeated signers are skipped. `done` is called once, in this step or a later one. */
export function walkNewView(walk: NewViewWalk): void {
  const seen = new Set<NodeId>();
  const entries = walk.entries.filter(({ signer }) => !seen.has(signer) && seen.add(signer));
  step(walk, entries, 0, []);
}

function step(walk: NewViewWalk, entries: readonly SignedViewData[], index: number, data: readonly ViewData[]): void {
  const entry = entries[index];
  if (entry === undefined) return finish(walk, data);
  const { core, checkpoint } = walk;
  const found = standing(entry.raw, walk.nextView, checkpoint);
  if (found.kind === "refused")
    return walk.done({ kind: "invalid", reason: `entry of ${entry.signer}: ${found.reason}` });
  if (found.kind === "ahead") return walk.done({ kind: "ahead" });
  const problem = inFlightProblem(found.data.inFlightProposal, found.sequence + 1);
  const accept = (): void => {
    if (problem !== undefined) walk.done({ kind: "invalid", reason: `entry of ${entry.signer}: ${problem}` });
    else step(walk, entries, index + 1, [...data, found.data]);
  };
  // We are ahead of it: its signature is not checked (section 15, item 20).
  if (found.kind === "behind" || (found.kind === "genesis" && checkpoint.sequence > 0)) {
    if (!core.improved) return accept();
  }
  if (found.kind === "next") {
    return verifyDecision(walk, entry, found.decision, () => {
      // The walk restarts at the first entry, with this one now "same"; its signature is checked then.
      walk.deliver(found.decision, () => step(walk, entries, 0, []));
    });
  }
  core.verify([signatureItem(core, entry)], ([valid]) => {
    if (valid === true) accept();
    else walk.done({ kind: "invalid", reason: `entry of ${entry.signer}: bad signature` });
  });
}

function verifyDecision(walk: NewViewWalk, entry: SignedViewData, decision: Decision, done: () => void): void {
  const { core } = walk;
  const needed = decisionItems(core.application, decision, { q: core.q, members: core.options.nodes });
  if (needed.kind === "bad")
    return walk.done({ kind: "invalid", reason: `entry of ${entry.signer}: ${needed.reason}` });
  core.verify(needed.items, (results) => {
    if (results.every(Boolean)) done();
    else walk.done({ kind: "invalid", reason: `entry of ${entry.signer}: bad signature on the last decision` });
  });
}

function finish({ core, done }: NewViewWalk, data: readonly ViewData[]): void {
  if (data.length >= core.q) done({ kind: "valid", data });
  else done({ kind: "invalid", reason: `${data.length} entries, need ${core.q}` });
}

/** What must verify for signed ViewData; undefined for a signer that is no member. */
export const signatureItem = (core: Core, { signer, signature, raw }: SignedViewData): VerifyItem | undefined =>
  core.options.nodes.includes(signer) ? core.application.signatureItem(signer, signature, raw) : undefined;
