// Events of different nodes reach the file in the order in which they were heard. The folds want them in the order of
// their instants: this holds each event back for `window`, then lets them go by instant, node and order of arrival. So two
// files that differ only in how the nodes' lines are interleaved give the same rows. An event later than the window is let
// through at once and counted.
import { seconds, type Duration } from "../base/index.js";
import type { Event } from "../boundary/index.js";

/** Longer than any node is silent under load while its events wait in a socket; a paused process stamps nothing. */
const windowDefault: Duration = seconds(5);

interface Held {
  readonly event: Event;
  readonly arrival: number;
}

export class InOrder {
  readonly #release: (event: Event) => void;
  readonly #window: Duration;
  #held: Held[] = [];
  #arrivals = 0;
  #newest = Number.NEGATIVE_INFINITY;
  #releasedUpTo = Number.NEGATIVE_INFINITY;
  #sortedAt = Number.NEGATIVE_INFINITY;
  readonly #late = new Map<string, number>();

  constructor(release: (event: Event) => void, window: Duration = windowDefault) {
    this.#release = release;
    this.#window = window;
  }

  /** Events that came more than the window behind a later one, by node. */
  get late(): ReadonlyMap<string, number> {
    return this.#late;
  }

  push(event: Event): void {
    this.#held.push({ event, arrival: this.#arrivals++ });
    if (event.at > this.#newest) this.#newest = event.at;
    // Sorting twice a window keeps the cost at a few comparisons an event and the memory at two windows.
    if (this.#newest - this.#sortedAt > this.#window / 2) this.#flush(this.#newest - this.#window);
  }

  /** No more events: lets everything go. */
  end(): void {
    this.#flush(Number.POSITIVE_INFINITY);
  }

  #flush(upTo: number): void {
    this.#sortedAt = this.#newest;
    this.#held.sort(byInstant);
    let index = 0;
    for (const held of this.#held) {
      if (held.event.at > upTo) break;
      index += 1;
      const { at, node } = held.event;
      if (at < this.#releasedUpTo) this.#late.set(node, (this.#late.get(node) ?? 0) + 1);
      else this.#releasedUpTo = at;
      this.#release(held.event);
    }
    this.#held = this.#held.slice(index);
  }
}

function byInstant(left: Held, right: Held): number {
  const difference = left.event.at - right.event.at;
  if (difference !== 0) return difference;
  if (left.event.node !== right.event.node) return left.event.node < right.event.node ? -1 : 1;
  return left.arrival - right.arrival;
}
