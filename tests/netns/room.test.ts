// Limits that are too small for a topology are told before anything is created, each with the line that raises it. They are made
// small by the test alone: in mounts, groups and processes of its own. And the shares that are asked for are those of real labs.
import { existsSync, mkdirSync, readFileSync, readdirSync, readlinkSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { demandOf, netnsRuntime } from "../../src/lab/index.js";
import { lineOfRouters, namespacesOf, planFrom, processesOf } from "./a-lab.js";
import { CliBench, shortExperiment, starTopology } from "./cli-bench.js";

const bench = new CliBench();
const star = starTopology("star", 4);
const isRoot = process.getuid?.() === 0;

beforeAll(() => {
  bench.write("star.yaml", star);
  bench.write("short.yaml", shortExperiment("star.yaml", "{ at: 1s, fault: process-kill, target: leader }"));
  mkdirSync(join(bench.state, "labs"), { mode: 0o700 });
});
function nothingWasMade(): void {
  expect(bench.processes()).toEqual([]);
  expect(readdirSync(join(bench.state, "labs"))).toEqual([]);
}
afterEach(nothingWasMade);
afterAll(() => bench.dispose());

const unshare = [
  "unshare",
  ...(isRoot ? [] : ["--user", "--map-root-user"]),
  "--mount",
  "--propagation",
  "private",
  "--",
];
/** The kernel's own setting is the machine's: the program is shown another file in its place. */
const withSetting = (path: string, value: number): readonly string[] => [
  ...unshare,
  "sh",
  "-ec",
  'echo "$2" >there && mount --bind there "$1" && shift 2 && exec "$@"',
  "sh",
  path,
  String(value),
];

test.each([
  [
    "kernel.pid_max",
    "/proc/sys/kernel/pid_max",
    301,
    /room for \d+ processes and threads: kernel\.pid_max is 301, and \d+ are there/,
  ],
  [
    "kernel.threads-max",
    "/proc/sys/kernel/threads-max",
    99,
    /room for \d+ processes and threads: kernel\.threads-max is 99, and \d+ are there/,
  ],
  [
    "net.ipv4.neigh.default.gc_thresh3",
    "/proc/sys/net/ipv4/neigh/default/gc_thresh3",
    29,
    /room for 30 neighbours in the machine's ARP table: net\.ipv4\.neigh\.default\.gc_thresh3 is 29, and \d+ are there/,
  ],
])("%s: exit 3 with the line that raises it", async (name, path, value, lack) => {
  for (const line of ["up star.yaml", "run short.yaml -o results"]) {
    const { code, stdout, stderr } = await bench.run(line, { under: withSetting(path, value) });
    expect(stderr).toMatch(lack);
    expect(stderr).toMatch(
      new RegExp(`^ {2}→ sudo sysctl -w ${name.replaceAll(".", "\\.")}=\\d+.*; or use a smaller topology$`, "m"),
    );
    expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
  }
  expect(existsSync(join(bench.folder, "results"))).toBe(false);
});

test("40 orderers on a switch are too many for the ARP table as the kernel has it, and not with fixed neighbours", async () => {
  const many = bench.write("many.yaml", starTopology("many", 40));
  const { code, stderr } = await bench.run(`up ${many}`, {
    under: withSetting("/proc/sys/net/ipv4/neigh/default/gc_thresh3", 1024),
  });
  expect(stderr).toContain("room for 1722 neighbours in the machine's ARP table: ");
  expect(stderr).toContain("or write   routing: { neighbours: fixed }");
  expect(code).toBe(3);
  const fixed = starTopology("many", 40).replace("{ protocol: static }", "{ protocol: static, neighbours: fixed }");
  expect(demandOf(planFrom(fixed)).arpEntries).toBe(0);
});

test("open files: exit 3 names the hard limit", async () => {
  const { code, stdout, stderr } = await bench.run("up star.yaml", { under: ["prlimit", "--nofile=100:100", "--"] });
  expect(stderr).toMatch(
    /^testbed: This machine lacks room for \d+ open files in one process: your hard limit \(ulimit -Hn\) is 100$/m,
  );
  expect(stderr).toMatch(/^ {2}→ raise it: ulimit -Hn \d+ as root, /m);
  expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
});

test("processes of a user: exit 3 names the limit", async ({ skip }) => {
  skip(isRoot, "needs an ordinary user");
  const { code, stderr } = await bench.run("up star.yaml", { under: ["prlimit", "--nproc=150:150", "--"] });
  expect(stderr).toMatch(/room for \d+ processes and threads: your limit \(ulimit -u\) is 150, and \d+ are there/);
  expect(code).toBe(3);
});

test("a control group that holds fewer processes: exit 3 names its file", async ({ skip }) => {
  const hierarchy = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"].find((path) => existsSync(path)) ?? "";
  const group = join(hierarchy, `testbed-limits-${process.pid}`);
  skip(
    !isRoot || !madeFolder(group) || !existsSync(join(group, "pids.max")),
    "needs root and control groups that count pids",
  );
  try {
    writeFileSync(join(group, "pids.max"), "100");
    const under = ["sh", "-ec", 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"', "sh", group];
    const { code, stderr } = await bench.run("up star.yaml", { under });
    expect(stderr).toMatch(/room for \d+ processes and threads: \S+\/pids\.max is 100, and \d+ are there/);
    expect(stderr).toContain(`${group}/pids.max`);
    expect(code).toBe(3);
  } finally {
    rmdirSync(group);
  }
});

function madeFolder(path: string): boolean {
  try {
    mkdirSync(path);
    return true;
  } catch {
    return false; // read-only, as in most containers: the reason of the skip says what is needed
  }
}

test.each([
  ["orderers, a peer and a client", () => planFrom(star.replace("name: star", "name: shares"))],
  ["routers with OSPF", () => lineOfRouters("shares", 5)],
])("what a lab of %s is said to need is what it uses, and not three times that", async (_, planOf) => {
  const plan = planOf();
  process.env["TESTBED_STATE"] = bench.state;
  const options = { seed: "1", messageTrace: true, progress: () => undefined, signal: new AbortController().signal };
  await using lab = await netnsRuntime.up(plan, options);
  try {
    const pids = processesOf(lab.directory, namespacesOf(lab.directory));
    const tasks = pids.map((pid) => readdirSync(`/proc/${pid}/task`).length).reduce((sum, each) => sum + each, 0);
    const agent =
      pids.find(
        (pid) =>
          readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("agent.mjs\0") &&
          readdirSync(`/proc/${pid}/task`).length > 3,
      ) ?? 0;
    const files = readdirSync(`/proc/${agent}/fd`);
    const demand = demandOf(plan);
    // A run adds a resident tool for each node: its processes and pipes are not there yet.
    expect([demand.tasks, tasks * 3].join(" > ")).toSatisfy(() => demand.tasks >= tasks && demand.tasks < tasks * 3);
    expect(`${demand.agentFiles} for ${files.length}`).toSatisfy(() => demand.agentFiles >= files.length);
    // Nothing of ours is told of files by inotify: there is nothing to check.
    const descriptors = pids.flatMap((pid) =>
      readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`)),
    );
    expect(descriptors.filter((link) => link.includes("inotify"))).toEqual([]);
  } finally {
    await lab.down();
  }
});

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ""; // closed in between
  }
}
