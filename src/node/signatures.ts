// Checks signatures for the machines: items name their key by its PEM text, which is parsed once and kept. A few items are
// checked at once on this thread (0.08 ms each). More go to libuv's thread pool, all together, so that the event loop goes
// on turning. Handing them over a few at a time would cost a turn of the loop for each few, and a busy loop turns slowly:
// a block of 38 took 800 ms that way while forwarded requests poured in. The disk uses the same pool and waits behind a
// block for some milliseconds, but what a proposal has to write is written after its check.
import type { VerifyItem } from "../smartbft/index.js";
import { KeyError, publicKeyFrom, verify, verifyAside, type KeyObject } from "../system/index.js";

/** Below this the detour costs more than it frees: 0.03 ms of this thread for each item handed over. */
const inlineCountMax = 3;
/** Keys come from the configuration, so they are few; a bound all the same, because `key` is a text. */
const keyCountMax = 10_000;

export class SignatureChecker {
  readonly #keys = new Map<string, KeyObject | undefined>();

  /** One result for each item, in order. */
  async check(items: readonly VerifyItem[]): Promise<readonly boolean[]> {
    if (items.length <= inlineCountMax) return items.map((item) => this.#checkNow(item));
    return Promise.all(items.map((item) => this.#checkAside(item)));
  }

  #checkNow(item: VerifyItem): boolean {
    const key = this.#key(item.key);
    return key !== undefined && verify(key, item.message, item.signature);
  }

  async #checkAside(item: VerifyItem): Promise<boolean> {
    const key = this.#key(item.key);
    return key !== undefined && (await verifyAside(key, item.message, item.signature));
  }

  #key(pem: string): KeyObject | undefined {
    if (!this.#keys.has(pem)) {
      if (this.#keys.size >= keyCountMax) this.#keys.clear();
      this.#keys.set(pem, parsed(pem));
    }
    return this.#keys.get(pem);
  }
}

/** Undefined for a text that is no P-256 key: nothing verifies with it. */
function parsed(pem: string): KeyObject | undefined {
  try {
    return publicKeyFrom(pem);
  } catch (error) {
    if (error instanceof KeyError) return undefined;
    throw error;
  }
}
