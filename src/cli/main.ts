// The command line: commander in, exit code out. Composition root: the only place where runtimes meet what needs them.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CommanderError } from "@commander-js/extra-typings";
import { commandTree } from "./command-tree.js";
import { exitCodeFor, sayError } from "./exit.js";
import { Interrupt } from "./interrupt.js";
import { outliveReaders } from "./output.js";
import type { Context } from "./program.js";
import { packageRoot } from "./repository.js";

outliveReaders();
const interrupt = new Interrupt();
const context: Context = { interrupt, commandLine: ["testbed", ...process.argv.slice(2)] };

const { version } = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as { version: string }; // our own file
const program = commandTree(context, version);

program.parseAsync().then(
  () => {
    if (interrupt.interrupted) process.exitCode = 130;
  },
  (error: unknown) => {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
    else {
      sayError(error, interrupt);
      process.exitCode = exitCodeFor(error, interrupt);
    }
  },
);
