// View order: the views an orderer runs never go back while its process lives. A view that is agreed on but does not run yet
// does not count: a sync that was under way restarts the old one first (reference section 8.7). A restart may take an
// orderer back to its ledger's view (section 15 item 7), so a new process starts afresh.
import type { EventOf } from "../boundary/index.js";
import { Findings, type CheckOf, type CheckContext, type CheckVerdict } from "./check.js";

export class ViewOrder implements CheckOf<"process" | "step"> {
  readonly hears = { process: true, step: true } as const;
  readonly #orderers: ReadonlySet<string>;
  readonly #views = new Map<string, number>();
  readonly #findings = new Findings();
  #statements = 0;

  constructor(context: CheckContext) {
    this.#orderers = new Set(context.orderers);
  }

  observe(event: EventOf<"process" | "step">): void {
    if (!this.#orderers.has(event.node)) return;
    if (event.kind === "process" && event.state === "ended" && event.process === "orderer")
      this.#views.delete(event.node);
    if (event.kind !== "step" || event.step !== "viewStarting") return;
    const view = event.facts["view"];
    if (typeof view !== "number") return;
    const last = this.#views.get(event.node);
    this.#statements += 1;
    if (last !== undefined && view < last)
      this.#findings.add(`${event.node} went from view ${last} back to view ${view}`);
    else this.#views.set(event.node, view);
  }

  verdict(): CheckVerdict {
    const name = "view-order";
    if (this.#findings.count > 0) return { name, verdict: "false", detail: this.#findings.text() };
    if (this.#statements === 0) return { name, verdict: "unknown", detail: "no orderer stated its view" };
    return {
      name,
      verdict: "true",
      detail: `${this.#statements} views stated by ${this.#views.size} orderers, none lower than before`,
    };
  }
}
