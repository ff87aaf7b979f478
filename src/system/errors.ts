// Three ways to fail that a user can act on, told apart by exit code. Programmer errors are `assert` and stop the process.
import { problemText, type Problem } from "../base/index.js";

/** What was asked cannot be: bad topology, bad target, a name in use. Exit code 2, no stack. */
export class UserError extends Error {
  override readonly name = "UserError";
  readonly suggestion: string;

  constructor(message: string, options: { readonly suggestion?: string; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.suggestion = options.suggestion ?? "";
  }

  static from(problems: readonly Problem[]): UserError {
    return new UserError(problems.map(problemText).join("\n"));
  }
}

/** This machine lacks something: a package, a privilege, a kernel feature. Exit code 3, nothing was created. */
export class EnvironmentLacks extends Error {
  override readonly name = "EnvironmentLacks";
  /** Each thing that is missing, with what asked for it. */
  readonly missing: readonly string[];
  readonly suggestion: string;

  constructor(missing: readonly string[], options: { readonly suggestion: string; readonly cause?: unknown }) {
    super(`This machine lacks ${missing.join("; ")}`, options.cause === undefined ? {} : { cause: options.cause });
    this.missing = missing;
    this.suggestion = options.suggestion;
  }
}

/** An action failed: what was done, what state was found, what was expected. Exit code 4. */
export class OperatingError extends Error {
  override readonly name = "OperatingError";
  readonly facts: Readonly<Record<string, unknown>>;
  readonly suggestion: string;

  constructor(
    message: string,
    options: {
      readonly facts?: Readonly<Record<string, unknown>>;
      readonly suggestion?: string;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.facts = options.facts ?? {};
    this.suggestion = options.suggestion ?? "";
  }
}

/** The error as a person should read it: message, suggestion, then causes and what else went wrong on the way out. */
export function errorText(error: unknown, indent = ""): string {
  if (!(error instanceof Error)) return `${indent}${String(error)}`;
  const lines = [`${indent}${error.message}`];
  if ("suggestion" in error && typeof error.suggestion === "string" && error.suggestion !== "") {
    lines.push(`${indent}  → ${error.suggestion}`);
  }
  if (error.cause !== undefined) lines.push(`${indent}  because:`, errorText(error.cause, `${indent}    `));
  if (error instanceof AggregateError) {
    for (const inner of error.errors) lines.push(`${indent}  and:`, errorText(inner, `${indent}    `));
  }
  if ("suppressed" in error && error.suppressed !== undefined) {
    lines.push(`${indent}  while cleaning up:`, errorText(error.suppressed, `${indent}    `));
  }
  return lines.join("\n");
}
