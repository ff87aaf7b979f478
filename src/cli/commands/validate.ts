// testbed validate FILE…: topologies and experiments, all problems at once.
import { parse } from "yaml";
import { CheckFailed } from "../exit.js";
import { readUserFile } from "../files.js";
import { loadExperiment, loadTopology } from "../load.js";
import { print, say } from "../output.js";
import type { Register } from "../program.js";
import { UserError } from "../../system/index.js";

export const registerValidate: Register = (program) => {
  program
    .command("validate")
    .description("check topologies and experiments: every problem with file, line, column and what to do")
    .argument("<file...>", "topology or experiment files")
    .addHelpText("after", "\nExample:\n  testbed validate topologies/*.yaml experiments/*.yaml")
    .action(async (files) => {
      let bad = 0;
      for (const file of files) {
        const text = await readUserFile(file, "a topology");
        try {
          await (isExperiment(text) ? loadExperiment(file) : loadTopology(file));
          await print(`${file}: good\n`);
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
          bad++;
          say(error.message);
        }
      }
      if (bad > 0) throw bad === files.length && files.length === 1 ? new InvalidFile() : new CheckFailed();
    });
};

/** One bad file: exit as every command that is given a bad file does. */
class InvalidFile extends UserError {
  constructor() {
    super("not valid");
  }
}

/** An experiment names its topology; a topology has nodes. What is neither is judged as a topology. */
function isExperiment(text: string): boolean {
  try {
    const value: unknown = parse(text);
    return typeof value === "object" && value !== null && ("topology" in value || "timeline" in value) && !("nodes" in value);
  } catch {
    return false; // YAML that does not parse: parseTopology says where
  }
}
