// docs/topology.md and docs/experiment.md against the code: every key of the schemas stands in its section's table and
// no other does, the profiles' columns hold the profiles' values, every YAML sample parses.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { problemText } from "../../src/base/index.js";
import {
  durationFrom,
  experimentSchema,
  parseExperiment,
  parseTopology,
  profileNames,
  profiles,
  sizeFrom,
  topologySchema,
} from "../../src/spec/index.js";

const docs = join(import.meta.dirname, "..", "..", "docs");
const topologyText = readFileSync(join(docs, "topology.md"), "utf8");
const experimentText = readFileSync(join(docs, "experiment.md"), "utf8");

/** A sample that is not a whole file is laid over this one, key by key. */
const smallest = {
  format: 1,
  name: "sample",
  nodes: { orderer1: { kind: "orderer" }, r1: { kind: "router" }, client1: { kind: "client" } },
  links: [{ endpoints: ["orderer1:eth1", "r1:eth1"] }, { endpoints: ["client1:eth1", "r1:eth2"] }],
};

interface Row {
  readonly key: string;
  readonly cells: readonly string[];
}

/** Rows of the tables whose first column is called `key`, by the heading above them. */
function tablesOf(text: string): ReadonlyMap<string, readonly Row[]> {
  const tables = new Map<string, Row[]>();
  let heading = "";
  let isKeyTable = false;
  for (const line of text.split("\n")) {
    const title = /^#+ `?([^`]+)`?$/.exec(line);
    if (title !== null) heading = title[1] ?? "";
    if (!line.startsWith("|")) isKeyTable = false;
    else if (line.startsWith("| key |")) isKeyTable = true;
    else if (isKeyTable && !line.startsWith("|---")) {
      const cells = line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim());
      const key = /^`([^`]+)`$/.exec(cells[0] ?? "")?.[1] ?? cells[0] ?? "";
      tables.set(heading, [...(tables.get(heading) ?? []), { key, cells: cells.slice(1) }]);
    }
  }
  return tables;
}

type Node = Readonly<Record<string, unknown>>;
const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && !Array.isArray(value);

/** Keys of each map in a schema by its path, as the documents call it. */
function sectionsOf(schema: Node, path = ""): ReadonlyMap<string, readonly string[]> {
  const sections = new Map<string, readonly string[]>();
  const visit = (node: unknown, at: string): void => {
    if (!isNode(node)) return;
    if (isNode(node["properties"])) {
      sections.set(at === "" ? "The file" : at, Object.keys(node["properties"]));
      for (const [key, child] of Object.entries(node["properties"])) visit(child, at === "" ? key : `${at}.${key}`);
    }
    if (isNode(node["additionalProperties"])) visit(node["additionalProperties"], `${at}.NAME`);
    if (isNode(node["items"])) visit(node["items"], `${at}[]`);
    if (Array.isArray(node["anyOf"])) for (const child of node["anyOf"]) visit(child, at);
  };
  visit(schema, path);
  return sections;
}

const sorted = (values: readonly string[]): readonly string[] => values.toSorted();

describe("docs/topology.md", () => {
  const tables = tablesOf(topologyText);
  const sections = new Map(sectionsOf(topologySchema()));
  sections.delete("nodes.NAME.protocol"); // the same map as `protocol`

  it("has a table for every map of the schema, and no other", () => {
    expect(sorted([...tables.keys()])).toEqual(sorted([...sections.keys()]));
  });

  it.each([...sections])("names every key of %s, and no other", (section, keys) => {
    expect(sorted((tables.get(section) ?? []).map(({ key }) => key))).toEqual(sorted(keys));
  });

  it.each(["protocol", "transport", "peer"] as const)("gives the profiles' values of %s", (section) => {
    for (const { key, cells } of tables.get(section) ?? []) {
      const field =
        (key[0] ?? "").toLowerCase() + key.slice(1).replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
      for (const [index, name] of profileNames.entries()) {
        const cell = cells[index + 1] ?? "";
        const value = Object.entries(profiles[name][section]).find(([each]) => each === field)?.[1];
        expect([String(value), `${section}.${key} of ${name}`]).toEqual([
          String(durationFrom(cell) ?? sizeFrom(cell) ?? cell),
          `${section}.${key} of ${name}`,
        ]);
      }
    }
  });
});

describe("defaults in docs/topology.md", () => {
  const tables = tablesOf(topologyText);
  const routed = (routing: Node): unknown => parseTopology(stringify({ ...smallest, routing }), "sample");

  it.each((tables.get("routing") ?? []).map(({ key, cells }) => [key, (cells[1] ?? "").replaceAll("`", "")] as const))(
    "of routing.%s is %s",
    (key, value) => {
      expect(routed({ [key]: value })).toEqual(routed({}));
    },
  );

  it("of routing.bfd are what `on` stands for", () => {
    const rows = (tables.get("routing.bfd") ?? []).map(({ key, cells }) => [key, parse(cells[1] ?? "") as unknown]);
    expect(routed({ bfd: Object.fromEntries(rows) as Node })).toEqual(routed({ bfd: "on" })); // rows are key and value
  });
});

describe("docs/experiment.md", () => {
  const tables = tablesOf(experimentText);
  const sections = new Map(sectionsOf(experimentSchema()));
  for (const shared of ["protocol", "transport", "peer"]) sections.delete(shared); // in topology.md

  it("has a table for every map of the schema, and no other", () => {
    expect(sorted([...tables.keys()])).toEqual(sorted([...sections.keys()]));
  });

  it.each([...sections])("names every key of %s, and no other", (section, keys) => {
    expect(sorted((tables.get(section) ?? []).map(({ key }) => key))).toEqual(sorted(keys));
  });
});

const samplesOf = (text: string): readonly string[] =>
  [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map((match) => match[1] ?? "");

describe("samples", () => {
  it.each(samplesOf(topologyText))("of topology.md parse: %s", (sample) => {
    const data: unknown = parse(sample);
    const text = sample.includes("format:") ? sample : stringify({ ...smallest, ...(isNode(data) ? data : {}) });
    const parsed = parseTopology(text, "sample");
    expect(parsed.kind === "bad" ? parsed.problems.map(problemText) : []).toEqual([]);
  });

  it.each(samplesOf(experimentText))("of experiment.md parse: %s", (sample) => {
    const parsed = parseExperiment(sample, "sample");
    expect(parsed.kind === "bad" ? parsed.problems.map(problemText) : []).toEqual([]);
  });
});
