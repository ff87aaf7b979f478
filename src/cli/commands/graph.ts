// testbed graph: a topology, or a running lab with what is down and broken in it, as a picture.
import { existsSync } from "node:fs";
import { Option } from "@commander-js/extra-typings";
import { type Graph, graphDot, graphFor, graphMermaid, graphSvg } from "../../plan/index.js";
import { examples } from "../examples.js";
import { theLab } from "../labs.js";
import { loadTopology } from "../load.js";
import { print } from "../output.js";
import type { Register } from "../program.js";

const drawings = {
  mermaid: graphMermaid,
  dot: graphDot,
  svg: graphSvg,
  json: (graph: Graph): string => `${JSON.stringify(graph, null, 2)}\n`,
} as const;

export const registerGraph: Register = (program) => {
  program
    .command("graph")
    .description("draw a topology, or a running lab with its faults and the links that are down")
    .argument("[what]", "topology file or name of a lab; without it, the only lab that runs")
    .addOption(
      new Option("-f, --format <format>", "mermaid for Markdown, dot for Graphviz, svg alone, json for programs")
        .choices(["mermaid", "dot", "svg", "json"] as const)
        .default("mermaid" as const),
    )
    .addHelpText(
      "after",
      examples("testbed graph topologies/bft4-ring.yaml -f svg > ring.svg", "testbed graph bft4-ring"),
    )
    .action(async (what, { format }) => await print(drawings[format](await graphOf(what))));
};

/** A lab's name has neither dot nor slash (spec): what has one, or is there as a file, is a topology. */
async function graphOf(what: string | undefined): Promise<Graph> {
  if (what !== undefined && (/[./]/.test(what) || existsSync(what))) {
    return graphFor((await loadTopology(what)).plan);
  }
  await using lab = await theLab(what);
  return graphFor((await lab.plan()).plan, await lab.status());
}
