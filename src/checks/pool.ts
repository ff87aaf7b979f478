// Pool: no request was refused because an orderer's pool was full. A service that turned work away was not measured
// under the load that was asked for. Counted where it happens (the orderer's step), else where it is heard (the client).
import type { EventOf } from "../boundary/index.js";
import type { CheckOf, CheckVerdict } from "./check.js";

const full = /pool (is )?full/i;

export class Pool implements CheckOf<"step" | "request"> {
  readonly hears = { step: true, request: true } as const;
  #atOrderers = 0;
  #atClients = 0;
  #answers = 0;

  /** Refusals for lack of room. */
  get overflow(): number {
    return Math.max(this.#atOrderers, this.#atClients);
  }

  observe(event: EventOf<"step" | "request">): void {
    if (event.kind === "step" && event.step === "refused" && full.test(String(event.facts["reason"])))
      this.#atOrderers += 1;
    if (event.kind !== "request" || event.state === "invoked") return;
    this.#answers += 1;
    if (event.state === "refused" && full.test(event.detail)) this.#atClients += 1;
  }

  verdict(): CheckVerdict {
    const name = "pool";
    if (this.overflow > 0)
      return { name, verdict: "false", detail: `${this.overflow} requests were refused: pool full` };
    if (this.#answers === 0) return { name, verdict: "unknown", detail: "no orderer answered a request" };
    return { name, verdict: "true", detail: `${this.#answers} answers, none "pool full"` };
  }
}
