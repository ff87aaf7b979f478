// Nothing lost: every transaction that f+1 orderers accepted is committed at a peer by the end of the run.
//
// Why f+1: an orderer that answers success has the request in its pool and no more. Of n orderers f may be faulty or cut
// off for good, so f acceptances may all be theirs; f+1 hold at least one correct orderer, which will forward the request to
// the leader and complain until it is ordered. Fewer acceptances are a promise that nobody who must keep it has made.
//
// A transaction without a commit is lost, and not merely pending, when one of these holds:
//   removed   every orderer that accepted it dropped it from its pool after the auto-remove timeout, or
//   overtaken a peer committed other transactions more than `patience` after the (f+1)-th acceptance, or
//   drained   every orderer's pool was probed as empty after the last acceptance.
// Otherwise the run was stopped while it was pending: unknown.
import { faultsTolerated, type Duration, type Instant } from "../base/index.js";
import type { BlockEvent, EventOf, RequestEvent } from "../boundary/index.js";
import type { CheckOf, CheckContext, CheckVerdict } from "./check.js";
import { RecentMap } from "./recent-map.js";

/** Committed transactions remembered, so that an acceptance heard after the commit opens nothing. */
const committedRemembered = 200_000;
/** Transactions that may wait at once; a larger backlog is not judged. */
const pendingMax = 500_000;

interface Pending {
  readonly acceptedBy: Map<string, Instant>;
  readonly removedBy: Set<string>;
}

export interface LossCount {
  readonly lost: number;
  readonly pending: number;
  readonly firstLost: string;
}

export class NothingLost implements CheckOf<"request" | "block" | "step" | "probe"> {
  readonly hears = { request: true, block: true, step: true, probe: true } as const;
  readonly #needed: number;
  readonly #orderers: readonly string[];
  readonly #patience: Duration;
  readonly #pending = new Map<string, Pending>();
  readonly #committed = new RecentMap<string, true>(committedRemembered);
  readonly #emptySince = new Map<string, Instant>();
  #committedCount = 0;
  #promised = 0;
  #unjudged = 0;
  #lastCommitAt: Instant | undefined;

  constructor(context: CheckContext) {
    this.#orderers = context.orderers;
    this.#needed = faultsTolerated(context.orderers.length) + 1;
    this.#patience = context.patience;
  }

  observe(event: EventOf<"request" | "block" | "step" | "probe">): void {
    if (event.kind === "request") this.#request(event);
    else if (event.kind === "block" && event.role === "peer") this.#block(event);
    else if (event.kind === "step" && event.step === "autoRemoved") {
      this.#pending.get(String(event.facts["requestId"]))?.removedBy.add(event.node);
    } else if (event.kind === "probe" && event.probe === "pool") {
      if (event.measured > 0) this.#emptySince.delete(event.subject);
      else if (!this.#emptySince.has(event.subject)) this.#emptySince.set(event.subject, event.at);
    }
  }

  #request(event: RequestEvent): void {
    if (event.state !== "accepted" || this.#committed.has(event.transaction)) return;
    let pending = this.#pending.get(event.transaction);
    if (pending === undefined) {
      if (this.#pending.size >= pendingMax) {
        this.#unjudged += 1;
        return;
      }
      pending = { acceptedBy: new Map(), removedBy: new Set() };
      this.#pending.set(event.transaction, pending);
    }
    if (pending.acceptedBy.has(event.orderer)) return;
    pending.acceptedBy.set(event.orderer, event.at);
    if (pending.acceptedBy.size === this.#needed) this.#promised += 1;
  }

  #block(event: BlockEvent): void {
    for (const transaction of event.transactions) {
      if (this.#committed.has(transaction)) continue;
      this.#pending.delete(transaction);
      this.#committed.set(transaction, true);
      this.#committedCount += 1;
      this.#lastCommitAt = event.at;
    }
  }

  /** Judged as if the run ended now. */
  count(): LossCount {
    let lost = 0;
    let pending = 0;
    let firstLost = "";
    for (const [transaction, state] of this.#pending) {
      if (state.acceptedBy.size < this.#needed) continue;
      const why = this.#lossOf(state);
      if (why === undefined) pending += 1;
      else {
        lost += 1;
        if (firstLost === "") firstLost = `${transaction} (${why})`;
      }
    }
    return { lost, pending, firstLost };
  }

  #lossOf(state: Pending): string | undefined {
    const acceptors = [...state.acceptedBy];
    if (acceptors.every(([orderer]) => state.removedBy.has(orderer))) return "removed from every pool";
    const instants = acceptors.map(([, at]) => at).toSorted((left, right) => left - right);
    const promisedAt = instants[this.#needed - 1];
    if (
      promisedAt !== undefined &&
      this.#lastCommitAt !== undefined &&
      this.#lastCommitAt - promisedAt > this.#patience
    ) {
      return "overtaken";
    }
    const lastAt = instants.at(-1);
    const drained = this.#orderers.every((orderer) => {
      const since = this.#emptySince.get(orderer);
      return since !== undefined && lastAt !== undefined && since > lastAt;
    });
    return drained ? "every pool is empty" : undefined;
  }

  verdict(): CheckVerdict {
    const name = "nothing-lost";
    const { lost, pending, firstLost } = this.count();
    // Where no peer speaks at all, silence proves no loss.
    if (this.#committedCount === 0) return { name, verdict: "unknown", detail: "nothing was committed at a peer" };
    const rule = `accepted by at least ${this.#needed} of ${this.#orderers.length} orderers`;
    if (lost > 0) {
      return {
        name,
        verdict: "false",
        detail: `${lost} transactions ${rule} were never committed: first ${firstLost}`,
      };
    }
    if (this.#promised === 0) return { name, verdict: "unknown", detail: `no transaction was seen ${rule}` };
    if (pending > 0) {
      return {
        name,
        verdict: "unknown",
        detail: `${pending} transactions ${rule} were still pending when the run ended`,
      };
    }
    if (this.#unjudged > 0)
      return { name, verdict: "unknown", detail: `${this.#unjudged} acceptances were not followed` };
    return { name, verdict: "true", detail: `all ${this.#promised} transactions ${rule} were committed` };
  }
}
