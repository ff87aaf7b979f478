// A timer for one deadline on the monotonic clock. Node's timers count whole milliseconds of the loop's own time and may
// fire up to one early, so each firing looks at the clock again; the last fraction of a millisecond is spun through the
// event loop's check phase, which lets sockets and disks proceed meanwhile.
import { between, toMilliseconds, type Instant } from "../base/index.js";
import { now } from "./clock.js";

/** setTimeout takes no more than 2^31 - 1 ms; a later deadline is approached in hops. */
const hopMsMax = 1_000_000_000;

export class DeadlineTimer implements Disposable {
  readonly #due: () => void;
  #deadline: Instant | undefined;
  #timeout: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;

  /** `due` is called once per deadline, never before it. It may set the next one. */
  constructor(due: () => void) {
    this.#due = due;
  }

  /** Replaces the deadline; undefined disarms. Setting the same instant again costs nothing. */
  set(deadline: Instant | undefined): void {
    if (deadline === this.#deadline) return;
    this.#disarm();
    this.#deadline = deadline;
    this.#arm();
  }

  [Symbol.dispose](): void {
    this.set(undefined);
  }

  #arm(): void {
    if (this.#deadline === undefined) return;
    const restMs = toMilliseconds(between(now(), this.#deadline));
    if (restMs <= 0) this.#immediate = setImmediate(() => this.#fire());
    else if (restMs < 1) this.#immediate = setImmediate(() => this.#look());
    else this.#timeout = setTimeout(() => this.#look(), Math.min(Math.floor(restMs), hopMsMax));
  }

  #look(): void {
    if (this.#deadline !== undefined && now() >= this.#deadline) this.#fire();
    else this.#arm();
  }

  #fire(): void {
    this.#disarm();
    this.#deadline = undefined;
    this.#due();
  }

  #disarm(): void {
    if (this.#timeout !== undefined) clearTimeout(this.#timeout);
    if (this.#immediate !== undefined) clearImmediate(this.#immediate);
    this.#timeout = undefined;
    this.#immediate = undefined;
  }
}
