// The command line: commander in, exit code out. Composition root: the only place where runtimes meet what needs them.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command, CommanderError } from "@commander-js/extra-typings";
import { registerFault } from "./commands/fault.js";
import { registerInside } from "./commands/inside.js";
import { registerLab } from "./commands/lab.js";
import { registerPlan } from "./commands/plan.js";
import { registerRun } from "./commands/run.js";
import { registerValidate } from "./commands/validate.js";
import { exitCodeFor, sayError } from "./exit.js";
import { onInterrupt } from "./interrupt.js";
import type { Context } from "./program.js";
import { packageRoot } from "./repository.js";

const interrupt = onInterrupt();
const context: Context = { interrupt, commandLine: ["testbed", ...process.argv.slice(2)] };

const { version } = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as { version: string }; // our own file
const program = new Command()
  .name("testbed")
  .description("What does a BFT ordering service do when the network under it breaks, and why?")
  .version(version)
  .showHelpAfterError("(testbed --help, testbed COMMAND --help)")
  .exitOverride()
  .enablePositionalOptions();
for (const register of [registerValidate, registerPlan, registerLab, registerInside, registerFault, registerRun]) {
  register(program, context);
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else {
    if (!interrupt.interrupted()) sayError(error);
    process.exitCode = exitCodeFor(error, interrupt.interrupted());
  }
}
