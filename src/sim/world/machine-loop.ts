// Drives a machine that has `step(now, input)` and `deadline()` in a process of the world, as node's MachineLoop does on a
// real clock: inputs one after another, effects of one step carried out before the next begins, the timer at the deadline.
import type { Instant } from "../../base/index.js";
import type { Process, Timer } from "./process.js";

export interface Machine<Input, Effect> {
  step(now: Instant, input: Input): readonly Effect[];
  deadline(): Instant | undefined;
}

export class MachineLoop<Input, Effect> {
  readonly #process: Process;
  readonly #machine: Machine<Input, Effect>;
  readonly #carryOut: (at: Instant, effects: readonly Effect[]) => void;
  readonly #stepUs: number;
  readonly #timer: Timer;
  readonly #inputs: Input[] = [];
  #stepping = false;
  #stopped = false;

  constructor(
    process: Process,
    machine: Machine<Input, Effect>,
    options: {
      readonly due: Input;
      readonly stepUs: number;
      readonly carryOut: (at: Instant, effects: readonly Effect[]) => void;
    },
  ) {
    this.#process = process;
    this.#machine = machine;
    this.#carryOut = options.carryOut;
    this.#stepUs = options.stepUs;
    this.#timer = process.timer(() => this.push(options.due));
  }

  /** Called from work of the process: steps at once, or after the step that is going on. */
  push(input: Input): void {
    if (this.#stopped) return;
    this.#inputs.push(input);
    if (this.#stepping) return;
    this.#stepping = true;
    for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
      this.#process.charge(this.#stepUs);
      const at = this.#process.now();
      this.#carryOut(at, this.#machine.step(at, next));
    }
    this.#stepping = false;
    if (!this.#stopped) this.#timer.set(this.#machine.deadline());
  }

  stop(): void {
    this.#stopped = true;
    this.#inputs.length = 0;
    this.#timer.set(undefined);
  }
}
