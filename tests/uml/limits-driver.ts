// Runs in user-mode-linux, bundled by control-groups.test.ts: `node driver.mjs TOPOLOGY`. Limits nodes as the netns runtime does, runs
// their commands, and prints as JSON what they could use and what is left of their groups.
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { checkLimits, limitedWords, limitsLack, prepareLimits, removeLimits } from "../../src/lab/netns/limits.js";
import { planFor } from "../../src/plan/index.js";
import { parseTopology } from "../../src/spec/index.js";

const root = "/sys/fs/cgroup";
const [path = ""] = process.argv.slice(2);
const topology = parseTopology(readFileSync(path, "utf8"), path);
if (topology.kind === "bad") throw new Error(JSON.stringify(topology.problems));
const planned = planFor(topology.value);
if (planned.kind === "bad") throw new Error(JSON.stringify(planned.problems));
const plan = planned.value;

const directory = join(process.cwd(), "lab");
const groups = (): readonly string[] => readdirSync(root).filter((name) => name.startsWith("testbed-"));
const lack = await limitsLack();
await checkLimits(plan);
await prepareLimits(plan, directory);
const said = new Map<string, string>();
for (const node of plan.nodes) {
  const folder = join(directory, "nodes", node.name);
  mkdirSync(folder, { recursive: true });
  const words = limitedWords(folder, node);
  const [program = "", ...rest] = [...words, ...node.command];
  said.set(node.name, execFileSync(program, rest, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }));
}
const [group = ""] = groups();
const settingsOf = (name: string): readonly string[] =>
  ["cpu.max", "memory.max"].map((file) => readFileSync(join(root, group, name, file), "utf8").trim());
const limited = plan.nodes.map(({ name }) => name).filter((name) => readdirSync(join(root, group)).includes(name));
const settings = Object.fromEntries(limited.map((name) => [name, settingsOf(name)]));
await removeLimits(directory);
process.stdout.write(JSON.stringify({ lack, said: Object.fromEntries(said), settings, left: groups() }));
