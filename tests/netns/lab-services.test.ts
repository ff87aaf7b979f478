// The shipped ring as a lab: every service is its own process in its own namespace, sends from its loopback, and can be
// broken by role; a repetition of an experiment runs from its load to its end on time.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { milliseconds, seconds } from "../../src/base/index.js";
import type { Event } from "../../src/boundary/index.js";
import type { RunningLab } from "../../src/lab/index.js";
import type { Experiment } from "../../src/spec/index.js";
import { there, until, waiting } from "../../src/system/index.js";
import { buildPrograms, eventsOf, inside, ownStateFolder, planFrom, up } from "./a-lab.js";

const signal = new AbortController().signal;
const ring = readFileSync(join(import.meta.dirname, "..", "..", "topologies", "bft4-ring.yaml"), "utf8");
let removeState = (): void => undefined;
let lab: RunningLab;

beforeAll(async () => {
  removeState = ownStateFolder();
  buildPrograms();
  lab = await up(planFrom(ring));
});
afterAll(async () => {
  await lab.down();
  await lab[Symbol.asyncDispose]();
  removeState();
});

const factsOf = async (node: string): Promise<Readonly<Record<string, unknown>>> =>
  (await lab.status()).nodes.find((each) => each.name === node)?.facts ?? {};

test("each service is a process of its own in a namespace of its own, and says so", async () => {
  const { nodes } = await lab.status();
  const services = nodes.filter((node) => ["orderer", "peer", "client"].includes(node.kind));
  expect(services.every((node) => node.facts["ready"] === true)).toBe(true);
  expect(new Set(services.map((node) => node.pid)).size).toBe(6);
  const namespaces = await Promise.all(
    services.map((node) => inside(lab, node.name, "readlink", `/proc/${node.pid}/ns/net`)),
  );
  expect(new Set(namespaces.map(({ text }) => text)).size).toBe(6);
  for (const node of services) {
    const other = nodes.find((each) => each.kind === "orderer" && each.name !== node.name);
    const { text } = await inside(lab, node.name, "ip", "-4", "route", "get", other?.loopback ?? "");
    expect(text).toContain(`src ${node.loopback}`);
  }
});

test("a fault on 'leader' by hand hits the orderer that leads", async () => {
  const leader = `orderer${String((await factsOf("orderer2"))["leader"])}`;
  const [status] = await lab.fault({
    do: "fault",
    what: "interface-down",
    how: "blackhole",
    target: "leader",
    healAfterUs: 0,
  });
  expect(status).toMatchObject({ asked: "leader", target: `${leader}:eth1`, state: "effective" });
  await lab.heal(0);
});

test("a Byzantine orderer that is killed comes back Byzantine, and honest when it was healed while it was away", async () => {
  const hit = (what: "byzantine" | "process-kill", how: "silent" | ""): ReturnType<RunningLab["fault"]> =>
    lab.fault({ do: "fault", what, how, target: "orderer3", healAfterUs: 0 });
  const [turned] = await hit("byzantine", "silent");
  const [killed] = await hit("process-kill", "");
  await lab.heal(killed?.fault ?? 0);
  expect((await factsOf("orderer3"))["misbehaviour"]).toBe("silent");
  const [again] = await hit("process-kill", "");
  expect(await lab.heal(turned?.fault ?? 0)).toMatchObject([{ state: "healed" }]);
  await lab.heal(again?.fault ?? 0);
  expect((await factsOf("orderer3"))["misbehaviour"]).toBe("");
});

test("a service is paused and goes on; killed, it is started again in the same namespaces", async () => {
  const before = (await lab.status()).nodes.find((node) => node.name === "orderer4");
  const [paused] = await lab.fault({ do: "fault", what: "process-pause", how: "", target: "orderer4", healAfterUs: 0 });
  expect(paused?.state).toBe("effective");
  expect(Object.keys(await factsOf("orderer4"))).toEqual(["unanswered"]);
  await lab.heal(paused?.fault ?? 0);
  const look = async (): Promise<ReturnType<typeof waiting> | ReturnType<typeof there<true>>> =>
    (await factsOf("orderer4"))["pid"] === before?.pid ? there(true) : waiting("it does not answer");
  await until(look, { timeoutMs: 5_000, everyMs: 50, signal, what: "orderer4 to go on" });

  const [killed] = await lab.fault({ do: "fault", what: "process-kill", how: "", target: "orderer4", healAfterUs: 0 });
  expect(killed?.state).toBe("effective");
  const daemons = await inside(lab, "orderer4", "vtysh", "-c", "show daemons");
  expect(daemons.text.trim()).toBe("zebra ospfd");
  expect((await lab.status()).nodes.find((node) => node.name === "orderer4")?.state).toBe("ended");
  expect(await lab.heal(killed?.fault ?? 0)).toMatchObject([{ state: "healed" }]);
  const after = (await lab.status()).nodes.find((node) => node.name === "orderer4");
  expect(after?.facts["ready"]).toBe(true);
  expect(after?.pid).not.toBe(before?.pid);
  const ended = eventsOf(lab, "process").filter((event) => event.node === "orderer4" && event.state === "ended");
  expect(ended.map((event) => event.detail)).toContain("SIGKILL");
});

test("a repetition runs to its end, and its faults are numbered, resolved and read back", async () => {
  const target = { kind: "role", role: "follower", ordinal: 1, interface: "eth1" } as const;
  const experiment: Experiment = {
    format: 1,
    name: "short",
    topology: "",
    profile: undefined,
    overrides: { protocol: {}, transport: {}, peer: {} },
    workload: { ratePerSecond: 20, sizeBytes: 100 },
    warmUp: seconds(1),
    timeline: [
      {
        at: milliseconds(300),
        fault: { what: "interface-down", how: "admin", asked: "follower:eth1", target },
        for: seconds(1),
      },
      {
        at: milliseconds(2_000),
        fault: { what: "interface-down", how: "carrier", asked: "follower:eth1", target },
        for: undefined,
      },
    ],
    duration: seconds(3),
    drain: seconds(5),
    phase: milliseconds(100),
    repetitions: 1,
    seed: "7",
    blockSource: "follower",
    assertions: [],
  };
  const numbersBefore = Math.max(0, ...(await lab.faults()).map((each) => each.fault));
  const fromByte = readFileSync(join(lab.directory, "events.ndjson")).length;
  await lab.startRun(experiment, "7");
  await expect(lab.startRun(experiment, "8")).rejects.toThrow('Experiment "short" still runs in this lab');
  const events: Event[] = [];
  for await (const event of lab.events({ fromByte, signal: AbortSignal.timeout(60_000) })) events.push(event);

  const phases = events.flatMap((event) => (event.kind === "phase" ? [event.phase] : []));
  expect(phases).toEqual([
    "workload-started",
    "warm",
    "timeline-started",
    "timeline-ended",
    "workload-stopped",
    "stopped",
  ]);
  const faults = events.flatMap((event) => (event.kind === "fault" ? [event] : []));
  const states = (fault: number): readonly string[] =>
    faults.filter((event) => event.fault === fault).map((event) => event.state);
  expect(states(numbersBefore + 1)).toEqual(["requested", "effective", "heal-requested", "healed"]);
  expect(states(numbersBefore + 2)).toEqual(["requested", "effective", "heal-requested", "healed"]);
  for (const fault of faults) expect(fault.target).toMatch(/^orderer\d:eth1$/);
  for (const fault of faults.filter((event) => event.state === "effective"))
    expect(fault.lateness).toBeGreaterThanOrEqual(0);
  const clocks = events.filter((event) => event.kind === "probe" && event.probe === "clock");
  expect(clocks).toHaveLength(12);
  expect((await lab.status()).running).toBe("");
});
