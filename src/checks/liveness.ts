// Liveness: after the last heal (after the last fault where none is healed, after the start of the timeline where there is
// no fault) a peer commits a transaction that was intended later than that. Commits that were under way do not count.
// A heal after the load has ended (the end of a run undoes its faults) asks for nothing. `false` needs the service to have had `patience` for it under load; a run that ends sooner does not know.
import type { Duration, Instant } from "../base/index.js";
import type { Event } from "../boundary/index.js";
import type { Check, CheckContext, CheckVerdict } from "./check.js";

export class Liveness implements Check {
  /** Whatever happens tells how late it is. */
  readonly hears = "all";
  readonly #patience: Duration;
  #since: Instant | undefined;
  #what = "";
  /** Transactions intended since then, until the first of them is committed. */
  readonly #waiting = new Set<string>();
  #firstAskedAt: Instant | undefined;
  #resumedAt: Instant | undefined;
  #isLoaded = true;
  #peersSpoke = false;
  #lastAt: Instant | undefined;

  constructor(context: CheckContext) {
    this.#patience = context.patience;
  }

  observe(event: Event): void {
    if (event.kind === "phase" && event.phase === "timeline-started")
      this.#restart(event.at, "the start of the timeline");
    if (event.kind === "phase" && event.phase === "workload-stopped") this.#isLoaded = false;
    if (event.kind === "fault" && event.state === "effective") this.#restart(event.at, `fault ${event.fault}`);
    if (event.kind === "fault" && event.state === "healed") this.#restart(event.at, `the heal of fault ${event.fault}`);
    if (event.kind === "observed") this.#restart(event.at, `${event.endpoint} went ${event.state}`);
    this.#lastAt = event.at;
    if (event.kind === "block" && event.role === "peer") this.#peersSpoke = true;
    if (this.#since === undefined || this.#resumedAt !== undefined) return;
    if (event.kind === "request" && event.state === "invoked" && event.intendedAt >= this.#since) {
      this.#firstAskedAt ??= event.intendedAt;
      this.#waiting.add(event.transaction);
    }
    if (event.kind === "block" && event.role === "peer" && event.transactions.some((each) => this.#waiting.has(each))) {
      this.#resumedAt = event.at;
      this.#waiting.clear();
    }
  }

  #restart(at: Instant, what: string): void {
    if (!this.#isLoaded) return;
    this.#since = at;
    this.#what = what;
    this.#waiting.clear();
    this.#firstAskedAt = undefined;
    this.#resumedAt = undefined;
  }

  verdict(): CheckVerdict {
    const name = "liveness";
    const since = this.#since;
    if (since === undefined) return { name, verdict: "unknown", detail: "the timeline never started" };
    if (this.#resumedAt !== undefined) {
      const waited = (this.#resumedAt - since) / 1_000;
      return { name, verdict: "true", detail: `new work was committed ${waited.toFixed(1)} ms after ${this.#what}` };
    }
    if (!this.#peersSpoke) return { name, verdict: "unknown", detail: "no peer told of a block" };
    if (this.#firstAskedAt === undefined) {
      return { name, verdict: "unknown", detail: `no transaction was asked for after ${this.#what}` };
    }
    const waited = (this.#lastAt ?? since) - this.#firstAskedAt;
    const seconds = (waited / 1_000_000).toFixed(1);
    return waited > this.#patience
      ? { name, verdict: "false", detail: `no new work was committed in the ${seconds} s after ${this.#what}` }
      : { name, verdict: "unknown", detail: `the run ended ${seconds} s after ${this.#what}, too soon to tell` };
  }
}
