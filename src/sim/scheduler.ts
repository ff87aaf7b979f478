// Virtual time: actions at instants, run in order of time and, at one instant, in the order in which they were planned.
// A binary heap, and beside it a queue of what is planned for the instant that it is: much is, as answers that take no time
// are. Nothing here is random, so a simulation is a function of what is planned.
import { AssertionError, instant, type Instant } from "../base/index.js";

interface Planned {
  readonly at: Instant;
  readonly order: number;
  readonly action: () => void;
}

export class Scheduler {
  readonly #heap: Planned[] = [];
  #order = 0;
  /** Planned for now, now: behind all in the heap that is for this instant too, as that was planned before. */
  #due: (() => void)[] = [];
  #done = 0;
  now: Instant = instant(0);

  at(at: Instant, action: () => void): void {
    if (at > this.now) this.#add({ at, order: this.#order++, action });
    else if (at === this.now) this.#due.push(action);
    else throw new AssertionError(`Cannot plan for ${at}, it is ${this.now}`);
  }

  /** Runs everything that is due up to and including `end`, then it is `end`. Stops early once `until` holds. */
  run(end: Instant, until: () => boolean = () => false): void {
    while (!until()) {
      const action = this.#next(end);
      if (action === undefined) {
        this.now = end;
        return;
      }
      action();
    }
  }

  /** Takes what is to be run next, and moves on to its instant; undefined when nothing is due. */
  #next(end: Instant): (() => void) | undefined {
    const first = this.#heap[0];
    if (first?.at !== this.now) {
      const due = this.#takeDue();
      if (due !== undefined) return due;
    }
    if (first === undefined || first.at > end) return undefined;
    this.#removeFirst();
    this.now = first.at;
    return first.action;
  }

  #takeDue(): (() => void) | undefined {
    const action = this.#due[this.#done];
    if (action === undefined) return undefined;
    this.#done += 1;
    if (this.#done === this.#due.length) {
      this.#due = [];
      this.#done = 0;
    }
    return action;
  }

  #add(planned: Planned): void {
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

  #removeFirst(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      let smaller = this.#heap[child];
      if (smaller === undefined) break;
      const right = this.#heap[child + 1];
      if (right !== undefined && before(right, smaller)) {
        child += 1;
        smaller = right;
      }
      if (before(last, smaller)) break;
      this.#heap[index] = smaller;
      index = child;
    }
    this.#heap[index] = last;
  }
}

const before = (left: Planned, right: Planned): boolean =>
  left.at < right.at || (left.at === right.at && left.order < right.order);
