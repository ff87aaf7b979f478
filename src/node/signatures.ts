// Checks signatures for the machines: items name their key by its PEM text, which is parsed once and kept. A few items are
// checked at once on this thread (0.08 ms each). More go to libuv's thread pool, all together, so that the event loop goes
// on turning. Handing them over a few at a time would cost a turn of the loop for each few, and a busy loop turns slowly:
// a block of 38 took 800 ms that way while forwarded requests poured in. The disk uses the same pool and waits behind a
// block for some milliseconds, but what a proposal has to write is written after its check.
//
// A request is checked when a client brings it and once more in the proposal that orders it, in Fabric as here. The second check
// is of the same bytes, so with fidelity "improved" what was found good the first time is remembered until it is asked for
// again. With "library" it is not: a new leader's first block takes as long as it takes Fabric.
import type { VerifyItem } from "../smartbft/index.js";
import { KeyError, publicKeyFrom, verify, verifyAside, type KeyObject } from "../system/index.js";

/** Below this the detour costs more than it frees: 0.03 ms of this thread for each item handed over. */
const inlineCountMax = 3;
/** Keys come from the configuration, so they are few; a bound all the same, because `key` is a text. */
const keyCountMax = 10_000;
/** Bytes of messages remembered as good; the oldest are forgotten first, and then checked twice. */
const rememberedBytesMax = 64 * 1024 * 1024;

export class SignatureChecker {
  readonly #remembers: boolean;
  readonly #keys = new Map<string, KeyObject | undefined>();
  /** By signature, in order of arrival; several may not share one: a second one replaces the first. */
  readonly #good = new Map<string, VerifyItem>();
  #goodBytes = 0;

  constructor({ remembers }: { readonly remembers: boolean }) {
    this.#remembers = remembers;
  }

  /** Of messages that are held for a second check. */
  get rememberedBytes(): number {
    return this.#goodBytes;
  }

  /** One result for each item, in order. */
  async check(items: readonly VerifyItem[]): Promise<readonly boolean[]> {
    if (this.#good.size === 0) return this.#checkAll(items);
    const unknown = items.filter((item) => !this.#isRemembered(item));
    const found = await this.#checkAll(unknown);
    for (const item of items) this.#forget(item);
    if (unknown.length === items.length) return found;
    let next = 0;
    return items.map((item) => (item === unknown[next] ? found[next++] === true : true));
  }

  /** Checks one that will be asked for again. */
  checkFirst(item: VerifyItem): boolean {
    const good = this.#checkNow(item);
    if (good && this.#remembers) this.#remember(item);
    return good;
  }

  async #checkAll(items: readonly VerifyItem[]): Promise<readonly boolean[]> {
    if (items.length <= inlineCountMax) return items.map((item) => this.#checkNow(item));
    return Promise.all(items.map((item) => this.#checkAside(item)));
  }

  #isRemembered({ key, message, signature }: VerifyItem): boolean {
    const good = this.#good.get(nameOf(signature));
    return good !== undefined && good.key === key && equals(good.message, message);
  }

  #remember(item: VerifyItem): void {
    this.#forget(item);
    this.#good.set(nameOf(item.signature), item);
    this.#goodBytes += item.message.length;
    for (const oldest of this.#good.values()) {
      if (this.#goodBytes <= rememberedBytesMax) return;
      this.#forget(oldest);
    }
  }

  #forget({ signature }: VerifyItem): void {
    const name = nameOf(signature);
    this.#goodBytes -= this.#good.get(name)?.message.length ?? 0;
    this.#good.delete(name);
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

const buffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const nameOf = (signature: Uint8Array): string => buffer(signature).toString("latin1");
const equals = (left: Uint8Array, right: Uint8Array): boolean => buffer(left).equals(right);

/** Undefined for a text that is no P-256 key: nothing verifies with it. */
function parsed(pem: string): KeyObject | undefined {
  try {
    return publicKeyFrom(pem);
  } catch (error) {
    if (error instanceof KeyError) return undefined;
    throw error;
  }
}
