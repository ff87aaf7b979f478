// Who watches a lab: agent and command line, which read every event of every node on the processors that the nodes use. Here
// one process that takes time for each event; what it does with them is the run host's business.
import type { Process } from "./process.js";

export class Watcher {
  readonly #process: Process;
  readonly #eventUs: number;
  #unreadCount = 0;

  constructor(process: Process, eventUs: number) {
    this.#process = process;
    this.#eventUs = eventUs;
  }

  /** An event was told. What comes while the process waits for its turn is read with it. */
  told(): void {
    if (this.#eventUs === 0) return;
    this.#unreadCount += 1;
    if (this.#unreadCount > 1) return;
    this.#process.run(() => {
      this.#process.charge(this.#unreadCount * this.#eventUs);
      this.#unreadCount = 0;
    });
  }
}
