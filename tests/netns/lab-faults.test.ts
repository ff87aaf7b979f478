// Faults on a running lab: each kind of down is compared with what the kernel says inside the nodes, not with what the agent
// says; carrier follows a cable's other end in both directions; what somebody types by hand is observed.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EventOf, HowDown } from "../../src/boundary/index.js";
import type { RunningLab } from "../../src/lab/index.js";
import { there, until, waiting } from "../../src/system/index.js";
import { buildPrograms, endOf, eventsOf, inside, ownStateFolder, planFrom, up, type End } from "./a-lab.js";

const signal = new AbortController().signal;
let removeState = (): void => undefined;
let lab: RunningLab;

/** r1 - r2 is a cable; between r2 and r3 there is a box that keeps its ports up; r3, r4 and r5 share a switch. */
const topology = `format: 1
name: faults
profile: fast
routing: { protocol: ospf, hello: 1s, dead: 4s }
nodes:
  r1: { kind: router }
  r2: { kind: router }
  r3: { kind: router }
  r4: { kind: router }
  lan: { kind: switch }
links:
  - endpoints: ["r1:eth1", "r2:eth1"]
  - endpoints: ["r2:eth2", "r3:eth1"]
    carrier: isolate
  - endpoints: ["r3:eth2", "lan"]
  - endpoints: ["r4:eth1", "lan"]
`;

beforeAll(async () => {
  removeState = ownStateFolder();
  buildPrograms();
  lab = await up(planFrom(topology));
});
afterAll(async () => {
  await lab.down();
  await lab[Symbol.asyncDispose]();
  removeState();
});

async function addressOf(node: string, name: string): Promise<string> {
  const { text } = await inside(lab, node, "ip", "-4", "-o", "address", "show", "dev", name);
  return /inet ([0-9.]+)/.exec(text)?.[1] ?? "";
}

/** Whether one packet there and back arrives, from the near interface to the far one. */
const pings = async (node: string, address: string): Promise<boolean> =>
  (await inside(lab, node, "ping", "-n", "-q", "-c", "1", "-W", "1", address)).code === 0;

const cut = async (how: HowDown, target: string): Promise<number> => {
  const [status] = await lab.fault({ do: "fault", what: "interface-down", how, target, healAfterUs: 0 });
  expect(status).toMatchObject({ state: "effective", target, how });
  return status?.fault ?? 0;
};

async function heal(fault: number): Promise<void> {
  expect(await lab.heal(fault)).toMatchObject([{ fault, state: "healed" }]);
}

/** Waits until the kernel shows this end so; carrier crosses the switchboard in a few milliseconds. */
async function becomes(node: string, name: string, wanted: Partial<End>): Promise<void> {
  const look = async (): Promise<ReturnType<typeof waiting> | ReturnType<typeof there<true>>> => {
    const end = await endOf(lab, node, name);
    const same = Object.entries(wanted).every(([key, value]) => end[key as keyof End] === value);
    return same ? there(true) : waiting(`it is ${JSON.stringify(end)}`);
  };
  await until(look, { timeoutMs: 2_000, everyMs: 20, signal, what: `${node}:${name} to be ${JSON.stringify(wanted)}` });
}

const storyOf = (fault: number): readonly EventOf<"fault">[] =>
  eventsOf(lab, "fault").filter((event) => event.fault === fault);

describe("each kind of down is what its name says", () => {
  // near and far: what the kernels see at the two ends of the cable r1 - r2 while r1:eth1 is down.
  const kinds: readonly { readonly how: HowDown; readonly near: Partial<End>; readonly far: Partial<End> }[] = [
    { how: "admin", near: { adminUp: false, carrier: false }, far: { adminUp: true, carrier: false, addresses: 1 } },
    { how: "carrier", near: { adminUp: true, carrier: false, addresses: 1 }, far: { adminUp: true, carrier: false } },
    { how: "blackhole", near: { adminUp: true, carrier: true, addresses: 1 }, far: { adminUp: true, carrier: true } },
    { how: "one-way", near: { adminUp: true, carrier: true, addresses: 1 }, far: { adminUp: true, carrier: true } },
  ];

  test.each(kinds)("$how", async ({ how, near, far }) => {
    const address = await addressOf("r2", "eth1");
    expect(await pings("r1", address)).toBe(true);
    const fault = await cut(how, "r1:eth1");
    await becomes("r1", "eth1", near);
    await becomes("r2", "eth1", far);
    expect(await pings("r1", address)).toBe(false);
    await heal(fault);
    await becomes("r1", "eth1", { adminUp: true, carrier: true, addresses: 1 });
    await becomes("r2", "eth1", { adminUp: true, carrier: true });
    expect(await pings("r1", address)).toBe(true);
    const story = storyOf(fault);
    expect(story.map((event) => event.state)).toEqual(["requested", "effective", "heal-requested", "healed"]);
    expect(story.every((event) => event.target === "r1:eth1" && event.asked === "r1:eth1")).toBe(true);
    expect(story.map((event) => event.at)).toEqual(story.map((event) => event.at).toSorted((a, b) => a - b));
  });

  test("one-way lets in what it does not let out", async () => {
    const fault = await cut("one-way", "r1:eth1");
    const received = async (): Promise<number> =>
      Number((await inside(lab, "r1", "cat", "/sys/class/net/eth1/statistics/rx_packets")).text);
    const before = await received();
    // r2's own frames (OSPF hellos, ARP questions) still arrive at r1; r1's answers do not.
    expect(await pings("r2", await addressOf("r1", "eth1"))).toBe(false);
    expect(await received()).toBeGreaterThan(before);
    await heal(fault);
  });

  test("a blackhole stays when the node's own end goes down and up again", async () => {
    const address = await addressOf("r2", "eth1");
    const fault = await cut("blackhole", "r1:eth1");
    await inside(lab, "r1", "ip", "link", "set", "dev", "eth1", "down");
    await inside(lab, "r1", "ip", "link", "set", "dev", "eth1", "up");
    await becomes("r1", "eth1", { carrier: true });
    expect(await pings("r1", address)).toBe(false);
    await heal(fault);
    expect(await pings("r1", address)).toBe(true);
  });
});

describe("carrier", () => {
  test.each([
    ["r1", "r2"],
    ["r2", "r1"],
  ])("crosses a cable from %s to %s", async (near, far) => {
    const fault = await cut("admin", `${near}:eth1`);
    await becomes(far, "eth1", { adminUp: true, carrier: false });
    await heal(fault);
    await becomes(far, "eth1", { adminUp: true, carrier: true });
    const delays = eventsOf(lab, "probe").filter(
      (event) => event.probe === "carrier-delay" && event.subject === `${far}:eth1`,
    );
    expect(delays.length).toBeGreaterThan(1);
  });

  test("two ends that go down together come up again together", async () => {
    const faults = await Promise.all([cut("admin", "r1:eth1"), cut("admin", "r2:eth1")]);
    await becomes("r1", "eth1", { adminUp: false, carrier: false });
    await becomes("r2", "eth1", { adminUp: false, carrier: false });
    await Promise.all(faults.map(heal));
    await becomes("r1", "eth1", { adminUp: true, carrier: true });
    await becomes("r2", "eth1", { adminUp: true, carrier: true });
    expect(await pings("r1", await addressOf("r2", "eth1"))).toBe(true);
  });

  test("does not cross a box in between", async () => {
    const fault = await cut("admin", "r2:eth2");
    await becomes("r2", "eth2", { adminUp: false });
    expect(await endOf(lab, "r3", "eth1")).toMatchObject({ adminUp: true, carrier: true });
    await heal(fault);
    const pulled = await cut("carrier", "r2:eth2");
    await becomes("r2", "eth2", { adminUp: true, carrier: false });
    expect(await endOf(lab, "r3", "eth1")).toMatchObject({ adminUp: true, carrier: true });
    await heal(pulled);
  });

  test("does not cross a switch", async () => {
    const fault = await cut("carrier", "r4:eth1");
    await becomes("r4", "eth1", { carrier: false, adminUp: true });
    expect(await endOf(lab, "r3", "eth2")).toMatchObject({ carrier: true });
    await heal(fault);
    await becomes("r4", "eth1", { carrier: true });
  });

  test("comes back only when the last of two faults on one cable has healed", async () => {
    const first = await cut("carrier", "r1:eth1");
    const second = await cut("carrier", "r2:eth1");
    await heal(first);
    expect(await endOf(lab, "r1", "eth1")).toMatchObject({ carrier: false });
    await heal(second);
    await becomes("r1", "eth1", { carrier: true });
    await becomes("r2", "eth1", { carrier: true });
  });
});

test("an interface set down by hand inside a node is observed, and a fault of ours is not", async () => {
  const before = eventsOf(lab, "observed").length;
  const fault = await cut("admin", "r3:eth1");
  await heal(fault);
  expect(eventsOf(lab, "observed")).toHaveLength(before);
  await inside(lab, "r3", "ip", "link", "set", "dev", "eth1", "down");
  await inside(lab, "r3", "ip", "link", "set", "dev", "eth1", "up");
  const look = (): ReturnType<typeof waiting> | ReturnType<typeof there<readonly EventOf<"observed">[]>> => {
    const observed = eventsOf(lab, "observed").slice(before);
    return observed.length >= 2 ? there(observed) : waiting(`${observed.length} observed`);
  };
  const observed = await until(look, { timeoutMs: 2_000, everyMs: 10, signal, what: "the observed events" });
  expect(observed.map(({ endpoint, how, state }) => [endpoint, how, state])).toEqual([
    ["r3:eth1", "admin", "down"],
    ["r3:eth1", "admin", "up"],
  ]);
});

test("a fault on an interface that was renamed away fails and says so; nothing else happens", async () => {
  await inside(lab, "r4", "ip", "link", "set", "dev", "eth1", "down");
  await inside(lab, "r4", "ip", "link", "set", "dev", "eth1", "name", "gone0");
  for (const how of ["admin", "carrier", "blackhole", "one-way"] as const) {
    const request = { do: "fault", what: "interface-down", how, target: "r4:eth1", healAfterUs: 0 } as const;
    const [status] = await lab.fault(request);
    expect(status).toMatchObject({ state: "failed" });
    const story = storyOf(status?.fault ?? 0);
    expect(story.map((event) => event.state)).toEqual(["requested", "failed"]);
    expect(story.at(-1)?.detail).toMatch(/eth1.*No such device/);
  }
  await inside(lab, "r4", "ip", "link", "set", "dev", "gone0", "name", "eth1");
  await inside(lab, "r4", "ip", "link", "set", "dev", "eth1", "up");
  await becomes("r4", "eth1", { carrier: true });
});

test("a fault with an end of its own heals by itself", async () => {
  const [status] = await lab.fault({
    do: "fault",
    what: "interface-down",
    how: "admin",
    target: "r1:eth1",
    healAfterUs: 200_000,
  });
  const look = async (): Promise<ReturnType<typeof waiting> | ReturnType<typeof there<true>>> => {
    const state = (await lab.faults()).find((each) => each.fault === status?.fault)?.state ?? "none";
    return state === "healed" ? there(true) : waiting(`it is ${state}`);
  };
  await until(look, { timeoutMs: 2_000, everyMs: 20, signal, what: "the fault to heal" });
  const [, effective, , healed] = storyOf(status?.fault ?? 0);
  expect((healed?.at ?? 0) - (effective?.at ?? 0)).toBeGreaterThan(190_000);
});

test("what cannot be a target is refused with what can", async () => {
  const ask = (target: string): Promise<unknown> =>
    lab.fault({ do: "fault", what: "interface-down", how: "admin", target, healAfterUs: 0 });
  await expect(ask("r9:eth1")).rejects.toThrow('"r9:eth1" is nothing in this lab now');
  await expect(ask("leader")).rejects.toThrow('"leader" is nothing in this lab now');
  await expect(lab.heal(999)).rejects.toThrow("There is no fault 999 in this lab");
});
