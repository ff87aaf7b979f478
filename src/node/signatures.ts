// Checks signatures for the machines: items name their key by its PEM text, which is parsed once and kept. A few items are
// checked at once on this thread (0.1 ms each); more go to libuv's thread pool, two at a time, so that the disk, which
// uses the same pool, never waits behind a whole block of signatures, and the event loop goes on turning.
import type { VerifyItem } from "../smartbft/index.js";
import { KeyError, publicKeyFrom, verify, verifyAside, type KeyObject } from "../system/index.js";

/** Measured: handing an item to the pool and back costs 0.03 ms, so below this the detour costs more than it frees. */
const inlineCountMax = 3;
const lanes = 2;
/** Keys come from the configuration, so they are few; a bound all the same, because `key` is a text. */
const keyCountMax = 10_000;

export class SignatureChecker {
  readonly #keys = new Map<string, KeyObject | undefined>();

  /** One result for each item, in order. */
  async check(items: readonly VerifyItem[]): Promise<readonly boolean[]> {
    if (items.length <= inlineCountMax) return items.map((item) => this.#checkNow(item));
    const results = Array.from(items, () => false);
    let next = 0;
    const lane = async (): Promise<void> => {
      for (let index = next++; index < items.length; index = next++) {
        const item = items[index];
        const key = item === undefined ? undefined : this.#key(item.key);
        if (item !== undefined && key !== undefined)
          results[index] = await verifyAside(key, item.message, item.signature);
      }
    };
    await Promise.all(Array.from({ length: lanes }, lane));
    return results;
  }

  #checkNow(item: VerifyItem): boolean {
    const key = this.#key(item.key);
    return key !== undefined && verify(key, item.message, item.signature);
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
