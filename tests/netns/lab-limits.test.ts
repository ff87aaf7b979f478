// Limits of nodes in namespaces, by the kernel's control groups: what a node may use is what it gets, and no group is left.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { netnsRuntime, textIn } from "../../src/lab/index.js";
import { there, until, waiting, type Look } from "../../src/system/index.js";
import { buildPrograms, eventsOf, ownStateFolder, planFrom, sandboxOf, up } from "./a-lab.js";

let removeState = (): void => undefined;
beforeAll(() => {
  buildPrograms();
  removeState = ownStateFolder();
});
afterAll(() => removeState());

const { signal } = new AbortController();
const root = "/sys/fs/cgroup";
const mayNot = process.getuid?.() === 0 ? "" : "needs root";

const groups = (): readonly string[] =>
  ["", "cpu", "memory"]
    .map((name) => join(root, name))
    .filter((path) => existsSync(path))
    .flatMap((path) => readdirSync(path).filter((name) => name.startsWith("testbed-")))
    .toSorted();

/** Busy for three seconds of the wall's, then says how many microseconds of a processor it had. */
const busy = `const start = performance.now(); while (performance.now() - start < 3000); console.log("used", process.cpuUsage().user + process.cpuUsage().system)`;

test("a node gets no more of the processors and of memory than its limits, and no group stays", async ({ skip }) => {
  skip(mayNot !== "", mayNot);
  const before = groups();
  const text = `format: 1
name: limited
nodes:
  slow: { kind: host, command: [${JSON.stringify(process.execPath)}, -e, ${JSON.stringify(busy)}], cpu: 0.2 }
  small: { kind: host, command: [sh, -c, "head -c 200m /dev/zero | tail | wc -c"], memory: 32MiB }
  free: { kind: host, command: [sleep, infinity] }
`;
  await using lab = await up(planFrom(text));
  expect(groups().length).toBeGreaterThan(before.length);
  const look = async (): Promise<Look<number>> => {
    const said = /^used (\d+)$/m.exec((await textIn(lab.folder, "nodes/slow/service.log")) ?? "")?.[1];
    const ended = eventsOf(lab, "process").filter(({ state }) => state === "ended").length;
    return said !== undefined && ended >= 2 ? there(Number(said)) : waiting(`said ${said}, ${ended} ended`);
  };
  const used = await until(look, { timeoutMs: 30_000, everyMs: 100, signal, what: "both hosts to end" });
  // 0.2 of three seconds, and one period of 100 ms that had begun.
  expect(used).toBeLessThan(750_000);
  const said = (await textIn(lab.folder, "nodes/small/service.log")) ?? "";
  expect(said).not.toContain("209715200");
  const pid = (await lab.status()).nodes.find(({ name }) => name === "free")?.pid ?? 0;
  expect(pid).toBeGreaterThan(0);
  await lab.down();
  expect(groups()).toEqual(before);
});

test("the groups of a lab that was killed go with clean", async ({ skip }) => {
  skip(mayNot !== "", mayNot);
  const before = groups();
  const lab = await up(
    planFrom("format: 1\nname: dead\nnodes:\n  h: { kind: host, command: [sleep, infinity], cpu: 1 }\n"),
  );
  await lab[Symbol.asyncDispose]();
  process.kill(sandboxOf(lab.directory), "SIGKILL");
  const look = async (): Promise<Look<true>> =>
    (await netnsRuntime.clean()).includes(lab.directory) ? there(true) : waiting("it is still alive");
  await until(look, { timeoutMs: 10_000, everyMs: 50, signal, what: "the dead lab to be cleaned" });
  expect(groups()).toEqual(before);
  expect(readFileSync("/proc/self/cgroup", "utf8")).not.toContain("testbed-");
});
