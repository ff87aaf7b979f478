// No gap and hash chain: every node stores numbers without a hole, and each header names the hash of the one before.
// A number stored again (after a restart, or twice by recovery) is no gap; that it is the same block is agreement's matter.
import type { EventOf } from "../boundary/index.js";
import { Findings, type CheckOf, type CheckVerdict } from "./check.js";

export class NoGap implements CheckOf<"block"> {
  readonly hears = { block: true } as const;
  readonly #last = new Map<string, number>();
  readonly #findings = new Findings();
  #steps = 0;

  observe(event: EventOf<"block">): void {
    const last = this.#last.get(event.node);
    if (last !== undefined && event.number > last + 1) {
      this.#findings.add(`${event.node} stored block ${event.number} after block ${last}`);
    }
    if (last !== undefined && event.number === last + 1) this.#steps += 1;
    this.#last.set(event.node, Math.max(event.number, last ?? event.number));
  }

  verdict(): CheckVerdict {
    const name = "no-gap";
    if (this.#findings.count > 0) return { name, verdict: "false", detail: this.#findings.text() };
    if (this.#steps === 0) return { name, verdict: "unknown", detail: "no node stored two blocks in a row" };
    return {
      name,
      verdict: "true",
      detail: `${this.#steps} blocks followed their predecessor, on ${this.#last.size} nodes`,
    };
  }
}

export class HashChain implements CheckOf<"block"> {
  readonly hears = { block: true } as const;
  readonly #last = new Map<string, { readonly number: number; readonly hash: string }>();
  readonly #findings = new Findings();
  #links = 0;
  #unlinked = 0;

  observe(event: EventOf<"block">): void {
    const last = this.#last.get(event.node);
    if (last !== undefined && event.number <= last.number) return;
    if (last !== undefined && event.number === last.number + 1) {
      this.#links += 1;
      if (event.previousHash !== last.hash) {
        this.#findings.add(`${event.node}: block ${event.number} does not name the hash of its block ${last.number}`);
      }
    } else if (last !== undefined) this.#unlinked += 1;
    this.#last.set(event.node, { number: event.number, hash: event.hash });
  }

  verdict(): CheckVerdict {
    const name = "hash-chain";
    if (this.#findings.count > 0) return { name, verdict: "false", detail: this.#findings.text() };
    if (this.#unlinked > 0) {
      return { name, verdict: "unknown", detail: `${this.#unlinked} blocks have no predecessor to compare with` };
    }
    if (this.#links === 0) return { name, verdict: "unknown", detail: "no node stored two blocks in a row" };
    return { name, verdict: "true", detail: `${this.#links} links hold` };
  }
}
