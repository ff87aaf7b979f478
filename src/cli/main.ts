// The command line: commander in, exit code out. Composition root: the only place where runtimes meet what needs them.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command, CommanderError } from "@commander-js/extra-typings";
import { registerCalibrate } from "./commands/calibrate.js";
import { registerFault } from "./commands/fault.js";
import { registerFuzz } from "./commands/fuzz.js";
import { registerImages } from "./commands/images.js";
import { registerInside } from "./commands/inside.js";
import { registerLab } from "./commands/lab.js";
import { registerPlan } from "./commands/plan.js";
import { registerResults } from "./commands/results.js";
import { registerRun } from "./commands/run.js";
import { registerSim } from "./commands/sim.js";
import { registerValidate } from "./commands/validate.js";
import { exitCodeFor, sayError } from "./exit.js";
import { Interrupt } from "./interrupt.js";
import { outliveReaders } from "./output.js";
import type { Context } from "./program.js";
import { packageRoot } from "./repository.js";

outliveReaders();
const interrupt = new Interrupt();
const context: Context = { interrupt, commandLine: ["testbed", ...process.argv.slice(2)] };

const { version } = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as { version: string }; // our own file
const program = new Command()
  .name("testbed")
  .description("What does a BFT ordering service do when the network under it breaks, and why?")
  .version(version)
  .showHelpAfterError("(testbed --help, testbed COMMAND --help)")
  .exitOverride()
  .enablePositionalOptions();
for (const register of [
  registerValidate,
  registerPlan,
  registerLab,
  registerImages,
  registerInside,
  registerFault,
  registerRun,
  registerSim,
  registerCalibrate,
  registerFuzz,
  registerResults,
]) {
  register(program, context);
}

try {
  await program.parseAsync();
  if (interrupt.interrupted) process.exitCode = 130;
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else {
    sayError(error, interrupt);
    process.exitCode = exitCodeFor(error, interrupt);
  }
}
