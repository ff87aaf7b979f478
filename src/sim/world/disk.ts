// A file that only grows, on a disk that loses what was not synced: appends that come while a sync is under way share the
// next one (group commit, as node/append-file.ts has it). What is durable survives the process; nothing else does.
import type { Costs } from "./costs.js";
import type { Process } from "./process.js";

interface Append<T> {
  readonly item: T;
  readonly sizeBytes: number;
  readonly done: () => void;
}

export class AppendFile<T> {
  readonly #process: Process;
  readonly #costs: Costs;
  /** Items on the disk, oldest first. */
  readonly durable: T[] = [];
  #waiting: Append<T>[] = [];
  #syncing = false;

  constructor(process: Process, costs: Costs) {
    this.#process = process;
    this.#costs = costs;
  }

  /** `done` is called as work of the process once the item is durable. */
  append(item: T, sizeBytes: number, done: () => void): void {
    this.#waiting.push({ item, sizeBytes, done });
    if (!this.#syncing) this.#sync();
  }

  /** The process died: what was not durable is gone. */
  crash(): void {
    this.#waiting = [];
    this.#syncing = false;
  }

  #sync(): void {
    const group = this.#waiting;
    if (group.length === 0) return;
    this.#waiting = [];
    const { writeUs, writeKibUs, fsyncUs } = this.#costs;
    const kib = group.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) / 1024;
    this.#syncing = true;
    const told = (): void => {
      for (const { done } of group) done();
      this.#syncing = false;
      this.#sync();
    };
    const durable = (): void => group.forEach(({ item }) => this.durable.push(item));
    // Two calls of the file system, and the process's own turn in between.
    const sync = (): void => this.#process.aside([{ us: writeUs, deviceUs: fsyncUs }], told, durable);
    this.#process.aside([{ us: Math.round(writeUs + kib * writeKibUs) }], sync);
  }
}
