// Agreement: no two members of the lab store different blocks under one number.
import type { EventOf } from "../boundary/index.js";
import { Findings, type CheckOf, type CheckVerdict } from "./check.js";
import { RecentMap } from "./recent-map.js";

/** Numbers remembered: hours at a few blocks a second. A block older than that is not compared, and says so. */
const numbersRemembered = 50_000;

export class Agreement implements CheckOf<"block"> {
  readonly hears = { block: true } as const;
  readonly #blocks = new RecentMap<number, { readonly hash: string; readonly node: string }>(numbersRemembered);
  readonly #findings = new Findings();
  #forgottenUpTo = -1;
  #compared = 0;
  #uncompared = 0;

  observe(event: EventOf<"block">): void {
    const known = this.#blocks.get(event.number);
    if (known === undefined) {
      if (event.number <= this.#forgottenUpTo) {
        this.#uncompared += 1;
        return;
      }
      const gone = this.#blocks.set(event.number, { hash: event.hash, node: event.node });
      if (gone !== undefined) this.#forgottenUpTo = Math.max(this.#forgottenUpTo, gone.key);
      return;
    }
    if (known.hash !== event.hash) {
      const pair = `${known.node} has ${short(known.hash)}, ${event.node} has ${short(event.hash)}`;
      this.#findings.add(`block ${event.number}: ${pair}`);
    }
    if (known.node !== event.node) this.#compared += 1;
  }

  verdict(): CheckVerdict {
    const name = "agreement";
    if (this.#findings.count > 0) return { name, verdict: "false", detail: this.#findings.text() };
    if (this.#uncompared > 0) {
      return { name, verdict: "unknown", detail: `${this.#uncompared} blocks came too late to be compared` };
    }
    if (this.#compared === 0) return { name, verdict: "unknown", detail: "no block was seen at two nodes" };
    return { name, verdict: "true", detail: `${this.#compared} copies of blocks agree with the first one seen` };
  }
}

const short = (hash: string): string => hash.slice(0, 8);
