// Errors → exit codes: 0 good, 1 a check failed, 2 usage or topology, 3 the machine lacks something, 4 the run broke,
// 130 interrupted.
import { EnvironmentLacks, errorText, UserError } from "../system/index.js";
import { say } from "./output.js";

/** A check that failed: the result was printed, only the code is left to say so. */
export class CheckFailed extends Error {
  override readonly name = "CheckFailed";
}

export function exitCodeFor(error: unknown, interrupted: boolean): number {
  if (interrupted) return 130;
  if (error instanceof CheckFailed) return 1;
  if (error instanceof UserError) return 2;
  if (error instanceof EnvironmentLacks) return 3;
  return 4;
}

/** Prints what a person needs: no stack for what they can act on, all of it for a defect of ours. */
export function sayError(error: unknown): void {
  if (error instanceof CheckFailed) return;
  say(`testbed: ${errorText(error)}`);
  const ours =
    error instanceof Error && ["AssertionError", "TypeError", "RangeError", "ReferenceError"].includes(error.name);
  if (ours) say(`This is a defect of the testbed; please report it with this:\n${error.stack ?? ""}`);
}
