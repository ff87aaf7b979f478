// One `testbed` command of the torture: a process of its own, what it has said so far, and the moments at which a phase begins.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { OperatingError } from "../../src/system/index.js";

const program = join(import.meta.dirname, "..", "..", "dist", "testbed.mjs");

export interface Place {
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
}

export class Command {
  readonly #child: ChildProcess;
  readonly #end: Promise<void>;
  readonly #words: string;
  readonly startedAt = performance.now();
  /** Everything written to stderr, with the moment of each piece. */
  #said = "";
  #listeners: (() => void)[] = [];

  constructor(words: readonly string[], { folder, environment }: Place) {
    this.#words = words.join(" ");
    this.#child = spawn(process.execPath, [program, ...words], {
      cwd: folder,
      env: { ...process.env, ...environment },
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#child.stderr?.on("data", (chunk: Buffer) => {
      this.#said += chunk.toString();
      for (const listener of this.#listeners) listener();
    });
    this.#end = once(this.#child, "close").then(() => {
      for (const listener of this.#listeners) listener();
    });
  }

  get said(): string {
    return this.#said;
  }

  get over(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Resolves when it has said such a line; false when it ended without. */
  says(line: RegExp): Promise<boolean> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (line.test(this.#said)) resolve(true);
        else if (this.over) resolve(false);
      };
      this.#listeners.push(look);
      look();
    });
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  /** Its exit code, or the signal that ended it. One that does not end in time is a finding of its own. */
  async ended(timeoutMs = 120_000): Promise<string> {
    const late = AbortSignal.timeout(timeoutMs);
    const tooLate = new Promise<never>((_, reject) => {
      late.addEventListener("abort", () => {
        this.#child.kill("SIGKILL");
        reject(
          new OperatingError(`testbed ${this.#words}: still running after ${timeoutMs} ms; it said "${this.#said}"`),
        );
      });
    });
    await Promise.race([this.#end, tooLate]);
    return this.#child.signalCode ?? `exit ${this.#child.exitCode}`;
  }
}

/** One that must end with one of these codes. */
export async function run(words: readonly string[], place: Place, codes: readonly number[] = [0]): Promise<string> {
  const command = new Command(words, place);
  const end = await command.ended();
  if (codes.some((code) => end === `exit ${code}`)) return end;
  throw new OperatingError(
    `testbed ${words.join(" ")}: ${end}, expected exit ${codes.join(" or ")}; it said "${command.said}"`,
  );
}
