// Hosts that run nothing: networks alone, without a process, wired and addressed like any node; and one that is entered, ended and
// begun again all the same.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunningLab } from "../../src/lab/index.js";
import { buildPrograms, inside, namespacesOf, ownStateFolder, planFrom, processesOf, sandboxOf, up } from "./a-lab.js";

let removeState = (): void => undefined;
beforeAll(() => {
  removeState = ownStateFolder();
  buildPrograms();
});
afterAll(() => removeState());

const plan = (): ReturnType<typeof planFrom> =>
  planFrom(`format: 1
name: bare
routing: { protocol: none, neighbours: fixed }
nodes:
  h1: { kind: host, command: [] }
  h2: { kind: host, command: [] }
links:
  - { endpoints: ["h1:eth1", "h2:eth1"] }
`);

async function reaches(lab: RunningLab, { from, to }: Readonly<Record<"from" | "to", string>>): Promise<void> {
  const address =
    plan()
      .nodes.find(({ name }) => name === to)
      ?.interfaces[0]?.address.split("/")[0] ?? "";
  expect(await inside(lab, from, "ping", "-c", "2", "-i", "0.2", "-W", "2", address)).toMatchObject({ code: 0 });
}

test("hosts that run nothing have no process, and answer when they are entered", async () => {
  await using lab = await up(plan());
  const namespaces = namespacesOf(lab.directory);
  const count = (): number =>
    processesOf(lab.directory, namespaces).filter((pid) => pid !== sandboxOf(lab.directory)).length;
  const before = count();
  const status = await lab.status();
  expect(status.nodes.map(({ state, pid }) => ({ state, pid }))).toEqual([
    { state: "running", pid: 0 },
    { state: "running", pid: 0 },
  ]);
  const [h1, h2] = plan().nodes;
  await reaches(lab, { from: "h1", to: "h2" });
  expect(count()).toBeGreaterThan(before); // the one that was entered has a process now
  const { text } = await inside(lab, "h1", "ip", "-4", "-o", "address", "show");
  expect(text).toContain(`inet ${h1?.loopback ?? ""}/32 scope global lo`);
  expect(text).toContain(`inet ${h1?.interfaces[0]?.address ?? ""} scope global eth1`);
  const neighbours = await inside(lab, "h1", "ip", "neighbour", "show", "dev", "eth1");
  expect(neighbours.text).toContain(`lladdr ${h2?.interfaces[0]?.mac ?? ""} PERMANENT`);
  await lab.down();
});

test("a host without a process ends and begins again", async () => {
  await using lab = await up(plan());
  const hit = { do: "fault", what: "node-kill", how: "", target: "h1", healAfterUs: 0 } as const;
  expect(await lab.fault(hit)).toMatchObject([{ state: "effective" }]);
  expect((await lab.status()).nodes.map(({ state }) => state)).toEqual(["ended", "running"]);
  expect(await lab.heal(0)).toMatchObject([{ state: "healed" }]);
  expect((await lab.status()).nodes.map(({ state }) => state)).toEqual(["running", "running"]);
  await reaches(lab, { from: "h2", to: "h1" });
  await lab.down();
});
