// Nothing twice: no transaction stands in two blocks, or twice in one.
//
// With `fidelity: library` two kinds of duplicate are the library's own. A decision completed inside a view change, or by a
// view restored from the log, leaves its requests in the pool, and they are ordered again (reference section 15 item 1). And
// a pool remembers only the newest 1000 requests that were delivered (section 3.3): one that arrives again after so many
// others is taken for new. Such a duplicate is counted and named when the peer marked the second occurrence invalid. Any
// other duplicate is `false`.
import type { BlockEvent, EventOf } from "../boundary/index.js";
import { Findings, type CheckOf, type CheckContext, type CheckVerdict } from "./check.js";
import { RecentMap } from "./recent-map.js";

/** Committed transactions remembered: a second occurrence later than this many others is not seen, and the detail says so. */
const transactionsRemembered = 200_000;
/** Delivered requests that a pool of the library remembers, section 3.3. */
const rememberedByPool = 1_000;

interface First {
  readonly block: number;
  /** Its number among all transactions of the run. */
  readonly ordinal: number;
}

export class NothingTwice implements CheckOf<"step" | "block"> {
  readonly hears = { step: true, block: true } as const;
  readonly #fidelity: "library" | "improved";
  readonly #firstOf = new RecentMap<string, First>(transactionsRemembered);
  /** Blocks whose decision was completed inside a view change or restored from a log. */
  readonly #inFlight = new Set<number>();
  /** Orderers whose next decision comes from their log. */
  readonly #restored = new Set<string>();
  readonly #findings = new Findings();
  #heightSeen = -1;
  #named = 0;
  #forgotten = 0;
  #transactions = 0;

  constructor(context: CheckContext) {
    this.#fidelity = context.fidelity;
  }

  /** Duplicates of either kind. */
  get count(): number {
    return this.#named + this.#forgotten + this.#findings.count;
  }

  /** Duplicates that are section 3.3: the pools had forgotten them. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** Duplicates that are section 15 item 1. */
  get named(): number {
    return this.#named;
  }

  observe(event: EventOf<"step" | "block">): void {
    if (event.kind === "step") {
      const sequence = event.facts["sequence"];
      if (event.step === "inFlightCommitted" && typeof sequence === "number") this.#inFlight.add(sequence);
      const from = event.facts["from"];
      if (event.step === "restored" && (from === "proposed" || from === "commit")) this.#restored.add(event.node);
    }
    if (event.kind !== "block") return;
    if (event.role === "orderer") {
      if (event.source === "decision" && this.#restored.delete(event.node)) this.#inFlight.add(event.number);
    } else if (event.number > this.#heightSeen) {
      this.#heightSeen = event.number;
      this.#firstCopy(event);
    }
  }

  /** The first peer to store a number speaks for all: agreement holds the others to the same block. */
  #firstCopy(event: BlockEvent): void {
    const marked = new Set(event.duplicates);
    for (const [index, transaction] of event.transactions.entries()) {
      if (transaction === "") continue;
      const first = this.#firstOf.get(transaction);
      if (first === undefined) {
        this.#firstOf.set(transaction, { block: event.number, ordinal: this.#transactions });
        this.#transactions += 1;
      } else this.#again(transaction, first, { block: event.number, isMarked: marked.has(index) });
    }
  }

  #again(
    transaction: string,
    first: First,
    { block, isMarked }: { readonly block: number; readonly isMarked: boolean },
  ): void {
    const isLibrary = this.#fidelity === "library" && isMarked;
    if (isLibrary && this.#inFlight.has(first.block)) this.#named += 1;
    else if (isLibrary && this.#transactions - first.ordinal > rememberedByPool) this.#forgotten += 1;
    else {
      const mark = isMarked ? "marked invalid by the peer" : "not marked by the peer";
      this.#findings.add(`${transaction} in blocks ${first.block} and ${block}, ${mark}`);
    }
  }

  verdict(): CheckVerdict {
    const name = "nothing-twice";
    if (this.#findings.count > 0) return { name, verdict: "false", detail: this.#findings.text() };
    if (this.#transactions === 0) return { name, verdict: "unknown", detail: "nothing was committed at a peer" };
    const named =
      (this.#named === 0 ? "" : `; ${this.#named} duplicates after an in-flight commit: SmartBFT section 15 item 1`) +
      (this.#forgotten === 0 ? "" : `; ${this.#forgotten} that the pools had forgotten: SmartBFT section 3.3`);
    const window = this.#firstOf.evicted === 0 ? "" : ` (compared with the last ${transactionsRemembered})`;
    return { name, verdict: "true", detail: `${this.#transactions} transactions${window}${named}` };
  }
}
