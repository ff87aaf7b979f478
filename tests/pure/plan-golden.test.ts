// Every shipped topology → its plan, as JSON (all values) and as text (FRR files, ip and tc lines), held as golden files:
// a change of the plan is reviewed as a diff. `UPDATE_GOLDEN=1 npx vitest run --project pure tests/pure/plan-golden.test.ts`
// writes them anew; commit what you can explain line by line. Then: what holds for the plan of every shipped topology.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import { parsePlan, type Plan, planFor, planSchema, planText } from "../../src/plan/index.js";
import { parseTopology, type Topology } from "../../src/spec/index.js";

const root = join(import.meta.dirname, "..", "..");
const golden = join(import.meta.dirname, "golden", "plan");
const update = process.env["UPDATE_GOLDEN"] === "1";
const names = readdirSync(join(root, "topologies"))
  .filter((file) => file.endsWith(".yaml"))
  .map((file) => file.replace(/\.yaml$/, ""))
  .toSorted();

function good<T>(
  parsed: { readonly kind: "good"; readonly value: T } | { readonly kind: "bad"; readonly problems: unknown },
): T {
  if (parsed.kind === "bad") throw new Error(JSON.stringify(parsed.problems));
  return parsed.value;
}

function topologyOf(name: string): Topology {
  const file = join(root, "topologies", `${name}.yaml`);
  return good(parseTopology(readFileSync(file, "utf8"), `topologies/${name}.yaml`));
}

const planOf = (name: string): Plan => good(planFor(topologyOf(name)));
const jsonOf = (plan: Plan): string => `${JSON.stringify(plan, undefined, 1)}\n`;

function check(file: string, text: string): void {
  const path = join(golden, file);
  if (update) writeFileSync(path, text);
  expect(existsSync(path), `${file} is missing: run with UPDATE_GOLDEN=1`).toBe(true);
  expect(text).toBe(readFileSync(path, "utf8"));
}

describe.each(names)("the plan of %s", (name) => {
  it("is what its golden files say", () => {
    const plan = planOf(name);
    check(`${name}.json`, jsonOf(plan));
    check(`${name}.txt`, planText(plan));
  });

  it("is the same bytes when made again", () => {
    expect(jsonOf(planOf(name))).toBe(jsonOf(planOf(name)));
    expect(planText(planOf(name))).toBe(planText(planOf(name)));
  });

  it("comes back from JSON as it was, and fits the published schema", () => {
    const plan = planOf(name);
    expect(good(parsePlan(jsonOf(plan), "plan.json"))).toEqual(plan);
    const validate = new Ajv({ strict: true, allowUnionTypes: true }).compile(planSchema());
    validate(JSON.parse(jsonOf(plan)));
    expect(validate.errors ?? []).toEqual([]);
  });

  it("has no collision, and no kernel index, MAC, address or name twice", () => {
    const plan = planOf(name);
    expect(plan.collisions).toEqual([]);
    const interfaces = plan.nodes.flatMap((node) => node.interfaces);
    const bridges = [...plan.links, ...plan.switches];
    const indexes = [
      ...interfaces.flatMap((each) => [each.index, each.portIndex]),
      ...bridges.map((each) => each.bridgeIndex),
    ];
    const switchboard = [...interfaces.map((each) => each.port), ...bridges.map((each) => each.bridge)];
    const addresses = [
      ...interfaces.map((each) => each.address),
      ...plan.nodes.map((node) => node.loopback).filter(Boolean),
    ];
    for (const values of [indexes, switchboard, addresses, interfaces.map((each) => each.mac)]) {
      expect(values.length).toBe(new Set<unknown>(values).size);
    }
  });

  it("prints every command line that the lab carries out", () => {
    const plan = planOf(name);
    const text = planText(plan);
    const { wiring, addressing, impairments } = plan.steps;
    for (const step of [...wiring, ...addressing, ...impairments])
      expect(text).toContain(`\n    ${step.tool} ${step.line}\n`);
  });

  // "a0" comes before every other name, so that it would win each collision.
  it.each(["a0", "zz-9"])("keeps everything where it is when node %s is added", (added) => {
    const topology = topologyOf(name);
    const before = good(planFor(topology));
    const after = good(planFor(withNode(topology, added)));
    expect(jsonOf({ ...without(after, added), topology })).toBe(jsonOf(before));
  });
});

it("has no golden file without its topology", () => {
  const expected = names.flatMap((name) => [`${name}.json`, `${name}.txt`]);
  expect(readdirSync(golden).toSorted()).toEqual(expected.toSorted());
});

const newInterface = "new1";

/** The topology with one more node, first in the list, on a link to a switch, or else to a router, or else to any node. */
function withNode(topology: Topology, name: string): Topology {
  const near =
    topology.nodes.find((node) => node.kind === "switch") ??
    topology.nodes.find((node) => node.kind === "router") ??
    topology.nodes[0];
  const model = topology.links[0];
  if (near === undefined || model === undefined) throw new Error("A shipped topology has nodes and links");
  const node = {
    ...near,
    name,
    kind: "host" as const,
    id: undefined,
    ordererId: 0,
    command: ["sleep", "infinity"],
    routes: [],
  };
  const far = { node: near.name, interface: near.kind === "switch" ? "" : newInterface };
  return {
    ...topology,
    nodes: [node, ...topology.nodes],
    links: [...topology.links, { ...model, endpoints: [{ node: name, interface: "eth1" }, far] }],
  };
}

/** The plan less all that has the added node in it; what is left must be the plan before. */
function without(plan: Plan, added: string): Plan {
  const loopback = `${plan.nodes.find((node) => node.name === added)?.loopback ?? ""}/32`;
  const gone = plan.links.find((link) => link.ends.some((end) => end.node === added));
  // Its address, where neighbours on a switch are told of it from the start.
  const own = plan.nodes
    .find((node) => node.name === added)
    ?.interfaces.map((each) => each.address.split("/")[0] ?? "");
  const words = [
    `${added}.eth1`,
    ...(own ?? []),
    ...(gone === undefined ? [] : [gone.bridge, ...gone.ends.map((end) => end.port)]),
  ];
  const address = plan.nodes.flatMap((node) => node.interfaces).find((each) => each.far === `${added}:eth1`)?.address;
  const untouched = <T extends { readonly namespace: string; readonly line: string }>(step: T): boolean =>
    step.namespace !== added &&
    !words.some((word) => step.line.split(" ").includes(word)) &&
    !step.line.includes(newInterface) &&
    (address === undefined || !step.line.includes(address));
  const { steps } = plan;
  return {
    ...plan,
    nodes: plan.nodes
      .filter((node) => node.name !== added)
      .map((node) => ({
        ...node,
        interfaces: node.interfaces.filter((each) => each.name !== newInterface),
        frr: node.frr && {
          ...node.frr,
          configuration: node.frr.configuration.replace(new RegExp(`interface ${newInterface}\n[^!]*!\n`), ""),
        },
        routesExpected: node.routesExpected.filter((prefix) => prefix !== loopback),
      })),
    links: plan.links.filter((link) => link !== gone),
    switches: plan.switches.map((each) => ({ ...each, ports: each.ports.filter((port) => port.node !== added) })),
    steps: {
      ...steps,
      namespaces: steps.namespaces.filter((name) => name !== added),
      wiring: steps.wiring.filter(untouched),
      addressing: steps.addressing.filter(untouched),
      impairments: steps.impairments.filter(untouched),
    },
  };
}
