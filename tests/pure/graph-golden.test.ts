// Every shipped topology as Mermaid, dot and SVG, held as golden files, and one running lab with faults in it.
// UPDATE_GOLDEN=1 writes them anew; look at the SVG before you commit it.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Graph, graphDot, graphFor, graphMermaid, graphSvg, type Plan, planFor } from "../../src/plan/index.js";
import { parseTopology } from "../../src/spec/index.js";

const root = join(import.meta.dirname, "..", "..");
const golden = join(import.meta.dirname, "golden", "graph");
const names = readdirSync(join(root, "topologies"))
  .map((file) => file.replace(/\.yaml$/, ""))
  .toSorted();
const drawings = { mmd: graphMermaid, dot: graphDot, svg: graphSvg } as const;

function planOf(name: string): Plan {
  const topology = parseTopology(readFileSync(join(root, "topologies", `${name}.yaml`), "utf8"), name);
  const plan = topology.kind === "good" ? planFor(topology.value) : topology;
  if (plan.kind === "bad") throw new Error(JSON.stringify(plan.problems));
  return plan.value;
}

function check(name: string, graph: Graph): void {
  for (const [ending, drawing] of Object.entries(drawings)) {
    const path = join(golden, `${name}.${ending}`);
    const text = drawing(graph);
    expect(drawing(graph), "the same bytes when drawn again").toBe(text);
    if (process.env["UPDATE_GOLDEN"] === "1") {
      mkdirSync(golden, { recursive: true });
      writeFileSync(path, text);
    }
    expect(existsSync(path), `${path} is missing: run with UPDATE_GOLDEN=1`).toBe(true);
    expect(text).toBe(readFileSync(path, "utf8"));
  }
}

const state = {
  links: [
    { ends: ["orderer1:eth1", "r1:eth3"] as const, up: false },
    { ends: ["r1:eth1", "r2:eth1"] as const, up: true },
  ].map(({ ends, up }) => ({ ends: [...ends] as [string, string], up })),
  faults: [
    { fault: 1, what: "interface-down", how: "carrier", target: "orderer1:eth1", state: "effective" },
    { fault: 2, what: "process-kill", how: "", target: "orderer2", state: "effective" },
    { fault: 3, what: "process-kill", how: "", target: "orderer3", state: "healed" },
  ],
};

describe("a graph", () => {
  it.each(names)("of %s is what its golden files say", (name) => check(name, graphFor(planOf(name))));

  it("of a running lab shows links that are down and faults in effect, and healed ones no more", () => {
    const graph = graphFor(planOf("bft4-ring"), state);
    check("running-bft4-ring", graph);
    const broken = graph.links.filter((link) => link.faults.length > 0 || link.state === "down");
    expect(broken).toEqual([
      {
        ends: [
          { node: "orderer1", interface: "eth1" },
          { node: "r1", interface: "eth3" },
        ],
        impairments: [],
        state: "down",
        faults: ["fault 1: interface-down (carrier) at orderer1:eth1"],
      },
    ]);
    expect(graph.nodes.filter((node) => node.faults.length > 0).map((node) => node.name)).toEqual(["orderer2"]);
    for (const drawing of Object.values(drawings)) {
      expect(drawing(graph)).toContain("fault 1: interface-down (carrier) at orderer1:eth1");
      expect(drawing(graph)).toContain("fault 2: process-kill");
      expect(drawing(graph)).not.toContain("fault 3");
    }
  });

  it("in SVG has every node once, in its own place, and every link", () => {
    for (const name of names) {
      const graph = graphFor(planOf(name));
      const svg = graphSvg(graph);
      for (const node of graph.nodes)
        expect(svg.split(`>${node.name}</text>`), `${name}: ${node.name}`).toHaveLength(2);
      expect(svg.match(/<line /g) ?? []).toHaveLength(graph.links.length);
      const places = [...svg.matchAll(/<text x="(\d+)" y="(\d+)" font-size="12"/g)].map(
        (match) => `${match[1]} ${match[2]}`,
      );
      expect(new Set(places).size).toBe(graph.nodes.length);
    }
  });
});
