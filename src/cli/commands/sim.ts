// testbed sim EXPERIMENT: the same experiment in virtual time, without a lab. `testbed run --runtime sim` is the same.
import { examples } from "../examples.js";
import { textOption } from "../output.js";
import { profileOption } from "../profile-option.js";
import type { Register } from "../program.js";
import { runFile } from "./run.js";

export const registerSim: Register = (program, context) => {
  program
    .command("sim")
    .description("run an experiment in virtual time: same machines, same events, same results, no lab")
    .argument("<experiment>", "experiment file")
    .addOption(profileOption())
    .option("-r, --repeat <count>", "repetitions, in place of the file's")
    .option("--seed <seed>", "in place of the file's; equal seeds give equal runs")
    .option("-o, --output <folder>", "where results go, in place of results/EXPERIMENT-TIME")
    .option("--no-message-trace", "leave out the event of each message in and out of a replica")
    .option("--costs <file>", "what testbed calibrate wrote, in place of the defaults")
    .addOption(textOption())
    .addHelpText(
      "after",
      examples(
        "testbed sim experiments/leader-interface-down.yaml --repeat 10 --profile fabric",
        "testbed calibrate -o costs.json && testbed sim experiments/kinds-of-down.yaml --costs costs.json",
      ),
    )
    .action((file, choices) => runFile(file, { ...choices, runtime: "sim" }, context));
};
