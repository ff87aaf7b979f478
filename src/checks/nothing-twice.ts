// Nothing twice: no transaction stands in two blocks, or twice in one.
//
// With `fidelity: library` one kind of duplicate is the library's own (reference section 15 item 1): a decision completed
// inside a view change, or by a view restored from the log, leaves its requests in the pool, and they are ordered again. Such
// a duplicate is counted and named when both hold: the first block was decided that way, and the peer marked the second
// occurrence invalid. Any other duplicate is `false`.
import type { BlockEvent, Event } from "../boundary/index.js";
import { Findings, type Check, type CheckContext, type CheckVerdict } from "./check.js";
import { RecentMap } from "./recent-map.js";

/** Committed transactions remembered: a second occurrence later than this many others is not seen, and the detail says so. */
const transactionsRemembered = 200_000;

export class NothingTwice implements Check {
  readonly #fidelity: "library" | "improved";
  readonly #blockOf = new RecentMap<string, number>(transactionsRemembered);
  /** Blocks whose decision was completed inside a view change or restored from a log. */
  readonly #inFlight = new Set<number>();
  /** Orderers whose next decision comes from their log. */
  readonly #restored = new Set<string>();
  readonly #findings = new Findings();
  #heightSeen = -1;
  #named = 0;
  #transactions = 0;

  constructor(context: CheckContext) {
    this.#fidelity = context.fidelity;
  }

  /** Duplicates of either kind. */
  get count(): number {
    return this.#named + this.#findings.count;
  }

  /** Duplicates that are section 15 item 1. */
  get named(): number {
    return this.#named;
  }

  observe(event: Event): void {
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
      const first = this.#blockOf.get(transaction);
      if (first === undefined) {
        this.#blockOf.set(transaction, event.number);
        this.#transactions += 1;
      } else if (this.#fidelity === "library" && this.#inFlight.has(first) && marked.has(index)) this.#named += 1;
      else {
        const mark = marked.has(index) ? "marked invalid by the peer" : "not marked by the peer";
        this.#findings.add(`${transaction} in blocks ${first} and ${event.number}, ${mark}`);
      }
    }
  }

  verdict(): CheckVerdict {
    const name = "nothing-twice";
    if (this.#findings.count > 0) return { name, verdict: "false", detail: this.#findings.text() };
    if (this.#transactions === 0) return { name, verdict: "unknown", detail: "nothing was committed at a peer" };
    const named =
      this.#named === 0
        ? ""
        : `; ${this.#named} duplicates after an in-flight commit, marked invalid by the peer: SmartBFT section 15 item 1`;
    const window = this.#blockOf.evicted === 0 ? "" : ` (compared with the last ${transactionsRemembered})`;
    return { name, verdict: "true", detail: `${this.#transactions} transactions${window}${named}` };
  }
}
