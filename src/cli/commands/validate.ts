// testbed validate FILE…: topologies and experiments, all problems of all files at once.
import { parse, YAMLParseError } from "yaml";
import { errorText, UserError } from "../../system/index.js";
import { readUserFile } from "../files.js";
import { loadExperiment, loadTopology } from "../load.js";
import { print } from "../output.js";
import type { Register } from "../program.js";

export const registerValidate: Register = (program) => {
  program
    .command("validate")
    .description("check topologies and experiments: every problem with file, line, column and what to do")
    .argument("<file...>", "topology or experiment files")
    .addHelpText("after", "\nExample:\n  testbed validate topologies/*.yaml experiments/*.yaml")
    .action(async (files) => {
      const problems: string[] = [];
      for (const file of files) {
        try {
          const text = await readUserFile(file, "a topology or an experiment");
          await (isExperiment(text) ? loadExperiment(file) : loadTopology(file));
          await print(`${file}: good\n`);
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
          problems.push(errorText(error));
        }
      }
      if (problems.length > 0) throw new UserError(problems.join("\n"));
    });
};

/** An experiment names its topology; a topology has nodes. What is neither is judged as a topology. */
function isExperiment(text: string): boolean {
  try {
    const value: unknown = parse(text, { logLevel: "silent" });
    return (
      typeof value === "object" && value !== null && ("topology" in value || "timeline" in value) && !("nodes" in value)
    );
  } catch (error) {
    if (error instanceof YAMLParseError) return false; // parseTopology says where
    throw error;
  }
}
