// Where a sync leads (reference section 9.2), as a function of what is known: own state, the ledger's newest decision,
// and the state that others agree on.
import { sequence, view, type Sequence, type View } from "../base/index.js";
import type { CollectedState } from "./collector.js";
import type { ViewMetadata } from "./wire/message.js";

export interface SyncFacts {
  /** Before the sync: the running view, the checkpoint's sequence, the decisions made in the view. */
  readonly own: { readonly view: View; readonly sequence: Sequence; readonly decisions: number };
  /** Of the ledger's newest decision; undefined at genesis. */
  readonly returned: ViewMetadata | undefined;
  readonly collected: CollectedState | undefined;
}

export type SyncOutcome =
  /** Nothing learnt: the current view goes on, or is started again where it was. */
  | { readonly kind: "nothing" }
  /** `learnt`: the view comes from others' state, is newer than the ledger's, and must be recorded. */
  | {
      readonly kind: "continue";
      readonly view: View;
      readonly sequence: Sequence;
      readonly decisions: number;
      readonly learnt: boolean;
    };

export function syncOutcome({ own, returned, collected }: SyncFacts): SyncOutcome {
  const returnedView = returned?.view ?? view(0);
  const returnedSequence = returned?.sequence ?? sequence(0);
  const newer = returned !== undefined && returnedSequence > own.sequence;
  const candidate = {
    kind: "continue",
    view: returnedView > own.view ? returnedView : own.view,
    sequence: sequence((newer ? returnedSequence : own.sequence) + 1),
    decisions: newer ? returned.decisions + 1 : own.decisions,
    learnt: false,
  } as const;
  if (collected === undefined) {
    return returned === undefined || returnedView < own.view ? { kind: "nothing" } : candidate;
  }
  if (collected.view <= own.view && returnedView < own.view) return { kind: "nothing" };
  // A View that has just started publishes "last delivered + 1"; once it has decided, the ledger tells the new view.
  if (collected.view > candidate.view && collected.sequence === returnedSequence + 1) {
    return { ...candidate, view: collected.view, decisions: 0, learnt: true };
  }
  return candidate;
}
