// Ctrl-C: a command that would leave something behind is asked to stop and cleans up; a second Ctrl-C leaves at once and
// says what is left. A command that leaves nothing ends at once.
import { say } from "./output.js";

export class Interrupt {
  readonly #controller = new AbortController();
  #leftBehind = "";
  #settled = false;
  #relay: ((name: NodeJS.Signals) => void) | undefined;

  constructor() {
    for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => this.#hear(name));
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get interrupted(): boolean {
    return this.#controller.signal.aborted;
  }

  /** From now on an interruption needs a clean-up; `what` is named to who does not wait for it. */
  cleansUp(what: string): void {
    this.#leftBehind = what;
  }

  /** From now on signals are for somebody else, who decides what they end; undefined: for us again. */
  relayTo(relay: ((name: NodeJS.Signals) => void) | undefined): void {
    this.#relay = relay;
  }

  /** The work is done and announced: an interruption that comes now is too late. */
  settle(): void {
    this.#settled = true;
  }

  /** True for the error by which an aborted wait ended; what failed on the way out is another. */
  explains(error: unknown): boolean {
    if (!this.interrupted || !(error instanceof Error)) return false;
    const reason: unknown = this.signal.reason;
    return error === reason || error.cause === reason || error.name === "AbortError";
  }

  #hear(name: NodeJS.Signals): void {
    if (this.#relay !== undefined) return this.#relay(name);
    if (this.#settled) return;
    if (this.#leftBehind === "") process.exit(130);
    if (this.interrupted) {
      say(`testbed: ${name}: left at once; may be left behind: ${this.#leftBehind}`);
      process.exit(130);
    }
    say(`testbed: ${name}: cleaning up (once more to leave at once)`);
    this.#controller.abort(new Error(`interrupted by ${name}`));
  }
}

/** What a command that makes a lab may leave behind, and how to get rid of it. */
export const labLeft = (name: string): string =>
  `lab "${name}"; end it with   testbed down --lab ${name}   or, when it is dead,   testbed clean`;
