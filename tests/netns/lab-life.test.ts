// The life of a lab: it comes up, is found from elsewhere, goes without leaving anything; and every way in which that can fail.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { netnsRuntime } from "../../src/lab/index.js";
import { there, until, waiting } from "../../src/system/index.js";
import {
  buildPrograms,
  eventsOf,
  inside,
  lineOfRouters,
  namespacesOf,
  ownStateFolder,
  processesOf,
  sandboxOf,
  up,
} from "./a-lab.js";

let removeState = (): void => undefined;
const signal = new AbortController().signal;

beforeAll(() => {
  removeState = ownStateFolder();
  buildPrograms();
});
afterAll(() => removeState());
// A test that fails leaves its lab to nobody: the next one begins with none.
afterEach(async () => {
  for (const { name, alive } of await netnsRuntime.list()) {
    if (!alive) continue;
    await using lab = await netnsRuntime.attach(name);
    await lab.down();
  }
  await netnsRuntime.clean();
});

const labsFolder = (): string => join(process.env["TESTBED_STATE"] ?? "", "labs");
const leftovers = (): readonly string[] => (existsSync(labsFolder()) ? readdirSync(labsFolder()) : []);

async function gone(directory: string, namespaces: ReadonlySet<string>): Promise<void> {
  const look = (): ReturnType<typeof waiting> | ReturnType<typeof there<true>> => {
    const left = processesOf(directory, namespaces);
    return left.length === 0 ? there(true) : waiting(`processes ${left.join(", ")} are left`);
  };
  await until(look, { timeoutMs: 5_000, everyMs: 10, signal, what: "the lab's processes to end" });
}

test("a lab comes up, is found from another process, and leaves nothing when it goes down", async () => {
  const phases: string[] = [];
  await using lab = await up(lineOfRouters("life", 3), { progress: ({ phase }) => phases.push(phase) });
  expect(phases).toEqual([
    "sandbox",
    "3 namespaces",
    "2 links, 0 switches",
    "nodes started",
    "every node has every route",
    "every service answers",
  ]);
  await using again = await netnsRuntime.attach("life");
  const status = await again.status();
  expect(status.nodes.map((node) => [node.name, node.state])).toEqual([
    ["r1", "running"],
    ["r2", "running"],
    ["r3", "running"],
  ]);
  expect(status.links.every((link) => link.up)).toBe(true);
  expect((await netnsRuntime.list()).map((each) => [each.name, each.alive])).toEqual([["life", true]]);

  const far = status.nodes[2]?.loopback ?? "";
  const near = status.nodes[0]?.loopback ?? "";
  const route = await inside(again, "r1", "ip", "-4", "route", "get", far);
  expect(route.text).toContain(`src ${near}`);
  expect((await inside(again, "r1", "vtysh", "-c", "show daemons")).text.trim()).toBe("zebra ospfd");
  expect((await inside(again, "r1", "ip", "route", "show", "default")).text).toBe("");

  const [environment, ...rest] = readFileSync(join(lab.directory, "events.ndjson"), "utf8").split("\n");
  expect(JSON.parse(environment ?? "")).toMatchObject({
    kind: "environment",
    format: 1,
    clock: "monotonic",
    lab: "life",
  });
  expect(rest.length).toBeGreaterThan(20);
  expect(eventsOf(lab, "process").filter((event) => event.state === "started")).toHaveLength(6);
  expect(eventsOf(lab, "phase").map((event) => event.phase)).toEqual(["ready"]);

  const namespaces = namespacesOf(lab.directory);
  expect(processesOf(lab.directory, namespaces).length).toBeGreaterThan(10);
  await lab.down();
  expect(processesOf(lab.directory, namespaces)).toEqual([]);
  expect(leftovers()).toEqual([]);
});

test("of two labs with one name the second is refused, and two with different names do not meet", async () => {
  await using first = await up(lineOfRouters("one", 2));
  await expect(up(lineOfRouters("one", 2))).rejects.toThrow(/Lab "one" is running already/);
  await using second = await up(lineOfRouters("two", 2));
  expect((await netnsRuntime.list()).map((each) => each.name)).toEqual(["one", "two"]);
  await first.down();
  expect((await second.status()).nodes).toHaveLength(2);
  await second.down();
  expect(leftovers()).toEqual([]);
});

test("when the agent is killed the kernel takes everything, and clean removes the folder", async () => {
  await using lab = await up(lineOfRouters("killed", 2));
  const namespaces = namespacesOf(lab.directory);
  const sandbox = sandboxOf(lab.directory);
  const [agent] = readFileSync(`/proc/${sandbox}/task/${sandbox}/children`, "utf8").trim().split(" ").map(Number);
  process.kill(agent ?? 0, "SIGKILL");
  await gone(lab.directory, namespaces);
  expect((await netnsRuntime.list()).map((each) => [each.name, each.alive])).toEqual([["killed", false]]);
  await expect(netnsRuntime.attach("killed")).rejects.toThrow(/Lab "killed" is dead/);
  expect(await netnsRuntime.clean()).toEqual([join(labsFolder(), "killed")]);
  expect(leftovers()).toEqual([]);
});

test("a dead lab's name can be taken again, and that is said", async () => {
  await using lab = await up(lineOfRouters("again", 2));
  const namespaces = namespacesOf(lab.directory);
  process.kill(sandboxOf(lab.directory), "SIGKILL");
  await gone(lab.directory, namespaces);
  const phases: string[] = [];
  await using next = await up(lineOfRouters("again", 2), { progress: ({ phase }) => phases.push(phase) });
  expect(phases[0]).toBe('removed the folder of a dead lab "again"');
  await next.down();
});

test.each(["sandbox", "2 namespaces", "nodes started"])("interrupted after '%s' nothing is left", async (after) => {
  const interrupt = new AbortController();
  const progress = ({ phase }: { readonly phase: string }): void => {
    if (phase === after) interrupt.abort(new Error("interrupted"));
  };
  await expect(up(lineOfRouters("interrupted", 2), { signal: interrupt.signal, progress })).rejects.toThrow(
    "interrupted",
  );
  expect(processesOf(join(labsFolder(), "interrupted"))).toEqual([]);
  expect(leftovers()).toEqual([]);
});

test("ospfd killed in r1 before it has converged: up fails and names r1, ospfd and the routes", async () => {
  // Routes are computed 10 s after the first news: time enough to kill it before, however busy the machine is.
  const plan = lineOfRouters("mute", 3, "", "hello: 1s, dead: 4s, spf-delay: 10s");
  const directory = join(labsFolder(), "mute");
  const bringing = up(plan);
  const killed = until(() => killOspfd(directory), { timeoutMs: 20_000, everyMs: 2, signal, what: "ospfd in r1" });
  const lacking = plan.nodes[0]?.routesExpected[0] ?? "";
  await expect(bringing).rejects.toThrow(
    new RegExp(`ospfd in r1 ended with signal 9.*lacks .*${lacking.replaceAll(".", "\\.")}`, "s"),
  );
  await killed;
  expect(processesOf(directory)).toEqual([]);
  expect(leftovers()).toEqual([]);
});

/** Kills r1's ospfd as soon as it runs: found on this machine by the mount of r1's own folder that its namespace has. */
function killOspfd(directory: string): ReturnType<typeof waiting> | ReturnType<typeof there<number>> {
  // mountinfo tells a path from the root of its file system, and /tmp may be one of its own: the folder's own name is enough.
  const state = basename(dirname(dirname(directory)));
  const mounted = `/${state}/labs/${basename(directory)}/nodes/r1/frr/etc`;
  for (const entry of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const command = readFileSync(`/proc/${entry}/cmdline`, "utf8");
      if (!command.startsWith("/usr/lib/frr/ospfd")) continue;
      if (!readFileSync(`/proc/${entry}/mountinfo`, "utf8").includes(mounted)) continue;
      process.kill(Number(entry), "SIGKILL");
      return there(Number(entry));
    } catch (error) {
      if (
        error instanceof Error &&
        "code" in error &&
        ["ENOENT", "ESRCH", "EACCES", "EINVAL"].includes(String(error.code))
      )
        continue;
      throw error;
    }
  }
  return waiting("not there yet");
}

test("a state folder that cannot be used is refused by name", async () => {
  const before = process.env["TESTBED_STATE"];
  try {
    process.env["TESTBED_STATE"] = `/tmp/${"deep/".repeat(20)}`;
    await expect(up(lineOfRouters("deep", 2))).rejects.toThrow(/the path of a unix socket holds at most 107/);
    process.env["TESTBED_STATE"] = "/run/testbed";
    await expect(up(lineOfRouters("hidden", 2))).rejects.toThrow(/\/run is private inside a lab/);
    process.env["TESTBED_STATE"] = "/tmp";
    await expect(up(lineOfRouters("shared", 2))).rejects.toThrow(/expected a folder of yours with mode 700/);
  } finally {
    process.env["TESTBED_STATE"] = before;
  }
});
