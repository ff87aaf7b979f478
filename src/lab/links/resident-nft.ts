// A resident `nft`: one child that stays and reads commands line by line, so that a rule costs 1.3 ms with its read back and not the
// 5 to 10 ms of a new process (design 6.7). Every request ends with a sentinel: a question about a chain that cannot exist, whose
// error message marks the end of the answer; standard error is merged into standard output, so order is kept. Lines are never
// built from what a user wrote without checks.
import { spawn, type ChildProcess } from "node:child_process";
import { assert } from "../../base/index.js";
import { LineSplitter, OperatingError, toolPath } from "../../system/index.js";

interface Pending {
  readonly sentinel: string;
  readonly lines: string[];
  readonly resolve: (lines: readonly string[]) => void;
  readonly reject: (error: Error) => void;
}

/** Commands waiting for an answer; more than this means that the tool hangs. */
const pendingCountMax = 1_000;
const answerMsMax = 5_000;

/** Ends with the agent, whose child it is. */
export class ResidentNft {
  #child: ChildProcess | undefined;
  #pending: Pending[] = [];
  #count = 0;
  #lastWords: string[] = [];

  /** Starts the child ahead of need: a spawn costs 5 ms, which a fault on a timeline does not have. */
  async start(): Promise<void> {
    await this.ask([]);
  }

  /**
   * Sends the lines and answers what the tool printed, errors included, without blank lines. Kernel errors are part of the
   * answer: the caller judges by what it reads back. Rejects when the tool ended or did not answer in time.
   */
  ask(lines: readonly string[]): Promise<readonly string[]> {
    for (const line of lines) assert(!/[\n\r\0]/.test(line), "an nft line without line breaks");
    assert(this.#pending.length < pendingCountMax, `fewer than ${pendingCountMax} commands waiting for nft`);
    const child = this.#running();
    const sentinel = `end${++this.#count}`;
    const answer = new Promise<readonly string[]>((resolve, reject) => {
      this.#pending.push({ sentinel, lines: [], resolve, reject });
    });
    child.stdin?.write([...lines, sentinelLine(sentinel), ""].join("\n"));
    return withinTime(answer, lines);
  }

  #running(): ChildProcess {
    if (this.#child !== undefined) return this.#child;
    // The shell only merges standard error into standard output; its text is constant and what it runs comes as arguments.
    const child = spawn("sh", ["-c", 'exec "$@" 2>&1', "sh", "nft", "--interactive"], {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, PATH: toolPath(), LC_ALL: "C.UTF-8" },
    });
    const splitter = new LineSplitter();
    child.stdout.on("data", (chunk: Buffer) => {
      for (const line of splitter.push(chunk)) this.#hear(line);
    });
    child.stdin.on("error", (error) => this.#lastWords.push(error.message)); // EPIPE: its end is reported by "close"
    child.once("error", (error) => this.#lastWords.push(error.message));
    child.once("close", (code) => this.#ended(child, code));
    this.#child = child;
    return child;
  }

  #hear(line: string): void {
    const head = this.#pending[0];
    if (line.trim() === "" || isNoise(line)) return;
    if (head === undefined) {
      this.#lastWords = [...this.#lastWords.slice(-4), line];
      return;
    }
    if (!new RegExp(`\\b${head.sentinel}\\b`).test(line)) {
      head.lines.push(line);
      return;
    }
    this.#pending.shift();
    // nft names the error on the line before the one that quotes the sentinel.
    head.lines.pop();
    head.resolve(head.lines);
  }

  #ended(child: ChildProcess, code: number | null): void {
    if (this.#child === child) this.#child = undefined;
    const waiting = this.#pending;
    this.#pending = [];
    const said = [...this.#lastWords, ...waiting.flatMap((each) => each.lines)].join("; ");
    this.#lastWords = [];
    for (const each of waiting) {
      const text = `Ask the resident nft: it ended with ${code} and said "${said}", expected an answer`;
      each.reject(new OperatingError(text));
    }
  }
}

const sentinelLine = (sentinel: string): string => `list chain netdev ${sentinel} ${sentinel}`;

/** Carets point at a place in nft's line. */
const isNoise = (line: string): boolean => /^[\s^~]+$/.test(line);

async function withinTime<T>(answer: Promise<T>, lines: readonly string[]): Promise<T> {
  const timeout = AbortSignal.timeout(answerMsMax);
  const late = new Promise<never>((_, reject) => {
    timeout.addEventListener("abort", () => {
      reject(new OperatingError(`Ask the resident nft: no answer to "${lines.join("; ")}" after ${answerMsMax} ms`));
    });
  });
  return Promise.race([answer, late]);
}
