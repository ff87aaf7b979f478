// One-shot commands, by argument arrays: nothing here ever passes through a shell. Long-lived children are the business of
// whoever owns their lifetime (lab/links/resident-nft.ts, lab/netns/sandbox.ts). A command that fails is an OperatingError
// that quotes what the foreign tool said.
import type { Readable } from "node:stream";
import { execa } from "execa";
import { OperatingError } from "./errors.js";

export interface CommandOptions {
  readonly signal: AbortSignal;
  /** Whole time allowed; over it the command is killed and the promise rejects. */
  readonly timeoutMs?: number;
  readonly input?: string | Readable;
  readonly environment?: Readonly<Record<string, string>>;
}

export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  /** -1 when a signal ended it or it could not be started. */
  readonly exitCode: number;
}

/** Administrators' folders are not on every user's PATH, and `ip`, `tc` and `nft` live there. */
export const toolPath = (): string => `${process.env["PATH"] ?? "/usr/bin:/bin"}:/usr/local/sbin:/usr/sbin:/sbin`;

const timeoutMsDefault = 60_000;
const outputSizeMax = 64 * 1024 * 1024;

/** Runs to its end whatever the exit code; rejects only when aborted, late or impossible to start. */
export async function tryCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  options.signal.throwIfAborted();
  const timeoutMs = options.timeoutMs ?? timeoutMsDefault;
  const result = await execa(command, args, {
    reject: false,
    cancelSignal: options.signal,
    timeout: timeoutMs,
    killSignal: "SIGKILL",
    maxBuffer: outputSizeMax,
    stripFinalNewline: false,
    env: { PATH: toolPath(), LC_ALL: "C.UTF-8", ...options.environment },
    ...(options.input === undefined ? { stdin: "ignore" } : { input: options.input }),
  });
  options.signal.throwIfAborted();
  const text = commandText(command, args);
  if (result.timedOut) {
    throw new OperatingError(`Run "${text}": still running after ${timeoutMs} ms, expected an end; it was killed`, {
      facts: { stderr: result.stderr },
    });
  }
  if (result.code === "ENOENT") {
    throw new OperatingError(`Run "${text}": no such command on PATH "${toolPath()}"`, { cause: result.cause });
  }
  return { stdout: result.stdout, stderr: result.stderr, exitCode: result.exitCode ?? -1 };
}

/** Standard output of a command that must exit with 0. */
export async function runCommand(command: string, args: readonly string[], options: CommandOptions): Promise<string> {
  const result = await tryCommand(command, args, options);
  if (result.exitCode === 0) return result.stdout;
  throw commandError(commandText(command, args), result);
}

export function commandError(text: string, result: CommandResult): OperatingError {
  const said = (result.stderr.trim() === "" ? result.stdout : result.stderr).trim();
  const quoted = said === "" ? "said nothing" : `said "${said.slice(0, 2_000)}"`;
  return new OperatingError(`Run "${text}": exit code ${result.exitCode}, it ${quoted}; expected exit code 0`, {
    facts: { exitCode: result.exitCode, stderr: result.stderr },
  });
}

const commandText = (command: string, args: readonly string[]): string => [command, ...args].join(" ").slice(0, 300);
