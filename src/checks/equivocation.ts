// Equivocation: one orderer says two things where the protocol lets it say one. It is *proved* by signatures alone: two
// commits that one signer made for two proposals of one view and sequence, or two ViewData for one next view. What else a message log shows
// (two proposals, two prepares) is *observed*: nobody can show it to a third, for those messages are not signed.
//
// The proof does not say why. A node of `fidelity: library` that restarts its view, or its process, may sign twice and be
// correct (reference section 15, items 3 and 21). One of `fidelity: improved` may sign both stories of a leader that told two:
// one in its view, and the other in the change to a later view, which found out that the first was decided nowhere.
import type { MessageEvent } from "../boundary/index.js";
import { RecentMap } from "./recent-map.js";

/**
 * What a verified signature says. The caller has checked it: what does not verify proves nothing, nor does what stands beside
 * the signature and is not covered by it. A commit signature covers a proposal, whose metadata says view and sequence.
 */
export interface SignedStatement {
  readonly what: "commit" | "view-data";
  readonly signer: string | number;
  /** Of a commit; the next view of ViewData. */
  readonly view: number;
  /** Of a commit; 0 for ViewData. */
  readonly sequence: number;
  /** Digest of what was signed. */
  readonly says: string;
}

export interface Equivocation {
  readonly what: SignedStatement["what"] | MessageEvent["type"];
  readonly who: string | number;
  readonly view: number;
  readonly sequence: number;
  readonly said: readonly [string, string];
}

const remembered = 100_000;
/** A node that equivocates in everything is known well enough by then. */
const keptMax = 10_000;

/** Folds statements; each pair of view and sequence in which a signer contradicts itself is one proof. */
export class EquivocationProofs {
  readonly #said = new RecentMap<string, string>(remembered);
  readonly #proven = new Map<string, Equivocation>();

  observe({ what, signer, view, sequence, says }: SignedStatement): void {
    const key = `${what}/${signer}/${view}/${sequence}`;
    const before = this.#said.get(key);
    if (before === undefined) this.#said.set(key, says);
    else if (before !== says && !this.#proven.has(key) && this.#proven.size < keptMax)
      this.#proven.set(key, { what, who: signer, view, sequence, said: [before, says] });
  }

  get all(): readonly Equivocation[] {
    return [...this.#proven.values()];
  }
}

/** Folds the message log of receivers: what each sender said to whom, where a digest tells what it said. */
export class EquivocationsObserved {
  readonly #said = new RecentMap<string, string>(remembered);
  readonly #seen = new Map<string, Equivocation>();

  observe({ direction, other, type, view = 0, sequence = 0, digest }: MessageEvent): void {
    if (direction !== "in" || digest === undefined) return;
    const key = `${type}/${other}/${view}/${sequence}`;
    const before = this.#said.get(key);
    if (before === undefined) this.#said.set(key, digest);
    else if (before !== digest && !this.#seen.has(key) && this.#seen.size < keptMax)
      this.#seen.set(key, { what: type, who: other, view, sequence, said: [before, digest] });
  }

  get all(): readonly Equivocation[] {
    return [...this.#seen.values()];
  }
}

export function equivocationText({ what, who, view, sequence, said }: Equivocation): string {
  return `${who} said two things in a ${what} of view ${view}, sequence ${sequence}: ${said.map((each) => each.slice(0, 8)).join(" and ")}`;
}
