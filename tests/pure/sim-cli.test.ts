// The simulator's commands as a user meets them: a whole run from files to results, what is refused, what is calibrated.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { execa } from "execa";
import { afterAll, expect, it } from "vitest";
import { costsFrom } from "../../src/sim/index.js";

const root = join(import.meta.dirname, "..", "..");
const folder = mkdtempSync("/tmp/testbed-sim-cli-");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const patience = { timeout: 120_000 };

async function testbed(...words: readonly string[]) {
  const { exitCode, stdout, stderr } = await execa(join(root, "bin", "testbed"), words, { cwd: root, reject: false });
  return { code: exitCode, stdout, stderr };
}

const experiment = (name: string, topology: string): string => {
  writeFileSync(join(folder, `${name}-topology.yaml`), topology);
  const path = join(folder, `${name}.yaml`);
  writeFileSync(
    path,
    `format: 1
name: ${name}
topology: ${name}-topology.yaml
workload: { rate: 20/s, size: 100B }
warm-up: 1s
timeline:
  - { at: 1s, fault: interface-down, target: follower, for: 2s }
duration: 5s
drain: 10s
phase: 1us
repetitions: 1
seed: "1"
block-source: as-topology
assert: []
`,
  );
  return path;
};

const ring = readFileSync(join(root, "topologies", "bft4-ring.yaml"), "utf8");

it("sim runs an experiment to its summary, names its costs in the manifest, and says the trace", patience, async () => {
  const output = join(folder, "results");
  const ended = await testbed("sim", experiment("short", ring), "--output", output);
  expect(ended.stdout).toContain("run 1: true · interface-down (admin) at orderer2:eth1");
  expect(ended.stderr).toMatch(/trace [0-9a-f]{64} of \d+ events, seed 1\/1/);
  expect(ended.code).toBe(0);
  const manifest: unknown = JSON.parse(readFileSync(join(output, "manifest.json"), "utf8"));
  expect(manifest).toMatchObject({ runtime: "sim", costs: { format: 4, source: "defaults" } });
  const report = await testbed("report", output);
  expect(report.stdout).toBe(ended.stdout);
});

it("refuses by name what has no place in virtual time, before anything starts", patience, async () => {
  const withHost = ring
    .replace(
      "  client1: { kind: client }",
      '  client1: { kind: client }\n  box: { kind: host, command: ["sleep", "9"] }',
    )
    .replace("links:", 'links:\n  - endpoints: ["box:eth1", "r1:eth9"]')
    .replace("  orderer2: { kind: orderer }", "  orderer2: { kind: orderer, implementation: smartbft-go }");
  const output = join(folder, "refused");
  const ended = await testbed("run", "--runtime", "sim", experiment("host", withHost), "--output", output);
  expect(ended).toMatchObject({ code: 2, stdout: "" });
  const file = relative(root, join(folder, "host-topology.yaml"));
  const lines = ended.stderr.split("\n").map((line) => line.replace("testbed: ", ""));
  const lineOf = (word: string): number => withHost.split("\n").findIndex((line) => line.includes(word)) + 1;
  expect(lines).toEqual([
    `${file}:${lineOf("smartbft-go")}:30: nodes.orderer2.implementation: Cannot be simulated: "orderer2" is smartbft-go, a process of its own: the simulator hosts the testbed's replica only; run it with --runtime netns`,
    `${file}:${lineOf("box: {")}:3: nodes.box: Cannot be simulated: "box" is a host that runs "sleep 9": the simulator runs orderers, peers and clients of its own only; run it with --runtime netns`,
  ]);
});

it("refuses costs of another format, and costs for real machines", patience, async () => {
  const costs = join(folder, "old.json");
  writeFileSync(costs, '{"format": 1}');
  const old = await testbed("sim", "experiments/single-homed-leader.yaml", "--costs", costs);
  expect(old.code).toBe(2);
  expect(old.stderr).toContain(`Cannot read "${costs}": format: got 1, expected 4`);
  const real = await testbed("run", "experiments/single-homed-leader.yaml", "--costs", costs);
  expect(real.code).toBe(2);
  expect(real.stderr).toContain("Cannot use --costs there");
});

it("calibrate measures this machine and writes costs that sim reads", patience, async () => {
  const output = join(folder, "costs.json");
  const ended = await testbed("calibrate", "--output", output, "--format", "csv");
  expect(ended.code).toBe(0);
  expect(ended.stdout.split("\n").map((row) => row.split(",")[0])).toEqual([
    "what",
    "sign",
    "verify",
    "hashKib",
    "fsync",
    "request",
  ]);
  const costs = costsFrom(readFileSync(output, "utf8"));
  expect(costs).toMatchObject({ format: 4 });
  expect(costs).toHaveProperty("verifyUs");
  const nowhere = await testbed("calibrate", "--output", join(folder, "no", "costs.json"));
  expect(nowhere.code).toBe(2);
});
