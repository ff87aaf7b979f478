// A graph in Graphviz's language: `testbed graph … -f dot | dot -Tpdf`.
import type { NodeKind } from "../spec/index.js";
import { downColour, type Graph, type GraphLink, type GraphNode, kindColours } from "./graph.js";

const shapes: Readonly<Record<NodeKind, string>> = {
  orderer: "box",
  peer: "box",
  client: "oval",
  router: "circle",
  switch: "hexagon",
  host: "oval",
};

export function graphDot({ name, nodes, links }: Graph): string {
  const lines = [
    "layout=neato; overlap=false; splines=true;",
    'node [style=filled, fontname="sans-serif"]; edge [fontname="sans-serif", fontsize=9, len=1.8];',
    ...nodes.map(nodeLine),
    ...links.map(linkLine),
  ];
  return `graph ${quoted(name)} {\n${lines.map((line) => `  ${line}\n`).join("")}}\n`;
}

function nodeLine({ name, kind, faults }: GraphNode): string {
  const label = [name, ...faults].join("\\n");
  const pen = faults.length > 0 ? `, color="${downColour}"` : "";
  return `${quoted(name)} [label="${label}", shape=${shapes[kind]}, fillcolor="${kindColours[kind]}"${pen}];`;
}

function linkLine({ ends: [left, right], impairments, state, faults }: GraphLink): string {
  const label = [...impairments, ...(state === "down" ? ["down"] : []), ...faults].join("\\n");
  const broken = state === "down" || faults.length > 0;
  const attributes = [
    ...(left.interface === "" ? [] : [`taillabel=${quoted(left.interface)}`]),
    ...(right.interface === "" ? [] : [`headlabel=${quoted(right.interface)}`]),
    ...(label === "" ? [] : [`label="${label}"`]),
    ...(broken ? [`color="${downColour}"`, "style=dashed"] : []),
  ];
  return `${quoted(left.node)} -- ${quoted(right.node)} [${attributes.join(", ")}];`;
}

/** Names are small letters, digits and hyphens (spec): quotes are all they need. */
const quoted = (text: string): string => `"${text}"`;
