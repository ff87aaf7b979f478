// What a node says about itself: stamps events with its name and the clock, numbers them, and keeps them as lines until
// the control socket has written them. Memory is bounded; what did not fit is counted and said, never silently absent.
import type { Instant } from "../base/index.js";
import type { Event } from "../boundary/index.js";
import { jsonLine, now } from "../system/index.js";

type Unstamped<E> = E extends Event ? Omit<E, "at" | "node"> & { readonly at?: Instant } : never;
/** An event of this node; `at` is now unless the fact is older. */
export type NodeEvent = Unstamped<Event>;
export type Emit = (event: NodeEvent) => void;

/** Text waiting for a reader. At 5000 events/s of 200 bytes it holds a minute without one. */
const backlogBytesMax = 64 * 1024 * 1024;
/** Text kept after it was written, for a reader that reconnects: more than a unix socket's buffer can hold unread. */
const resumeBytes = 1024 * 1024;

export class EventLog {
  readonly #node: string;
  readonly #backlogBytesMax: number;
  readonly #lines: string[] = [];
  /** Lines before this one in `#lines` are released; the array is cut when they are half of it. */
  #head = 0;
  #firstNumber = 0;
  #bytes = 0;
  #lost = 0;
  /** Called when there is something new to read. */
  onAppend: () => void = () => {};

  constructor(node: string, limit = backlogBytesMax) {
    this.#node = node;
    this.#backlogBytesMax = limit;
  }

  /**
   * Policy when full: the newest events are not kept, their number is, and a `log` event tells it as soon as half of the
   * memory is free again. A run with such an event cannot be trusted, and its reader can see that.
   */
  readonly emit: Emit = (event) => {
    if (this.#bytes >= this.#backlogBytesMax || (this.#lost > 0 && this.#bytes > this.#backlogBytesMax / 2)) {
      this.#lost++;
      return;
    }
    if (this.#lost > 0) {
      const text = `events lost: ${this.#lost}`;
      this.#lost = 0;
      this.#append({ kind: "log", process: "control", text });
    }
    this.#append(event);
  };

  /** Number of the oldest line that can still be read. */
  get first(): number {
    return this.#firstNumber;
  }

  /** Number that the next event gets. */
  get next(): number {
    return this.#firstNumber + this.#lines.length - this.#head;
  }

  /** At most `countMax` lines from number `from`, joined. */
  read(from: number, countMax: number): { readonly text: string; readonly next: number } {
    const start = Math.max(from, this.#firstNumber) - this.#firstNumber + this.#head;
    const lines = this.#lines.slice(start, start + countMax);
    return { text: lines.join(""), next: this.#firstNumber + (start - this.#head) + lines.length };
  }

  /** Lines before `number` were written: all but the last MiB of them may go. */
  release(number: number): void {
    while (this.#firstNumber < number && this.#bytes > resumeBytes) {
      this.#bytes -= this.#lines[this.#head]?.length ?? 0;
      this.#head++;
      this.#firstNumber++;
    }
    if (this.#head > 1024 && this.#head * 2 > this.#lines.length) {
      this.#lines.splice(0, this.#head);
      this.#head = 0;
    }
  }

  #append(event: NodeEvent): void {
    const line = jsonLine({ event: { at: now(), node: this.#node, ...event }, n: this.next });
    this.#lines.push(line);
    this.#bytes += line.length;
    this.onAppend();
  }
}
