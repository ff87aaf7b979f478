// Every command of the testbed, as one tree: what main runs and what tests walk.
import { Command } from "@commander-js/extra-typings";
import { registerCalibrate } from "./commands/calibrate.js";
import { registerCapture } from "./commands/capture.js";
import { registerEvents } from "./commands/events.js";
import { registerFault } from "./commands/fault.js";
import { registerFuzz } from "./commands/fuzz.js";
import { registerGraph } from "./commands/graph.js";
import { registerImages } from "./commands/images.js";
import { registerInside } from "./commands/inside.js";
import { registerLab } from "./commands/lab.js";
import { registerLink } from "./commands/link.js";
import { registerPlan } from "./commands/plan.js";
import { registerResults } from "./commands/results.js";
import { registerRun } from "./commands/run.js";
import { registerSim } from "./commands/sim.js";
import { registerUp } from "./commands/up.js";
import { registerValidate } from "./commands/validate.js";
import { examples } from "./examples.js";
import type { Context } from "./program.js";

/** In the order of `testbed --help`: files, a lab's life, what is in it, runs. */
const commands = [
  registerValidate,
  registerPlan,
  registerGraph,
  registerUp,
  registerLab,
  registerLink,
  registerImages,
  registerInside,
  registerCapture,
  registerFault,
  registerEvents,
  registerRun,
  registerSim,
  registerCalibrate,
  registerFuzz,
  registerResults,
] as const;

export function commandTree(context: Context, version: string): Command {
  const program = new Command()
    .name("testbed")
    .description("What does a BFT ordering service do when the network under it breaks, and why?")
    .version(version)
    .showHelpAfterError("(testbed --help, testbed COMMAND --help)")
    .exitOverride()
    .enablePositionalOptions()
    .addHelpText(
      "after",
      examples(
        "testbed up topologies/bft4-ring.yaml",
        "testbed fault interface-down leader --for 10s",
        "testbed run experiments/leader-interface-down.yaml",
      ),
    );
  for (const register of commands) register(program, context);
  return program;
}
