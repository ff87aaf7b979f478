// Disks that fill up, cannot be written to, or lose a folder: each is told with what to do, and the rest goes on or goes away whole.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { CliBench, shortExperiment, starTopology } from "./cli-bench.js";

const bench = new CliBench();
const isRoot = process.getuid?.() === 0;

beforeAll(() => {
  bench.write("star.yaml", starTopology("star", 4));
  const fault = "{ at: 1s, fault: interface-down, how: admin, target: leader }";
  bench.write("short.yaml", shortExperiment("star.yaml", fault));
  bench.write("long.yaml", shortExperiment("star.yaml", fault).replace("duration: 4s", "duration: 30s"));
  mkdirSync(join(bench.folder, "disk"));
});
afterEach(async () => {
  await bench.untilNothingIsLeft();
});
afterAll(() => bench.dispose());

/** In a mount namespace of the test's own: `disk` is a small file system of its own there, and here an empty folder. */
const onDisk = (script: string): readonly string[] => [
  "unshare",
  ...(isRoot ? [] : ["--user", "--map-root-user"]),
  "--mount",
  "--propagation",
  "private",
  "--",
  "sh",
  "-ec",
  script,
  "sh",
];
const stateOnDisk = { TESTBED_STATE: join(bench.folder, "disk", "state") };

test("the state folder is on a full disk: exit 4, with what to do, and nothing is left", async () => {
  const under = onDisk(
    'mount -t tmpfs -o size=16k tmpfs disk; mkdir -m 700 disk/state; head -c 20k /dev/zero >disk/filler 2>/dev/null || true; code=0; "$@" || code=$?; ls -A disk/state/labs; exit $code',
  );
  const { code, stdout, stderr } = await bench.run("up star.yaml", { under, environment: stateOnDisk });
  expect(stderr).toMatch(/^testbed: Cannot write ".*\/disk\/state\/labs.*": the disk is full$/m);
  expect(stderr).toContain("\n  → set TESTBED_STATE to a folder of yours on a file system that has room\n");
  expect({ code, stdout }).toEqual({ code: 4, stdout: "" });
});

test("the disk of the state folder is full before every node has begun: exit 4 says that it is, and nothing is left", async () => {
  const under = onDisk(
    'mount -t tmpfs -o size=300k tmpfs disk; mkdir -m 700 disk/state; code=0; "$@" || code=$?; ls -A disk/state/labs; exit $code',
  );
  const { code, stdout, stderr } = await bench.run("up star.yaml", { under, environment: stateOnDisk });
  expect(stderr).toMatch(/the disk (?:of ".*" )?is full/);
  expect(stderr).toContain("set TESTBED_STATE to a folder of yours on a file system that has room\n");
  expect({ code, stdout }).toEqual({ code: 4, stdout: "" });
});

test("the state folder is on a read-only file system: exit 2", async () => {
  const under = onDisk('mount -t tmpfs -o ro tmpfs disk; exec "$@"');
  const { code, stderr } = await bench.run("up star.yaml", { under, environment: stateOnDisk });
  expect(stderr).toMatch(/^testbed: Cannot write ".*\/disk\/state\/labs": that file system is read-only$/m);
  expect(code).toBe(2);
});

test("results below a folder on a read-only file system, which nobody has made yet: exit 2 says so", async () => {
  const under = onDisk('mount -t tmpfs -o ro tmpfs disk; exec "$@"');
  expect(await bench.run("run short.yaml -o disk/results/today", { under })).toEqual({
    code: 2,
    stdout: "",
    stderr:
      'testbed: Cannot write results to "disk/results/today": that file system is read-only\n  → name another folder with --output\n',
  });
});

test("the disk of the state folder fills up during a run: exit 4 says so, the lab goes, and what was measured stays", async () => {
  const under = onDisk(
    'mount -t tmpfs -o size=2400k tmpfs disk; mkdir -m 700 disk/state; code=0; "$@" || code=$?; ls -A disk/state/labs; exit $code',
  );
  const { code, stdout, stderr } = await bench.run("run long.yaml -o results-full", {
    under,
    environment: stateOnDisk,
  });
  expect(stderr).toMatch(/ {2}workload-started \d/);
  expect(stderr).toMatch(
    /^testbed: Cannot write the lab's events to ".*\/disk\/state\/labs\/star\/events\.ndjson": the disk is full$/m,
  );
  expect(stderr).toContain(
    "  → end the lab, make room there or set TESTBED_STATE to a folder elsewhere, and run it again",
  );
  expect({ code, stdout }).toEqual({ code: 4, stdout: "" });
  const lines = readFileSync(join(bench.folder, "results-full", "run-01", "events.ndjson"), "utf8")
    .trim()
    .split("\n");
  expect(lines.length).toBeGreaterThan(50);
  for (const line of lines) JSON.parse(line);
});

test("a results folder that vanishes during a run: exit 4 says so, it does not come back as half of one, and the lab goes", async () => {
  const command = bench.start(["run", "short.yaml", "-o", "results-vanishing"]);
  await command.says("timeline-started");
  rmSync(join(bench.folder, "results-vanishing"), { recursive: true });
  const { code, stdout, stderr } = await command.ended();
  expect(stderr).toMatch(
    /^testbed: Cannot write results to "results-vanishing\/.*": its folder is not there any more$/m,
  );
  expect(stderr).toContain("  → a results folder must stay in its place until its run has ended: run it again\n");
  expect({ code, stdout }).toEqual({ code: 4, stdout: "" });
  expect(existsSync(join(bench.folder, "results-vanishing"))).toBe(false);
});

test("a results folder that is moved away during a run: the same, and what was written is where it was moved to", async () => {
  const command = bench.start(["run", "short.yaml", "-o", "results-moving"]);
  await command.says("timeline-started");
  renameSync(join(bench.folder, "results-moving"), join(bench.folder, "moved"));
  const { code, stderr } = await command.ended();
  expect(stderr).toMatch(/^testbed: Cannot write results to "results-moving\/.*": its folder is not there any more$/m);
  expect(code).toBe(4);
  expect(existsSync(join(bench.folder, "moved", "run-01", "events.ndjson"))).toBe(true);
  expect(existsSync(join(bench.folder, "results-moving"))).toBe(false);
});

test("a results folder one may not write to is refused before anything is created", async ({ skip }) => {
  skip(isRoot, "needs an ordinary user");
  mkdirSync(join(bench.folder, "locked"), { mode: 0o500 });
  expect(await bench.run("run short.yaml -o locked/results")).toEqual({
    code: 2,
    stdout: "",
    stderr:
      'testbed: Cannot write results to "locked/results": you may not write there\n  → name another folder with --output\n',
  });
});
