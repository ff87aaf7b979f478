// A map that remembers its newest entries only: the memory bound of every fold over transactions and blocks.

export class RecentMap<K, V> {
  readonly #entries = new Map<K, V>();
  readonly #capacity: number;
  #evicted = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Entries that were forgotten for lack of room. */
  get evicted(): number {
    return this.#evicted;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  has(key: K): boolean {
    return this.#entries.has(key);
  }

  /** Adds or replaces; answers the entry that had to go, if any. */
  set(key: K, value: V): { readonly key: K; readonly value: V } | undefined {
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#capacity) return undefined;
    const oldest = this.#entries.entries().next();
    if (oldest.done === true) return undefined;
    const [oldKey, oldValue] = oldest.value;
    this.#entries.delete(oldKey);
    this.#evicted += 1;
    return { key: oldKey, value: oldValue };
  }

  delete(key: K): boolean {
    return this.#entries.delete(key);
  }

  entries(): IterableIterator<[K, V]> {
    return this.#entries.entries();
  }
}
