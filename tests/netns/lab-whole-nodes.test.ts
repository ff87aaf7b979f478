// Whole nodes of a netns lab stopped, killed, frozen and restarted, and FRR killed: what is said, what the kernel shows, and that
// all comes back. The same on docker: tests/docker/lab.test.ts.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunningLab } from "../../src/lab/index.js";
import { buildPrograms, endOf, eventsOf, inside, lineOfRouters, lineWithBranch, ownStateFolder, up } from "./a-lab.js";
import { brokenAndHealed, wholeAgain, wholeNodeFaults } from "./whole-nodes.js";

let removeState = (): void => undefined;
let lab: RunningLab;

beforeAll(async () => {
  removeState = ownStateFolder();
  buildPrograms();
  lab = await up(lineOfRouters("whole", 3));
});
afterAll(async () => {
  await lab.down();
  await lab[Symbol.asyncDispose]();
  removeState();
});

test.each(wholeNodeFaults)("%s: effective, read back, healed, and the node is whole again", (what) =>
  brokenAndHealed(lab, what),
);

test("a node that is down cannot be broken again, and its heal is refused nothing", async () => {
  const kill = { do: "fault", what: "node-kill", how: "", target: "r2", healAfterUs: 0 } as const;
  const [first] = await lab.fault(kill);
  expect(await lab.fault(kill)).toMatchObject([{ state: "failed" }]);
  expect(eventsOf(lab, "fault").at(-1)?.detail).toBe("Do node-kill to r2: it is down already");
  expect(await lab.heal(first?.fault ?? 0)).toMatchObject([{ state: "healed" }]);
  await wholeAgain(lab);
});

test("a fault on a link outlives the node's restart, and is healed after it", async () => {
  const request = { do: "fault", what: "interface-down", target: "r2:eth1", healAfterUs: 0 } as const;
  const [hole] = await lab.fault({ ...request, how: "blackhole" });
  const [admin] = await lab.fault({ ...request, how: "admin", target: "r2:eth2" });
  const [killed] = await lab.fault({ do: "fault", what: "node-kill", how: "", target: "r2", healAfterUs: 0 });
  expect(await lab.heal(killed?.fault ?? 0)).toMatchObject([{ state: "healed" }]);
  expect(await endOf(lab, "r2", "eth2")).toMatchObject({ adminUp: false });
  const neighbour = (await lab.status()).nodes.find((node) => node.name === "r1")?.loopback ?? "";
  expect((await inside(lab, "r2", "ping", "-c", "1", "-W", "1", neighbour)).code).not.toBe(0);
  expect(await lab.heal(admin?.fault ?? 0)).toMatchObject([{ state: "healed" }]);
  expect(await lab.heal(hole?.fault ?? 0)).toMatchObject([{ state: "healed" }]);
  await wholeAgain(lab);
});

test("a node whose wires have changed while it ran waits, when it begins again, for those that it has", async () => {
  await using branch = await up(lineWithBranch("branch"));
  await branch.reconcile(lineOfRouters("branch", 3), () => undefined);
  await brokenAndHealed(branch, "node-restart");
  await branch.reconcile(lineWithBranch("branch"), () => undefined);
  await brokenAndHealed(branch, "node-kill");
  expect(await endOf(branch, "r2", "eth3")).toMatchObject({ adminUp: true, carrier: true, addresses: 1 });
  await branch.down();
});
