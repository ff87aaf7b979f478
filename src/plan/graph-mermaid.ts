// A graph as Mermaid's flowchart, which GitHub and many editors draw inside a Markdown text.
import { downColour, type Graph, type GraphLink, type GraphNode, kindColours } from "./graph.js";

/** Nodes are called n0, n1, … because a name like `end` is a word of Mermaid's. */
export function graphMermaid({ name, nodes, links }: Graph): string {
  const ids = new Map(nodes.map((node, index) => [node.name, `n${index}`]));
  const kinds = [...new Set(nodes.map((node) => node.kind))];
  const broken = links.flatMap(({ state, faults }, index) => (state === "down" || faults.length > 0 ? [index] : []));
  const lines = [
    ...nodes.map((node) => `  ${ids.get(node.name) ?? ""}${shapeOf(node)}:::${node.kind}`),
    ...links.map((link) => {
      const [left = "", right = ""] = link.ends.map((end) => ids.get(end.node) ?? "");
      return `  ${left} ---|"${labelOf(link)}"| ${right}`;
    }),
    ...kinds.map((kind) => `  classDef ${kind} fill:${kindColours[kind]},stroke:#374151,color:#111827`),
    ...(broken.length === 0 ? [] : [`  linkStyle ${broken.join(",")} stroke:${downColour},stroke-dasharray:5`]),
  ];
  return `---\ntitle: ${name}\n---\nflowchart LR\n${lines.join("\n")}\n`;
}

function shapeOf({ name, kind, faults }: GraphNode): string {
  const text = [name, ...faults].join("<br>");
  switch (kind) {
    case "router":
      return `(("${text}"))`;
    case "switch":
      return `{{"${text}"}}`;
    case "orderer":
    case "peer":
      return `["${text}"]`;
    case "client":
    case "host":
      return `(["${text}"])`;
  }
}

function labelOf({ ends, impairments, state, faults }: GraphLink): string {
  const names = ends.map((end) => end.interface).filter((each) => each !== "");
  return [names.join(" – "), ...impairments, ...(state === "down" ? ["down"] : []), ...faults].join("<br>");
}
