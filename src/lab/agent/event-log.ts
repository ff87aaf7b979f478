// events.ndjson of a lab: every event in order of arrival, one line each, written a few milliseconds after it arrived by one
// writer. Whoever must know about events (roles, director, carrier) subscribes here and is told before the line is queued.
// When the file cannot be written, nothing more is: a gap in the middle would lie. `broken` tells who waits.
import { open, type FileHandle } from "node:fs/promises";
import type { Event } from "../../boundary/index.js";
import { jsonLine, OperatingError, diskTrouble } from "../../system/index.js";

/** Text not yet written; over it, sources that can wait are asked to (`room`), because a disk may stall. */
const backlogBytesMax = 32 * 1024 * 1024;

export class EventLog implements AsyncDisposable {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #observers = new Set<(event: Event) => void>();
  #lines: string[] = [];
  #backlogBytes = 0;
  #writing: Promise<void> | undefined;
  #failure: OperatingError | undefined;
  #tellBroken: (why: OperatingError) => void = () => undefined;
  /** Resolves with the reason when the file cannot be written any more; else never. */
  readonly broken = new Promise<OperatingError>((resolve) => {
    this.#tellBroken = resolve;
  });

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  static async open(path: string): Promise<EventLog> {
    return new EventLog(path, await open(path, "a", 0o600));
  }

  /** Observers must not wait; they enqueue what takes time. */
  subscribe(observer: (event: Event) => void): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  /** `text` is the event's line where it came as a line. */
  emit(event: Event, text?: string): void {
    const line = text ?? jsonLine(event);
    for (const observer of this.#observers) observer(event);
    if (this.#failure !== undefined) return;
    this.#lines.push(line);
    this.#backlogBytes += line.length;
    this.#writing ??= this.#write();
  }

  /** Resolves when there is room for more; rejects when the file cannot be written. */
  async room(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#backlogBytes > backlogBytesMax) await this.flushed();
  }

  /** Resolves when everything emitted so far is in the file. */
  async flushed(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    if (this.#failure !== undefined) throw this.#failure;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.flushed();
    } finally {
      await this.#file.close();
    }
  }

  async #write(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve)); // lines of one turn of the loop go together
    try {
      while (this.#lines.length > 0) {
        const text = this.#lines.join("");
        this.#lines = [];
        this.#backlogBytes = 0;
        await this.#file.appendFile(text);
      }
    } catch (cause) {
      const why = diskTrouble(cause)?.why ?? String(cause);
      this.#failure = new OperatingError(`Cannot write the lab's events to "${this.#path}": ${why}`, {
        suggestion: "end the lab, make room there or set TESTBED_STATE to a folder elsewhere, and run it again",
      });
      this.#lines = [];
      this.#tellBroken(this.#failure);
    } finally {
      this.#writing = undefined;
    }
  }
}
