// testbed plan FILE: everything decided, before anything exists. testbed schema: JSON Schemas for editors.
import { Argument } from "@commander-js/extra-typings";
import { planSchema, planText } from "../../plan/index.js";
import { experimentSchema, topologySchema } from "../../spec/index.js";
import { examples } from "../examples.js";
import { loadTopology } from "../load.js";
import { print, textOption } from "../output.js";
import { profileOption } from "../profile-option.js";
import type { Register } from "../program.js";

export const registerPlan: Register = (program) => {
  program
    .command("plan")
    .description("print everything that is decided before a lab exists: addresses, indexes, FRR text, command lines")
    .argument("<topology>", "topology file")
    .addOption(profileOption())
    .addOption(textOption())
    .addHelpText(
      "after",
      examples(
        "testbed plan topologies/bft4-ring.yaml",
        "testbed plan topologies/bft4-ring.yaml -f json | jq '.nodes[].loopback'     # testbed schema plan",
      ),
    )
    .action(async (file, { profile, format }) => {
      const { plan } = await loadTopology(file, { profile });
      await print(format === "json" ? `${JSON.stringify(plan, null, 2)}\n` : planText(plan));
    });

  program
    .command("schema")
    .description("print the JSON Schema of a file format, for editors to complete and check")
    .addArgument(new Argument("<what>", "which format").choices(["topology", "experiment", "plan"] as const))
    .addHelpText("after", examples("testbed schema topology > topology.schema.json"))
    .action(async (what) => {
      const schema = { topology: topologySchema, experiment: experimentSchema, plan: planSchema }[what]();
      await print(`${JSON.stringify(schema, null, 2)}\n`);
    });
};
