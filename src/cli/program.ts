// What every command is given: where Ctrl-C arrives, and how the command line was written.
import type { Command } from "@commander-js/extra-typings";
import type { Interrupt } from "./interrupt.js";

export interface Context {
  readonly interrupt: Interrupt;
  /** As typed, without the interpreter: goes into the manifest. */
  readonly commandLine: readonly string[];
}

/** A command adds itself to the program. */
export type Register = (program: Command, context: Context) => void;
