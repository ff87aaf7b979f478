// The command line on docker: into a node and out of it, its logs, and a run whose command line was killed.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import Docker from "dockerode";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { buildNodeImage } from "../../src/lab/index.js";
import { buildPrograms } from "../netns/a-lab.js";
import { CliBench, shortExperiment, starTopology } from "../netns/cli-bench.js";

const noEngine = inject("noEngine");
const bench = new CliBench();
const surroundings = { environment: { DOCKER_HOST: inject("engine") } };

beforeAll(async () => {
  if (noEngine !== "") return;
  process.env["DOCKER_HOST"] = inject("engine");
  buildPrograms();
  await buildNodeImage({ signal: new AbortController().signal, progress: () => undefined });
  bench.write("star.yaml", starTopology("dockerstar", 4));
  const fault = "{ at: 1s, fault: interface-down, how: blackhole, target: follower, for: 1s }";
  bench.write("short.yaml", shortExperiment("star.yaml", fault));
}, 600_000);
afterAll(() => bench.dispose());

const containers = async (): Promise<readonly string[]> =>
  (await new Docker().listContainers({ all: true, filters: { label: ["testbed.lab=dockerstar"] } })).flatMap(
    ({ Names }) => Names,
  );

test("exec, shell and logs reach into a container", async ({ skip }) => {
  skip(noEngine !== "", noEngine);
  const run = (...words: readonly string[]) => bench.start(words, surroundings).ended();
  expect(await run("up", "star.yaml", "--runtime", "docker")).toMatchObject({ code: 0 });
  expect(await run("exec", "orderer1", "--", "hostname")).toEqual({ code: 0, stdout: "orderer1\n", stderr: "" });
  expect(await run("exec", "orderer1", "--", "sh", "-c", "echo no >&2; exit 7")).toEqual({
    code: 7,
    stdout: "",
    stderr: "no\n",
  });
  expect(await run("exec", "orderer1", "--", "vtysh", "-c", "show daemons")).toMatchObject({ code: 0, stderr: "" });
  // A shell without a terminal reads its commands and ends with them: there are none.
  expect(await run("shell", "orderer1")).toEqual({ code: 0, stdout: "", stderr: "" });
  const none = await run("exec", "orderer9", "--", "true");
  expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('There is no node "orderer9" in this lab')]);
  const logs = await run("logs", "orderer1");
  expect([logs.code, logs.stdout]).toEqual([0, expect.stringMatching(/ZEBRA|STATIC|zebra|staticd/)]);
  const killed = await run("fault", "node-kill", "orderer4", "-f", "json");
  expect(killed).toMatchObject({ code: 0 });
  const refused = await run("exec", "orderer4", "--", "true");
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining("orderer4")]);
  expect((await run("heal")).code).toBe(0);
  expect(await run("exec", "orderer4", "--", "true")).toMatchObject({ code: 0 });
  expect(await run("down")).toEqual({ code: 0, stdout: "", stderr: "lab dockerstar is down\n" });
  expect(await containers()).toEqual([]);
}, 120_000);

test("a run whose command line was killed is finished by run --resume, whole", async ({ skip }) => {
  skip(noEngine !== "", noEngine);
  const words = ["run", "short.yaml", "--runtime", "docker", "-o", "results-resumed"];
  const command = bench.start(words, surroundings);
  await command.says("timeline-started");
  command.kill("SIGKILL");
  await command.ended();
  const resumed = await bench.start(["run", "--resume", "dockerstar"], surroundings).ended();
  expect(resumed.stderr).toMatch(/^repetition 1 of 1, from its first event on\n/);
  expect([0, 1]).toContain(resumed.code);
  const lines = readFileSync(join(bench.folder, "results-resumed", "run-01", "events.ndjson"), "utf8")
    .trim()
    .split("\n");
  const events = lines.map((line) => JSON.parse(line) as { readonly kind: string; readonly phase?: string });
  expect([events[0]?.kind, events.at(-1)]).toEqual(["environment", expect.objectContaining({ phase: "stopped" })]);
  expect(events.filter(({ kind }) => kind === "environment")).toHaveLength(1);
  expect([await containers(), bench.leftovers()]).toEqual([[], []]);
}, 120_000);
