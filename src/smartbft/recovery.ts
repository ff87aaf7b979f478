// Where a replica starts (reference sections 4.3, 4.4 and 10.4): from the ledger's last decision and the log's last entry.
//
// The library reads a proposed record without asking the ledger (section 15, item 6), and gives the log's newer view to
// its first View alone, while all others believe the ledger's (item 7). `improved` does neither, and also reads what the
// records before a view change tell of the proposal in flight (item 3).
import { assert, sequence as toSequence, view as toView, type Sequence, type View } from "../base/index.js";
import type { Checkpoint } from "./checkpoint.js";
import { metadataOf } from "./checkpoint.js";
import type { Fact } from "./contract.js";
import { InFlight, type WasInFlight } from "./in-flight.js";
import type { ViewStart } from "./view.js";
import { decodeSavedMessage } from "./wire/decode.js";
import type { SavedMessage, ViewMetadata } from "./wire/message.js";

export interface StartingPoint {
  readonly number: View;
  /** Of the first decision to make. */
  readonly sequence: Sequence;
  readonly decisions: number;
  readonly resume?: ViewStart["resume"];
  /** Of the first View, where the library takes it from the log. */
  readonly viewAt?: ViewPlace;
  readonly inFlight: WasInFlight | undefined;
  /** The log ends in a view change: it goes on at once. `number` is the view that is left, which maybe nobody has entered. */
  readonly viewChange: boolean;
  /** The newest view that this replica knows to have been entered; `number`, but for one that is left. */
  readonly entered: View;
  readonly facts: Readonly<Record<string, Fact>>;
}

export type ViewPlace = Pick<ViewStart, "number" | "sequence" | "decisions">;

/** Throws when the last entry is no record, or is of a later decision than the ledger allows: the log is another replica's. */
export function startingPoint(
  checkpoint: Checkpoint,
  walEntries: readonly Uint8Array[],
  { improved }: { readonly improved: boolean },
): StartingPoint {
  const records = walEntries.map(savedMessage);
  const ledger = {
    number: checkpoint.view,
    sequence: toSequence(checkpoint.sequence + 1),
    decisions: checkpoint.sequence === 0 ? 0 : checkpoint.decisions + 1,
    inFlight: improved ? lastInFlight(records, checkpoint.sequence) : undefined,
    viewChange: false,
    entered: checkpoint.view,
  };
  const last = improved ? lastOfViews(records) : records.at(-1);
  switch (last?.kind) {
    case undefined:
      return { ...ledger, facts: { from: "nothing" } };
    case "viewChange":
      if (last.viewChange.nextView < checkpoint.view) return { ...ledger, facts: { from: "nothing" } };
      return {
        ...ledger,
        number: last.viewChange.nextView,
        viewChange: true,
        entered: toView(Math.max(checkpoint.view, ...records.map(viewEntered))),
        facts: { from: "viewChange" },
      };
    case "newView": {
      const { view, sequence } = last.metadata;
      if (sequence < checkpoint.sequence) return { ...ledger, facts: { from: "nothing" } };
      assert(
        sequence === checkpoint.sequence,
        `The log knows sequence ${sequence}, the ledger only ${checkpoint.sequence}`,
      );
      return { ...ledger, number: view, entered: view, decisions: 0, facts: { from: "newView", view, sequence } };
    }
    case "proposed":
    case "commit":
      return resumed(ledger, records, last, { improved });
  }
}

type Ledger = Omit<StartingPoint, "facts">;

function resumed(
  ledger: Ledger,
  records: readonly SavedMessage[],
  last: SavedMessage,
  { improved }: { readonly improved: boolean },
): StartingPoint {
  const record = last.kind === "commit" ? records.at(-2) : last;
  assert(record?.kind === "proposed", "Expected a proposed record before the log's last commit record");
  const { prePrepare, prepare } = record;
  const { proposal } = prePrepare;
  assert(proposal !== undefined, "Expected the log's last proposed record to hold a proposal");
  const metadata = metadataOf(proposal);
  assert(metadata !== undefined, "Expected the log's last proposal to have readable metadata");
  const { view, sequence, decisions } = metadata;
  const stale = sequence < ledger.sequence;
  if (stale && (improved || last.kind === "commit")) return { ...ledger, facts: { from: "nothing", sequence } };
  assert(sequence <= ledger.sequence, `The log is at sequence ${sequence}, the ledger expects ${ledger.sequence}`);
  // A record of a view that the ledger has left cannot be resumed; the view change that left it decided about it.
  if (improved && view < ledger.number) return { ...ledger, facts: { from: "nothing", sequence } };
  const point = improved
    ? { ...ledger, number: toView(view), entered: toView(view), decisions, facts: { view, sequence } }
    : { ...ledger, viewAt: restoredView(ledger, metadata), facts: { view, sequence } };
  if (last.kind === "commit") {
    return {
      ...point,
      resume: { phase: "prepared", proposal, commit: last.commit },
      inFlight: { proposal, view: toView(view), preparedIn: toView(view) },
      facts: { from: "commit", ...point.facts },
    };
  }
  return {
    ...point,
    resume: { phase: "proposed", proposal, prepare },
    inFlight: { proposal, view: toView(view), preparedIn: undefined },
    facts: { from: "proposed", ...point.facts },
  };
}

/** As a record of the log shows; 0 for that of a view change, which names a view that was left. */
function viewEntered(record: SavedMessage): number {
  switch (record.kind) {
    // Of a view that is negotiated, where the proposal is of an older one and nothing is signed (surprise 42).
    case "proposed":
      return record.prePrepare.view < record.prepare.view ? 0 : record.prepare.view;
    case "commit":
      return record.commit.signature === undefined ? 0 : record.commit.view;
    case "newView":
      return record.metadata.view;
    case "viewChange":
      return 0;
  }
}

/** Section 4.4: what is asked for wins where it is higher, but the phase stays. */
function restoredView(ledger: Ledger, { view, sequence, decisions }: ViewMetadata): ViewPlace {
  const behind = ledger.sequence > sequence || ledger.number > view;
  return {
    number: ledger.number > view ? ledger.number : view,
    sequence: ledger.sequence,
    decisions: behind ? ledger.decisions : decisions,
  };
}

/**
 * A proposal truncates the log, unless it is committed in flight inside a view change (surprises 40 and 42 of docs/protocol.md): what
 * stands behind the record of a view change is told of, but its view is not taken up again.
 */
const lastOfViews = (records: readonly SavedMessage[]): SavedMessage | undefined =>
  records.findLast(({ kind }) => kind === "viewChange" || kind === "newView") ?? records.at(-1);

/** Improved fidelity (section 15, item 3): records before a view change still tell what was in flight. */
function lastInFlight(records: readonly SavedMessage[], decided: Sequence): WasInFlight | undefined {
  const inFlight = new InFlight({ improved: true });
  for (const record of records) {
    if (record.kind === "proposed" && record.prePrepare.proposal !== undefined)
      // Once prepared it stays so, whatever view's change has it committed (surprise 42).
      inFlight.standUpFor(record.prePrepare.proposal, record.prepare.view);
    else if (record.kind === "commit") inFlight.markPrepared();
    // What was in flight before an installed view is void (surprise 43 of docs/protocol.md).
    else if (record.kind === "newView") inFlight.voidBefore(record.metadata.view);
  }
  return inFlight.sequence > decided ? inFlight.was : undefined;
}

function savedMessage(entry: Uint8Array): SavedMessage {
  const decoded = decodeSavedMessage(entry);
  assert(
    decoded.kind === "good",
    `Expected a record of the protocol in the log: ${decoded.kind === "bad" ? decoded.reason : ""}`,
  );
  return decoded.value;
}
