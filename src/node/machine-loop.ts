// Drives a machine that has `step(now, input)` and `deadline()`: inputs are queued, taken one after another on the next
// microtask, and the timer always stands at the machine's deadline. Event callbacks only push, so a machine is never
// re-entered and effects of one step are taken before the next begins.
import type { Instant } from "../base/index.js";
import { DeadlineTimer, now } from "../system/index.js";

export interface Machine<Input, Effect> {
  step(now: Instant, input: Input): readonly Effect[];
  deadline(): Instant | undefined;
}

export class MachineLoop<Input, Effect> implements Disposable {
  readonly #machine: Machine<Input, Effect>;
  readonly #carryOut: (at: Instant, effects: readonly Effect[]) => void;
  readonly #timer: DeadlineTimer;
  readonly #inputs: Input[] = [];
  #scheduled = false;
  #stopped = false;

  /** `due` is the input that tells the machine its deadline has come. */
  constructor(
    machine: Machine<Input, Effect>,
    due: Input,
    carryOut: (at: Instant, effects: readonly Effect[]) => void,
  ) {
    this.#machine = machine;
    this.#carryOut = carryOut;
    this.#timer = new DeadlineTimer(() => this.push(due));
  }

  /**
   * The queue has no limit of its own: it is empty again before the next callback of the event loop, so what fills it is
   * held back by the sockets, which are not read meanwhile.
   */
  push(input: Input): void {
    if (this.#stopped) return;
    this.#inputs.push(input);
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => this.#run());
  }

  /** Takes no more inputs; effects already asked for are others' to finish. */
  [Symbol.dispose](): void {
    this.#stopped = true;
    this.#inputs.length = 0;
    this.#timer[Symbol.dispose]();
  }

  #run(): void {
    for (let input = this.#inputs.shift(); input !== undefined; input = this.#inputs.shift()) {
      const at = now();
      this.#carryOut(at, this.#machine.step(at, input));
    }
    this.#scheduled = false;
    this.#timer.set(this.#stopped ? undefined : this.#machine.deadline());
  }
}
