// One experiment on both runtimes, by the command line: the results have the same shape. What may differ is time.
import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import type { Event } from "../../src/boundary/index.js";
import { buildNodeImage } from "../../src/lab/index.js";
import { buildPrograms } from "../netns/a-lab.js";
import { CliBench, root } from "../netns/cli-bench.js";

const noEngine = inject("noEngine");
const bench = new CliBench();

beforeAll(async () => {
  if (noEngine !== "") return;
  process.env["DOCKER_HOST"] = inject("engine");
  buildPrograms();
  await buildNodeImage({ signal: new AbortController().signal, progress: () => undefined });
}, 600_000);
afterAll(() => bench.dispose());

/**
 * experiments/leader-interface-down.yaml with a shorter fault, and with timers that outlast the pauses of a machine that is busy with
 * other things: with those of `fast` views change by themselves there. The outage is 1 s + 4 s + 0.05 s.
 */
const experiment = `format: 1
name: both-runtimes
topology: ${relative(bench.folder, join(root, "topologies", "bft4-ring.yaml"))}
profile: fast
protocol: { RequestForwardTimeout: 1s, RequestComplainTimeout: 4s, LeaderHeartbeatTimeout: 20s, LeaderHeartbeatCount: 10 }
workload: { rate: 50/s, size: 200B }
warm-up: 2s
timeline:
  - { at: 2s, fault: interface-down, how: admin, target: leader, for: 9s }
duration: 17s
drain: 10s
phase: 1s
repetitions: 1
seed: "1"
block-source: follower
assert:
  - view-changes: { min: 1, max: 1 }
  - committed-all: true
`;

test("the leader's interface goes down: same phases, same causes, same counts", async ({ skip }) => {
  skip(noEngine !== "", noEngine);
  const netns = await shapeOn("netns");
  const docker = await shapeOn("docker");
  expect(netns.events).toMatchObject({
    viewChanges: 1,
    faults: ["requested", "effective", "heal-requested", "healed"],
  });
  expect(netns).toMatchObject({ isCommitted: true, isEndedByViewChange: true });
  expect(docker).toEqual(netns);
}, 200_000);

/** What of a run does not depend on how fast the machine was at the moment. */
async function shapeOn(runtime: "netns" | "docker"): Promise<Shape> {
  const file = bench.write("experiment.yaml", experiment);
  const environment = { DOCKER_HOST: inject("engine") };
  const words = ["run", file, "--runtime", runtime, "--seed", "1", "-o", runtime];
  const { code, stderr } = await bench.start(words, { environment }).ended();
  if (code !== 0 && code !== 1) throw new Error(`run on ${runtime}: exit code ${code}\n${stderr}`);
  const folder = join(bench.folder, runtime);
  const events = readFileSync(join(folder, "run-01", "events.ndjson"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Event);
  const [runs = {}, ...others] = rowsOf(join(folder, "runs.csv"));
  const faults = rowsOf(join(folder, "faults.csv"));
  const views = rowsOf(join(folder, "views.csv"));
  expect(others).toEqual([]);
  return {
    columns: [runs, faults[0] ?? {}, views[0] ?? {}].map((row) => Object.keys(row)),
    counts: pick(runs, [
      "view_changes",
      "view_from",
      "view_to",
      "outages",
      "refused",
      "lost",
      "duplicated",
      "process_deaths",
    ]),
    isCommitted: runs["committed"] === runs["invoked"],
    // Each phase of the outage that took time took some on both; the last digits are the machine's.
    phases: ["detection_ms", "view_change_ms", "first_decision_ms", "first_commit_ms"].map(
      (name) => Number(runs[name]) > 0,
    ),
    // Not before the timers (less a block that was on its way), and not by the heal after 9 s: how long beyond is the machine's.
    isEndedByViewChange: Number(runs["outage_ms"]) > 4_500 && Number(runs["outage_ms"]) < 8_500,
    faults: faults.map((row) => pick(row, ["what", "how", "target", "asked", "leader", "state"])),
    saw: faults.map((row) => pick(row, ["near_kernel_saw", "far_kernel_saw"])),
    events: {
      phases: events.flatMap((event) => (event.kind === "phase" ? [event.phase] : [])),
      faults: events.flatMap((event) => (event.kind === "fault" ? [event.state] : [])),
      kinds: [...new Set(events.map((event) => event.kind))].toSorted(),
      viewChanges: views.length,
      complaints: causesOf(events),
      interfaces: [
        ...new Set(events.flatMap((event) => (event.kind === "link" ? [`${event.node}:${event.interface}`] : []))),
      ]
        .filter((name) => !name.endsWith(":lo"))
        .toSorted(),
    },
  };
}

interface Shape {
  readonly events: {
    readonly viewChanges: number;
    readonly faults: readonly string[];
    readonly [key: string]: unknown;
  };
  readonly [key: string]: unknown;
}

/** Why orderers complained; who does so first is a matter of microseconds. */
function causesOf(events: readonly Event[]): readonly string[] {
  const causes = events.flatMap((event) =>
    event.kind === "step" && event.step === "complaint" ? [String(event.facts["reason"])] : [],
  );
  return [...new Set(causes)].toSorted();
}

/** Rows of a CSV whose cells hold no line breaks. */
function rowsOf(path: string): readonly Readonly<Record<string, string>>[] {
  const [head = "", ...lines] = readFileSync(path, "utf8").trim().split("\n");
  const names = cellsOf(head);
  return lines.map((line) => {
    const cells = cellsOf(line);
    return Object.fromEntries(names.map((name, index) => [name, cells[index] ?? ""]));
  });
}

const cellsOf = (line: string): readonly string[] =>
  [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)].map(([, cell = ""]) => cell).slice(0, -1);

const pick = (row: Readonly<Record<string, string>>, names: readonly string[]): readonly string[] =>
  names.map((name) => `${name}=${row[name] ?? "no such column"}`);
