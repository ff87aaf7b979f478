// Errors → exit codes: 0 good, 1 a check failed, 2 usage or topology, 3 the machine lacks something, 4 the run broke,
// 130 interrupted.
import { EnvironmentLacks, errorText, UserError } from "../system/index.js";
import type { Interrupt } from "./interrupt.js";
import { say } from "./output.js";
import { inSources } from "./source-places.js";

/** A check that failed: the result was printed, only the code is left to say so. */
export class CheckFailed extends Error {
  override readonly name = "CheckFailed";
}

export function exitCodeFor(error: unknown, interrupt: Interrupt): number {
  if (interrupt.interrupted) return 130;
  if (error instanceof CheckFailed) return 1;
  if (error instanceof UserError) return 2;
  if (error instanceof EnvironmentLacks) return 3;
  return 4;
}

const ours = ["AssertionError", "TypeError", "RangeError", "ReferenceError"];

/** Prints what a person needs: no stack for what they can act on, all of it for a defect of ours. */
export function sayError(error: unknown, interrupt: Interrupt): void {
  if (error instanceof CheckFailed || interrupt.explains(error)) return;
  say(`testbed: ${errorText(error)}`);
  if (error instanceof Error && ours.includes(error.name)) {
    say(`This is a defect of the testbed; please report it with this:\n${inSources(error.stack ?? "")}`);
  }
}
