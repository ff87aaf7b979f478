// All checks as one fold. Counts that results publish are read from the checks that own them.
import type { Event, EventKind } from "../boundary/index.js";
import { Agreement } from "./agreement.js";
import { Byzantine } from "./byzantine.js";
import { HashChain, NoGap } from "./chain.js";
import { isHeard, judgement, type Check, type CheckContext, type CheckVerdict, type Truth } from "./check.js";
import { Clock } from "./clock.js";
import { FaultsEffective, FaultsOnTime, KernelConfirms } from "./faults.js";
import { Impairments } from "./impairments.js";
import { Liveness } from "./liveness.js";
import { NothingLost, type LossCount } from "./nothing-lost.js";
import { NothingTwice } from "./nothing-twice.js";
import { Pool } from "./pool.js";
import { Processes } from "./processes.js";
import { Validity } from "./validity.js";
import { ViewOrder } from "./view-order.js";
import { Window } from "./window.js";

export interface CheckCounts {
  readonly loss: LossCount;
  readonly duplicates: number;
  /** Section 15 item 1, and section 3.3. */
  readonly duplicatesNamed: number;
  readonly duplicatesForgotten: number;
  readonly poolOverflow: number;
  readonly faultsLate: number;
  readonly deaths: number;
}

export class AllChecks {
  readonly #lost: NothingLost;
  readonly #twice: NothingTwice;
  readonly #pool = new Pool();
  readonly #onTime = new FaultsOnTime();
  readonly #processes = new Processes();
  readonly #window = new Window();
  readonly #byzantine: Byzantine;
  readonly #checks: readonly Check[];
  /** Those that hear of a kind of event: most events are steps, and most checks hear of none. */
  readonly #byKind = new Map<EventKind, readonly Check[]>();
  /** What the protocol promises of correct nodes only: events of a Byzantine one are nothing to them. */
  readonly #ofCorrectNodes: ReadonlySet<Check>;

  constructor(context: CheckContext) {
    this.#lost = new NothingLost(context);
    this.#twice = new NothingTwice(context);
    this.#byzantine = new Byzantine(context);
    const [agreement, noGap, hashChain] = [new Agreement(), new NoGap(), new HashChain()];
    const viewOrder = new ViewOrder(context);
    this.#ofCorrectNodes = new Set<Check>([agreement, noGap, hashChain, viewOrder]);
    this.#checks = [
      this.#window,
      this.#byzantine,
      agreement,
      noGap,
      hashChain,
      this.#lost,
      this.#twice,
      new Validity(),
      viewOrder,
      new Liveness(context),
      this.#pool,
      new FaultsEffective(context),
      this.#onTime,
      new KernelConfirms(),
      this.#processes,
      new Clock(),
      new Impairments(),
    ];
  }

  observe(event: Event): void {
    const isFaulty = this.#byzantine.has(event.node);
    for (const check of this.#hearing(event.kind))
      if (!isFaulty || !this.#ofCorrectNodes.has(check)) check.observe(event);
  }

  #hearing(kind: EventKind): readonly Check[] {
    let checks = this.#byKind.get(kind);
    if (checks === undefined) {
      checks = this.#checks.filter((check) => isHeard(kind, check));
      this.#byKind.set(kind, checks);
    }
    return checks;
  }

  counts(): CheckCounts {
    return {
      loss: this.#lost.count(),
      duplicates: this.#twice.count,
      duplicatesNamed: this.#twice.named,
      duplicatesForgotten: this.#twice.forgotten,
      poolOverflow: this.#pool.overflow,
      faultsLate: this.#onTime.late,
      deaths: this.#processes.deaths,
    };
  }

  /** One verdict a check, in a fixed order; without commits in the window none of them is `true`. */
  verdicts(): readonly CheckVerdict[] {
    const shown = this.#window.verdict();
    return this.#checks.map((check) => {
      const verdict = check.verdict();
      if (verdict.verdict !== "true" || shown.verdict === "true") return verdict;
      return { ...verdict, verdict: "unknown" as const, detail: `${verdict.detail}; but ${shown.detail}` };
    });
  }

  /** What a run that was broken off lacks: nothing is to be concluded from what did not happen in it. */
  get lacks(): string | undefined {
    return this.#window.lacks;
  }

  verdict(): Truth {
    return judgement(this.verdicts());
  }
}
