// The window of a run: from the start of its timeline to its end. A run in which no client's transaction was committed at
// a peer inside it has shown nothing, and no check on it may say `true`.
import type { EventOf } from "../boundary/index.js";
import type { CheckOf, CheckVerdict } from "./check.js";

export class Window implements CheckOf<"phase" | "block"> {
  readonly hears = { phase: true, block: true } as const;
  #open = false;
  #started = false;
  #stopped = false;
  #commits = 0;

  observe(event: EventOf<"phase" | "block">): void {
    if (event.kind === "phase") {
      if (event.phase === "timeline-started") {
        this.#open = true;
        this.#started = true;
      }
      if (event.phase === "stopped") {
        this.#open = false;
        this.#stopped = true;
      }
    }
    if (this.#open && event.kind === "block" && event.role === "peer") this.#commits += event.transactions.length;
  }

  /** What a run that was broken off lacks; undefined when its timeline has a beginning and an end. */
  get lacks(): string | undefined {
    if (!this.#started) return "the timeline never started";
    return this.#stopped ? undefined : "the run has no end";
  }

  verdict(): CheckVerdict {
    const name = "window";
    if (!this.#started) return { name, verdict: "unknown", detail: "the timeline never started" };
    if (this.#commits === 0) return { name, verdict: "unknown", detail: "no transaction was committed in the window" };
    if (!this.#stopped) return { name, verdict: "unknown", detail: "the run has no end" };
    return { name, verdict: "true", detail: `${this.#commits} transactions were committed in the window` };
  }
}
