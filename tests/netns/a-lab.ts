// A lab for tests: a plan from a few lines of YAML, a state folder of this test file's own, and looks into a running lab that
// do not go through the agent, so that what it says can be compared with what the kernel says.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Event, EventOf, EventKind } from "../../src/boundary/index.js";
import { netnsRuntime, type Progress, type RunningLab } from "../../src/lab/index.js";
import { planFor, type Plan } from "../../src/plan/index.js";
import { parseTopology } from "../../src/spec/index.js";

const root = join(import.meta.dirname, "..", "..");

/** Bundles of the agent and the services, as a user has them. Quick when nothing changed. */
export function buildPrograms(): void {
  execFileSync(join(root, "scripts", "build"), { stdio: "inherit" });
}

/** Gives the tests of one file a state folder of their own; answers how to remove it. */
export function ownStateFolder(): () => void {
  const folder = mkdtempSync("/tmp/testbed-test-");
  process.env["TESTBED_STATE"] = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}

export function planFrom(text: string): Plan {
  const topology = parseTopology(text, "test.yaml");
  if (topology.kind === "bad") throw new Error(topology.problems.map((problem) => problem.message).join("\n"));
  const plan = planFor(topology.value);
  if (plan.kind === "bad") throw new Error(plan.problems.map((problem) => problem.message).join("\n"));
  return plan.value;
}

/** Routers in a line, r1 - r2 - …, with the given lines in every link. */
export function lineOfRouters(name: string, count: number, linkLines = "", timers = "hello: 1s, dead: 4s"): Plan {
  const nodes = Array.from({ length: count }, (_, index) => `  r${index + 1}: { kind: router }`);
  const links = nodes
    .slice(1)
    .map(
      (_, index) =>
        `  - endpoints: ["r${index + 1}:eth2", "r${index + 2}:eth1"]${linkLines === "" ? "" : `\n    ${linkLines}`}`,
    );
  return planFrom(
    `format: 1\nname: ${name}\nprofile: fast\nrouting: { protocol: ospf, ${timers} }\nnodes:\n${nodes.join("\n")}\nlinks:\n${links.join("\n")}\n`,
  );
}

/** As `lineOfRouters(name, 3)`, with a third wire of r2's to a router r4. */
export function lineWithBranch(name: string): Plan {
  const nodes = ["r1", "r2", "r3", "r4"].map((node) => `  ${node}: { kind: router }\n`).join("");
  const ends = ['"r1:eth2", "r2:eth1"', '"r2:eth2", "r3:eth1"', '"r2:eth3", "r4:eth1"'];
  const links = ends.map((each) => `  - endpoints: [${each}]\n`).join("");
  return planFrom(
    `format: 1\nname: ${name}\nprofile: fast\nrouting: { protocol: ospf, hello: 1s, dead: 4s }\nnodes:\n${nodes}links:\n${links}`,
  );
}

export interface UpChoices {
  readonly signal?: AbortSignal;
  readonly progress?: (progress: Progress) => void;
}

export function up(plan: Plan, choices: UpChoices = {}): Promise<RunningLab> {
  return netnsRuntime.up(plan, {
    seed: "1",
    messageTrace: true,
    progress: choices.progress ?? (() => undefined),
    signal: choices.signal ?? new AbortController().signal,
  });
}

/** Runs a command inside a node and answers its output; `code` is its exit code. */
export async function inside(
  lab: RunningLab,
  node: string,
  ...command: readonly string[]
): Promise<{ readonly code: number; readonly text: string }> {
  const [program = "", ...args] = await lab.execArguments(node, command);
  const result = spawnSync(program, args, { encoding: "utf8" });
  return { code: result.status ?? -1, text: `${result.stdout}${result.stderr}` };
}

export interface End {
  readonly adminUp: boolean;
  readonly carrier: boolean;
  readonly addresses: number;
}

/** An interface as the kernel shows it inside the node. */
export async function endOf(lab: RunningLab, node: string, name: string): Promise<End> {
  const { text } = await inside(lab, node, "ip", "-json", "address", "show", "dev", name);
  const [link] = JSON.parse(text) as readonly { flags: string[]; addr_info: unknown[] }[];
  if (link === undefined) throw new Error(`no ${name} in ${node}`);
  return {
    adminUp: link.flags.includes("UP"),
    carrier: link.flags.includes("LOWER_UP") && !link.flags.includes("NO-CARRIER"),
    addresses: link.addr_info.length,
  };
}

export function eventsOf<K extends EventKind>(lab: RunningLab, kind: K): readonly EventOf<K>[] {
  const lines = readFileSync(join(lab.directory, "events.ndjson"), "utf8")
    .split("\n")
    .filter((line) => line !== "");
  const events = lines.map((line) => JSON.parse(line) as Event);
  return events.filter((event): event is EventOf<K> => event.kind === kind);
}

/** Pids on this machine of processes that name the lab's folder on their command line or live in one of the namespaces. */
export function processesOf(directory: string, namespaces: ReadonlySet<string> = new Set()): readonly number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && name !== String(process.pid));
  return pids
    .filter((pid) => textOf(`/proc/${pid}/cmdline`).includes(directory) || livesIn(pid, namespaces))
    .map(Number);
}

/** Network, mount and pid namespaces of the sandbox: FRR's daemons do not name the lab, but they live there. */
export function namespacesOf(directory: string): ReadonlySet<string> {
  const pid = sandboxOf(directory);
  return new Set(["net", "mnt", "pid"].map((kind) => readlinkSync(`/proc/${pid}/ns/${kind}`)));
}

function livesIn(pid: string, namespaces: ReadonlySet<string>): boolean {
  return ["net", "mnt", "pid"].some((kind) => namespaces.has(linkOf(`/proc/${pid}/ns/${kind}`)));
}

/** Empty when the process is gone or another user's. */
const textOf = (path: string): string => orEmpty(() => readFileSync(path, "utf8"));
const linkOf = (path: string): string => orEmpty(() => readlinkSync(path));

function orEmpty(read: () => string): string {
  try {
    return read();
  } catch (error) {
    if (
      error instanceof Error &&
      "code" in error &&
      ["ENOENT", "ESRCH", "EACCES", "EPERM"].includes(String(error.code))
    )
      return "";
    throw error;
  }
}

/** The sandbox's first process, from the lab's own record. */
export function sandboxOf(directory: string): number {
  const record = JSON.parse(readFileSync(join(directory, "lab.json"), "utf8")) as { owner: { pid: number } };
  return record.owner.pid;
}
