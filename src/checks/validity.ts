// Validity: what is committed was asked for by a client.
import type { EventOf } from "../boundary/index.js";
import { Findings, type CheckOf, type CheckVerdict } from "./check.js";
import { RecentMap } from "./recent-map.js";

const transactionsRemembered = 200_000;

export class Validity implements CheckOf<"request" | "block"> {
  readonly hears = { request: true, block: true } as const;
  /** Invoked and not yet committed. */
  readonly #invoked = new Set<string>();
  readonly #committed = new RecentMap<string, true>(transactionsRemembered);
  /** Committed with no invocation heard yet: the client's event may lie just behind. */
  readonly #unasked = new RecentMap<string, number>(1_000);
  #invocations = 0;
  #commits = 0;

  observe(event: EventOf<"request" | "block">): void {
    if (event.kind === "request") {
      if (event.state !== "invoked") return;
      this.#invocations += 1;
      if (!this.#unasked.delete(event.transaction) && !this.#committed.has(event.transaction)) {
        this.#invoked.add(event.transaction);
      }
      return;
    }
    if (event.kind !== "block" || event.role !== "peer") return;
    for (const transaction of event.transactions) {
      if (transaction === "" || this.#committed.has(transaction)) continue;
      this.#committed.set(transaction, true);
      this.#commits += 1;
      if (!this.#invoked.delete(transaction)) this.#unasked.set(transaction, event.number);
    }
  }

  verdict(): CheckVerdict {
    const name = "validity";
    if (this.#invocations === 0) return { name, verdict: "unknown", detail: "no client stated what it asked for" };
    if (this.#commits === 0) return { name, verdict: "unknown", detail: "nothing was committed at a peer" };
    if (this.#unasked.size > 0) {
      const findings = new Findings();
      for (const [transaction, number] of this.#unasked.entries()) {
        findings.add(`${transaction} in block ${number} was asked for by no client`);
      }
      return { name, verdict: "false", detail: findings.text() };
    }
    return { name, verdict: "true", detail: `all ${this.#commits} committed transactions were asked for` };
  }
}
