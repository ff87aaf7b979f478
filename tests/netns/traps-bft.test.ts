// Traps that catch a toy: who leads is asked when a fault fires, whoever asks; each orderer is a process of its own in a
// network of its own; a fault on an interface that is not there any more is no fault; five orderers need four votes.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { BlockEvent, Event, FaultEvent } from "../../src/boundary/index.js";
import type { LabStatus } from "../../src/lab/index.js";
import { there, until, waiting, type Look } from "../../src/system/index.js";
import { CliBench, shortExperiment, starTopology } from "./cli-bench.js";

const bench = new CliBench();
const signal = new AbortController().signal;
afterAll(() => bench.dispose());

type NodeStatus = LabStatus["nodes"][number];
interface Fault {
  readonly fault: number;
  readonly asked: string;
  readonly target: string;
  readonly state: string;
}

const orderers = async (): Promise<readonly NodeStatus[]> => {
  const status = JSON.parse(await bench.good("status -f json")) as LabStatus;
  return status.nodes.filter((node) => node.kind === "orderer");
};

/** Waits until these orderers say that this view has come, led by this one. */
async function viewIs(view: number, leader: number, names: readonly string[]): Promise<void> {
  const look = async (): Promise<Look<true>> => {
    const all = await orderers();
    const said = all.map(({ name, facts }) => `${name} is in view ${facts["view"]} of ${facts["leader"]}`);
    const asked = all.filter(({ name }) => names.includes(name));
    const come = asked.every(({ facts }) => facts["view"] === view && facts["leader"] === leader);
    return come ? there(true) : waiting(said.join(", "));
  };
  await until(look, { timeoutMs: 60_000, everyMs: 100, signal, what: `view ${view}` });
}

describe("a lab of four", () => {
  const all = ["orderer1", "orderer2", "orderer3", "orderer4"];
  const but = (name: string): readonly string[] => all.filter((each) => each !== name);

  beforeAll(async () => {
    // Without load only heartbeats tell that a leader has gone.
    const protocol = "protocol: { LeaderHeartbeatTimeout: 2s }\n";
    bench.write("quick.yaml", starTopology("quick", 4, protocol));
    await bench.good("up quick.yaml");
  });
  afterAll(() => bench.clear());

  test("each orderer is a process of its own in a network namespace of its own", async () => {
    const seen = [];
    for (const { name, pid } of await orderers()) {
      const words = [
        "exec",
        name,
        "--",
        "sh",
        "-c",
        `readlink /proc/self/ns/net /proc/${pid}/ns/net; tr '\\0' ' ' < /proc/${pid}/cmdline`,
      ];
      const { stdout } = await bench.start(words).ended();
      const [node, service, command] = stdout.split("\n");
      expect(service).toMatch(/^net:\[\d+\]$/);
      expect(service).toBe(node);
      expect(command).toMatch(new RegExp(`node.*/nodes/${name}/`));
      seen.push({ pid, service });
    }
    expect(new Set(seen.map(({ pid }) => pid)).size).toBe(4);
    expect(new Set([...seen.map(({ service }) => service), ...bench.networks([process.pid])]).size).toBe(5);
  });

  test("after two view changes, and with each command a new process, `leader` is who leads now", async () => {
    await viewIs(0, 1, all);
    await bench.good("fault interface-down leader --how blackhole");
    await viewIs(1, 2, but("orderer1"));
    await bench.good("heal");
    await viewIs(1, 2, all);
    await bench.good("fault interface-down leader --how admin");
    await viewIs(2, 3, but("orderer2"));
    await bench.good("heal");
    await viewIs(2, 3, all);
    const [third] = await bench.rows<Fault>("fault process-pause leader");
    expect(third).toMatchObject({ asked: "leader", target: "orderer3", state: "effective" });
    await bench.good("heal");
    const faults = await bench.rows<Fault>("fault list");
    expect(faults.map(({ fault, asked, target }) => `${fault} ${asked} ${target}`)).toEqual([
      "1 leader orderer1:eth1",
      "2 leader orderer2:eth1",
      "3 leader orderer3",
    ]);
    expect(faults.map(({ state }) => state)).toEqual(["healed", "healed", "healed"]);
  });
});

describe("a run", () => {
  afterEach(() => bench.clear());

  function eventsOf(output: string): readonly Event[] {
    return readFileSync(join(bench.folder, output, "run-01", "events.ndjson"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Event);
  }

  test("an interface renamed just before its fault fires: the fault has failed, the verdict is unknown, exit code 1", async () => {
    bench.write("star.yaml", starTopology("star", 4));
    const fault = "{ at: 2s, fault: interface-down, how: admin, target: orderer2:eth1, for: 1s }";
    bench.write("renamed.yaml", shortExperiment("star.yaml", fault));
    const run = bench.start(["run", "renamed.yaml", "-o", "renamed"]);
    await run.says("timeline-started");
    const script = "ip link set dev eth1 down; ip link set dev eth1 name eth7; ip link set dev eth7 up";
    expect(await bench.start(["exec", "orderer2", "--", "sh", "-ec", script]).ended()).toMatchObject({ code: 0 });
    const { code, stdout, stderr } = await run.ended();
    expect(stderr).toContain("fault interface-down admin orderer2:eth1: failed");
    expect(code).toBe(1);
    expect(stdout).toMatch(/run 1: unknown/);
    const verdict = JSON.parse(readFileSync(join(bench.folder, "renamed", "verdict.json"), "utf8")) as object;
    expect(verdict).toMatchObject({ verdict: "unknown" });
    const states = eventsOf("renamed").filter((event): event is FaultEvent => event.kind === "fault");
    expect(states.map(({ state }) => state)).toEqual(["requested", "failed"]);
    expect(states.at(-1)?.detail).toMatch(/eth1/);
  });

  test("five orderers: with one cut off blocks go on, with two none is ordered until one is back", async () => {
    bench.write("five.yaml", starTopology("five", 5));
    // Shorter than the complain timeout: no view change may explain the silence. Neither is the next to lead.
    const both = `{ at: 1s, fault: interface-down, how: blackhole, target: orderer5 }
  - { at: 3s, fault: interface-down, how: blackhole, target: orderer4, for: 1400ms }`;
    bench.write("votes.yaml", shortExperiment("five.yaml", both).replace("duration: 4s", "duration: 10s"));
    const { stderr } = await bench.run("run votes.yaml -o votes");
    expect(stderr).toContain("results in votes");
    const events = eventsOf("votes");
    const at = (fault: number, state: string): number => {
      const found = events.find((event) => event.kind === "fault" && event.fault === fault && event.state === state);
      if (found === undefined) throw new Error(`Fault ${fault} was never ${state}`);
      return found.at;
    };
    const blocks = events.filter((event): event is BlockEvent => event.kind === "block" && event.role === "orderer");
    const between = (from: number, to: number): number =>
      blocks.filter((block) => block.at > from && block.at < to && block.transactions.length > 0).length;
    const settled = 300_000;
    expect(between(at(1, "effective") + settled, at(2, "effective"))).toBeGreaterThan(10);
    expect(between(at(2, "effective") + settled, at(2, "heal-requested"))).toBe(0);
    const stopped = events.find((event) => event.kind === "phase" && event.phase === "workload-stopped")?.at ?? 0;
    expect(between(at(2, "healed"), stopped)).toBeGreaterThan(0);
  });
});
