// Blocks on their way into a ledger: queued as they arrive from a source, checked one at a time against the head and the
// consenters, and let through in order. What the peer and the synchroniser share; it decides nothing about sources.
import type { VerifyItem } from "../smartbft/index.js";
import {
  checkedBlock,
  judge,
  verifyBlock,
  type BlockSignatures,
  type ConsenterKey,
  type Refused,
} from "./block-verification.js";
import { headOf, type Block, type Head } from "./block.js";

export type Check = { readonly kind: "verify"; readonly id: number; readonly items: readonly VerifyItem[] };

export class ChainIntake {
  readonly #consenters: readonly ConsenterKey[];
  readonly #newId: () => number;
  #head: Head;
  #queue: Block[] = [];
  #checking: { readonly id: number; readonly block: Block; readonly signatures: BlockSignatures } | undefined;

  /** `newId` names checks; whoever owns the intake may name checks of its own with it. */
  constructor(consenters: readonly ConsenterKey[], head: Head, newId: () => number) {
    this.#consenters = consenters;
    this.#head = head;
    this.#newId = newId;
  }

  /** The last block that was let through. */
  get head(): Head {
    return this.#head;
  }

  /** Blocks that arrived and were not let through yet. */
  get size(): number {
    return this.#queue.length + (this.#checking === undefined ? 0 : 1);
  }

  offer(block: Block): void {
    this.#queue.push(block);
  }

  /** The check of the next block, a reason to refuse it, or undefined while there is none to begin. */
  next(): Check | Refused | undefined {
    if (this.#checking !== undefined) return undefined;
    const block = this.#queue.shift();
    if (block === undefined) return undefined;
    const signatures = verifyBlock(block, this.#consenters, this.#head);
    if (signatures.kind === "refused") return signatures;
    const id = this.#newId();
    this.#checking = { id, block, signatures };
    return { kind: "verify", id, items: signatures.items };
  }

  /** The block that passed, with nothing in it that was not checked; a reason to refuse it, or undefined when the check is not ours or was given up. */
  verified(
    id: number,
    results: readonly boolean[],
  ): { readonly kind: "passed"; readonly block: Block } | Refused | undefined {
    if (this.#checking?.id !== id) return undefined;
    const { block, signatures } = this.#checking;
    this.#checking = undefined;
    const verdict = judge(block, signatures, results);
    if (verdict.kind === "refused") return verdict;
    this.#head = headOf(block);
    return { kind: "passed", block: checkedBlock(block, signatures, results) };
  }

  /** Forgets everything that was not let through: its source is no longer trusted. */
  clear(): void {
    this.#queue = [];
    this.#checking = undefined;
  }
}
