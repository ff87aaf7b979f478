// Latencies in bounded memory: one counter per microsecond below 1024, then 512 per doubling, so that a quantile is at most
// 0.2 % too large. Least and greatest are exact.

const linear = 1_024;
const perDoubling = 512;

export class Histogram {
  readonly #counts: number[] = [];
  #count = 0;
  #least = Number.POSITIVE_INFINITY;
  #greatest = Number.NEGATIVE_INFINITY;

  get count(): number {
    return this.#count;
  }

  /** Values are microseconds; negative ones count as zero. */
  add(value: number): void {
    const slot = slotOf(Math.max(0, Math.round(value)));
    this.#counts[slot] = (this.#counts[slot] ?? 0) + 1;
    this.#count += 1;
    if (value < this.#least) this.#least = value;
    if (value > this.#greatest) this.#greatest = value;
  }

  get greatest(): number | undefined {
    return this.#count === 0 ? undefined : this.#greatest;
  }

  /** The least value that at least `fraction` of all do not exceed; undefined when there is none. */
  quantile(fraction: number): number | undefined {
    if (this.#count === 0) return undefined;
    const rank = Math.max(1, Math.ceil(fraction * this.#count));
    let passed = 0;
    for (let slot = 0; slot < this.#counts.length; slot++) {
      passed += this.#counts[slot] ?? 0;
      if (passed >= rank) return Math.min(this.#greatest, Math.max(this.#least, upperOf(slot)));
    }
    return this.#greatest;
  }
}

function slotOf(value: number): number {
  if (value < linear) return value;
  let shift = 0;
  let scaled = value;
  while (scaled >= linear) {
    scaled = Math.floor(scaled / 2);
    shift += 1;
  }
  return linear + (shift - 1) * perDoubling + (scaled - perDoubling);
}

/** Greatest value that falls into the slot. */
function upperOf(slot: number): number {
  if (slot < linear) return slot;
  const shift = Math.floor((slot - linear) / perDoubling) + 1;
  const scaled = ((slot - linear) % perDoubling) + perDoubling;
  return (scaled + 1) * 2 ** shift - 1;
}
