// testbed validate FILE…: topologies and experiments, all problems of all files at once.
import { fileKindOf } from "../../spec/index.js";
import { errorText, UserError } from "../../system/index.js";
import { examples } from "../examples.js";
import { readUserFile } from "../files.js";
import { experimentOf, topologyOf } from "../load.js";
import { print, textOption } from "../output.js";
import type { Register } from "../program.js";

export const registerValidate: Register = (program) => {
  program
    .command("validate")
    .description("check topologies and experiments: every problem with file, line, column and what to do")
    .argument("<file...>", "topology or experiment files")
    .addOption(textOption())
    .addHelpText(
      "after",
      examples(
        "testbed validate topologies/*.yaml experiments/*.yaml",
        "testbed validate my.yaml -f json | jq '.[] | select(.good | not).problems'",
      ),
    )
    .action(async (files, { format }) => {
      const problems: string[] = [];
      const judged: { readonly file: string; readonly good: boolean; readonly problems: readonly string[] }[] = [];
      for (const file of files) {
        try {
          const text = await readUserFile(file, "a topology or an experiment");
          await (fileKindOf(text) === "experiment" ? experimentOf(text, file) : topologyOf(text, file));
          judged.push({ file, good: true, problems: [] });
          if (format === "text") await print(`${file}: good\n`);
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
          problems.push(errorText(error));
          judged.push({ file, good: false, problems: errorText(error).split("\n") });
        }
      }
      if (format === "json") await print(`${JSON.stringify(judged, null, 2)}\n`);
      if (problems.length > 0) throw new UserError(problems.join("\n"));
    });
};
