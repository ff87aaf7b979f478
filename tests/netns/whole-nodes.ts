// What faults of whole nodes and of FRR must do, on any runtime: a line r1 - r2 - r3 whose middle is broken. Looks go through the
// nodes themselves (`inside`), so that what the agent says is compared with what their kernels say.
import { expect } from "vitest";
import type { FaultKind } from "../../src/boundary/index.js";
import type { FaultStatus, RunningLab } from "../../src/lab/index.js";
import { there, until, waiting, type Look } from "../../src/system/index.js";
import { endOf, eventsOf, inside } from "./a-lab.js";

const { signal } = new AbortController();

export const wholeNodeFaults = ["node-stop", "node-kill", "node-pause", "node-restart", "frr-kill"] as const;
type WholeNodeFault = (typeof wholeNodeFaults)[number];

export async function brokenAndHealed(lab: RunningLab, what: WholeNodeFault): Promise<void> {
  const before = eventsOf(lab, "observed").length;
  const fault = await injected(lab, what, "r2");
  if (what === "node-stop" || what === "node-kill") {
    // Its links go as with its power: the neighbour loses carrier, and nothing can be asked inside.
    expect(await endOf(lab, "r1", "eth2")).toMatchObject({ adminUp: true, carrier: false });
    await expect(codeInside(lab, "r2")).resolves.not.toBe(0);
    expect(await stateOf(lab, "r2")).toMatchObject({ state: "ended", pid: 0 });
    const far = { do: "fault", what: "interface-down", how: "admin", target: "r2:eth1", healAfterUs: 0 } as const;
    expect(await lab.fault(far)).toMatchObject([{ state: "failed" }]);
  }
  if (what === "node-pause") {
    expect(await stateOf(lab, "r2")).toMatchObject({ state: "paused" });
    expect(await endOf(lab, "r1", "eth2")).toMatchObject({ carrier: true });
  }
  if (what === "frr-kill") {
    expect((await inside(lab, "r2", "vtysh", "-c", "show daemons")).text).not.toContain("ospfd");
    expect(await endOf(lab, "r1", "eth2")).toMatchObject({ carrier: true });
  }
  if (what !== "node-restart") expect((await lab.heal(fault)).at(-1)).toMatchObject({ what, state: "healed" });
  await until(() => healed(lab, fault), {
    timeoutMs: 60_000,
    everyMs: 50,
    signal,
    what: `fault ${fault} to be healed`,
  });
  const states = eventsOf(lab, "fault").filter((event) => event.fault === fault);
  expect(states.map((event) => event.state)).toEqual(["requested", "effective", "heal-requested", "healed"]);
  await wholeAgain(lab);
  expect(eventsOf(lab, "observed").slice(before)).toEqual([]);
}

/** r2 has its interfaces, their addresses and its FRR, and r1 has its way to r3. */
export async function wholeAgain(lab: RunningLab): Promise<void> {
  for (const name of ["eth1", "eth2"])
    expect(await endOf(lab, "r2", name)).toMatchObject({ adminUp: true, carrier: true, addresses: 1 });
  const far = (await lab.status()).nodes.find((node) => node.name === "r3")?.loopback ?? "";
  const look = async (): Promise<Look<true>> => {
    const { code, text } = await inside(lab, "r1", "ping", "-c", "1", "-W", "1", far);
    return code === 0 ? there(true) : waiting(text);
  };
  await until(look, { timeoutMs: 60_000, everyMs: 100, signal, what: "r1 to reach r3" });
  expect((await inside(lab, "r2", "vtysh", "-c", "show daemons")).text.trim()).toBe("zebra ospfd");
}

async function injected(lab: RunningLab, what: FaultKind, target: string): Promise<number> {
  const [status] = await lab.fault({ do: "fault", what, how: "", target, healAfterUs: 0 });
  const failures = eventsOf(lab, "fault").filter((event) => event.fault === status?.fault && event.state === "failed");
  expect(failures).toEqual([]);
  return status?.fault ?? 0;
}

async function healed(lab: RunningLab, fault: number): Promise<Look<FaultStatus>> {
  const status = (await lab.faults()).find((each) => each.fault === fault);
  return status?.state === "healed" ? there(status) : waiting(`it is ${status?.state ?? "unknown"}`);
}

const stateOf = async (lab: RunningLab, node: string): Promise<object | undefined> =>
  (await lab.status()).nodes.find((each) => each.name === node);

/** Exit code of a command in the node; what cannot be entered has none. */
async function codeInside(lab: RunningLab, node: string): Promise<number> {
  try {
    return (await inside(lab, node, "true")).code;
  } catch {
    return -1;
  }
}
