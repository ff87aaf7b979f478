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

interface Reign {
  readonly view: number;
  readonly leader: string;
}

/** Waits until these orderers say that they are in one view, from `view` on, and who leads in it. */
async function reign(names: readonly string[], view: number): Promise<Reign> {
  const look = async (): Promise<Look<Reign>> => {
    const facts = (await orderers()).filter(({ name }) => names.includes(name)).map((node) => node.facts);
    const said = new Set(facts.map((each) => `view ${each["view"]} of ${each["leader"]}`));
    const [first] = facts;
    if (said.size !== 1 || Number(first?.["view"]) < view) return waiting([...said].join(", "));
    return there({ view: Number(first?.["view"]), leader: `orderer${first?.["leader"]}` });
  };
  return await until(look, { timeoutMs: 60_000, everyMs: 100, signal, what: `view ${view}` });
}

describe("a lab of four", () => {
  const all = ["orderer1", "orderer2", "orderer3", "orderer4"];
  const but = (name: string): readonly string[] => all.filter((each) => each !== name);

  beforeAll(async () => {
    // Without load only heartbeats tell that a leader has gone.
    const protocol = "protocol: { LeaderHeartbeatTimeout: 3s }\n";
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
    let now = await reign(all, 0);
    const hit: string[] = [];
    for (const how of ["blackhole", "admin"]) {
      const [fault] = await bench.rows<Fault>(`fault interface-down leader --how ${how}`);
      hit.push(`${now.leader}:eth1`);
      expect(fault).toMatchObject({ asked: "leader", target: hit.at(-1), state: "effective" });
      const next = await reign(but(now.leader), now.view + 1);
      expect(next.leader).not.toBe(now.leader);
      await bench.good("heal");
      now = await reign(all, next.view);
    }
    const [third] = await bench.rows<Fault>("fault process-pause leader");
    hit.push(now.leader);
    expect(third).toMatchObject({ asked: "leader", target: now.leader, state: "effective" });
    await bench.good("heal");
    const faults = await bench.rows<Fault>("fault list");
    expect(faults.map(({ target }) => target)).toEqual(hit);
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

  const isOrderers = (event: Event): event is BlockEvent => event.kind === "block" && event.role === "orderer";

  /** What the lab's agent has written so far; the last line may be half of one. */
  function live(lab: string): readonly Event[] {
    const lines = readFileSync(join(bench.state, "labs", lab, "events.ndjson"), "utf8")
      .split("\n")
      .slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Event);
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
    // Patient enough that a busy machine brings no view change about. What the second cut made the library lose it does not
    // send again: it is a view change that ends the silence after the heal.
    const patient =
      "protocol: { RequestForwardTimeout: 2s, RequestComplainTimeout: 8s, LeaderHeartbeatTimeout: 30s }\n";
    bench.write("five.yaml", starTopology("five", 5, patient));
    const load = shortExperiment("five.yaml", "")
      .replace(/timeline:[\s\S]*/, "timeline: []\nduration: 300s\n")
      .replace("50/s", "20/s");
    bench.write("load.yaml", load);
    const run = bench.start(["run", "load.yaml", "-o", "votes"]);
    await run.says("timeline-started");
    const heights = (): readonly number[] =>
      live("five")
        .filter(isOrderers)
        .map((block) => block.number);
    const highest = (): number => Math.max(0, ...heights());
    const reaches = async (height: number): Promise<void> => {
      const look = (): Look<true> => (highest() >= height ? there(true) : waiting(`height ${highest()}`));
      await until(look, { timeoutMs: 60_000, everyMs: 250, signal, what: `block ${height}` });
    };

    await bench.good("fault interface-down orderer5 --how blackhole");
    await reaches(highest() + 10);

    await bench.good("fault interface-down orderer4 --how blackhole");
    const cutAt = live("five").findLast((event) => event.kind === "fault" && event.state === "effective")?.at ?? 0;
    const accepted = (): number =>
      live("five").filter((event) => event.kind === "request" && event.state === "accepted" && event.at > cutAt).length;
    // Each of three orderers accepts twenty a second: for more than two seconds there is work, and nothing comes of it.
    const look = (): Look<true> => (accepted() >= 150 ? there(true) : waiting(`${accepted()} accepted`));
    await until(look, { timeoutMs: 60_000, everyMs: 250, signal, what: "requests that wait" });
    const before = live("five").filter(isOrderers);
    const agreedBefore = Math.max(...before.filter(({ at }) => at <= cutAt).map((block) => block.number));
    const cutOff = highest();
    // One may have had its votes when the second was cut off.
    expect(cutOff).toBeLessThanOrEqual(agreedBefore + 1);

    await bench.good("heal 2");
    await reaches(cutOff + 5);
    run.kill("SIGINT");
    expect((await run.ended()).code).toBe(130);
  });
});
