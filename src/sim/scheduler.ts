// Virtual time: actions at instants, run in order of time and, at one instant, in the order in which they were planned.
// A binary heap; nothing here is random, so a simulation is a function of what is planned.
import { assert, instant, type Instant } from "../base/index.js";

interface Planned {
  readonly at: Instant;
  readonly order: number;
  readonly action: () => void;
}

export class Scheduler {
  readonly #heap: Planned[] = [];
  #order = 0;
  now: Instant = instant(0);

  at(at: Instant, action: () => void): void {
    assert(at >= this.now, `Cannot plan for ${at}, it is ${this.now}`);
    const planned = { at, order: this.#order++, action };
    let index = this.#heap.push(planned) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = this.#heap[parent];
      if (above === undefined || before(above, planned)) break;
      this.#heap[index] = above;
      index = parent;
    }
    this.#heap[index] = planned;
  }

  /** Runs everything that is due up to and including `end`, then it is `end`. Stops early once `until` holds. */
  run(end: Instant, until: () => boolean = () => false): void {
    while (!until()) {
      const next = this.#heap[0];
      if (next === undefined || next.at > end) {
        this.now = end;
        return;
      }
      this.#removeFirst();
      this.now = next.at;
      next.action();
    }
  }

  #removeFirst(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    let index = 0;
    for (;;) {
      const left = 2 * index + 1;
      const first = this.#heap[left];
      const second = this.#heap[left + 1];
      if (first === undefined) break;
      const [child, smaller] = second !== undefined && before(second, first) ? [left + 1, second] : [left, first];
      if (before(last, smaller)) break;
      this.#heap[index] = smaller;
      index = child;
    }
    this.#heap[index] = last;
  }
}

const before = (left: Planned, right: Planned): boolean =>
  left.at < right.at || (left.at === right.at && left.order < right.order);
