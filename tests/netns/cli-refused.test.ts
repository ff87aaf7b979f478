// What this machine lacks, or a place that cannot be used, is said before anything is created: same processes, same files
// before and after. Lacks are made by the test, in namespaces of its own, so that they are the same everywhere.
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { CliBench, root, shortExperiment, starTopology } from "./cli-bench.js";

const bench = new CliBench();
/** A client reaches its orderers by a link of 50 ms. */
const farTopology = `format: 1
name: far
profile: fast
nodes:
  r1: { kind: router }
${["orderer1", "orderer2", "orderer3", "orderer4"].map((name) => `  ${name}: { kind: orderer }`).join("\n")}
  peer1: { kind: peer }
  client1: { kind: client }
links:
${["orderer1", "orderer2", "orderer3", "orderer4", "peer1"].map((name, index) => `  - { endpoints: ["${name}:eth1", "r1:eth${index + 1}"] }`).join("\n")}
  - { endpoints: ["client1:eth1", "r1:eth6"], delay: 50ms }
`;
let before: readonly string[] = [];
const inventory = (): readonly string[] => readdirSync(bench.folder, { recursive: true, encoding: "utf8" }).toSorted();

beforeAll(() => {
  bench.write("star.yaml", starTopology("star", 4));
  bench.write("far.yaml", farTopology);
  const fault = "{ at: 1s, fault: interface-down, how: admin, target: leader }";
  bench.write("short.yaml", shortExperiment("star.yaml", fault));
  bench.write("far-experiment.yaml", shortExperiment("far.yaml", fault));
  mkdirSync(join(bench.folder, "there"));
  mkdirSync(join(bench.state, "labs"), { mode: 0o700 });
  before = inventory();
});
function nothingHasChanged(): void {
  expect(bench.processes()).toEqual([]);
  expect(inventory()).toEqual(before);
}
afterEach(nothingHasChanged);
afterAll(() => bench.dispose());

/** A mount namespace of the test's own; an ordinary user needs a user namespace to make one. */
const privateMounts =
  process.getuid?.() === 0
    ? ["unshare", "--mount", "--propagation", "private", "--"]
    : ["unshare", "--user", "--map-root-user", "--mount", "--propagation", "private", "--"];
const inPrivateMounts = (script: string): readonly string[] => [
  ...privateMounts,
  "sh",
  "-ec",
  `${script}; exec "$@"`,
  "sh",
];

test("FRR is missing: exit 3 with the very line that installs it", async () => {
  const under = inPrivateMounts("mount -t tmpfs tmpfs /usr/lib/frr");
  for (const line of ["up star.yaml", "run short.yaml -o results"]) {
    expect(await bench.run(line, { under })).toEqual({
      code: 3,
      stdout: "",
      stderr: `testbed: This machine lacks package frr
  → sudo apt-get install --yes --no-install-recommends frr
`,
    });
  }
});

test("user namespaces are denied to an ordinary user: exit 3 names the setting that denies them", async () => {
  // In a user namespace of the test's own the limit is its own too; without capabilities its root is an ordinary user.
  const deny = "echo 0 > /proc/sys/user/max_user_namespaces";
  const drop = "setpriv --inh-caps=-all --ambient-caps=-all --bounding-set=-all";
  const under = ["unshare", "--user", "--map-root-user", "sh", "-ec", `${deny}; exec ${drop} "$@"`, "sh"];
  const { code, stdout, stderr } = await bench.run("up star.yaml", { under });
  expect(stderr).toMatch(
    /^testbed: This machine lacks the right to make a user namespace with a link inside \(sysctl user\.max_user_namespaces is 0.*\): it said "unshare: .*"\n {2}→ run it as root, or let an administrator change that setting; see: testbed doctor\n$/,
  );
  expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
});

test("the kernel lacks sch_netem: exit 3 names it and the links that ask for it, and there is no results folder", async (context) => {
  const probe = [
    "unshare",
    "--user",
    "--map-root-user",
    "--net",
    "tc",
    "qdisc",
    "add",
    "dev",
    "lo",
    "root",
    "netem",
    "delay",
    "1ms",
  ];
  const [command = "", ...args] = probe;
  const environment = { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` };
  if (spawnSync(command, args, { env: environment }).status === 0) context.skip("needs a kernel without sch_netem");
  const wan = join(root, "topologies", "bft4-wan.yaml");
  for (const [line, asks] of [
    [`up ${wan}`, "5 links ask for (r1:eth1 – r2:eth1, "],
    ["up far.yaml", "link client1:eth1 – r1:eth6 asks for "],
    ["run far-experiment.yaml -o results", "link client1:eth1 – r1:eth6 asks for "],
  ] as const) {
    const { code, stdout, stderr } = await bench.run(line);
    expect(stderr).toContain(`testbed: This machine lacks kernel module sch_netem, which ${asks}`);
    expect(stderr).toContain("\n  → use a kernel that has it, take the impairment out, ");
    expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
  }
});

test("a results folder that exists is refused, and left as it is", async () => {
  expect(await bench.run("run short.yaml -o there")).toEqual({
    code: 2,
    stdout: "",
    stderr: 'testbed: Cannot write results to "there": it exists already\n  → name another folder with --output\n',
  });
  expect(await bench.run("run short.yaml -o star.yaml/results")).toMatchObject({
    code: 2,
    stderr:
      'testbed: Cannot write results to "star.yaml/results": a part of that path is a file\n  → name another folder with --output\n',
  });
});

test("a results folder on a read-only file system is refused", async () => {
  const under = inPrivateMounts("mount -t tmpfs -o ro tmpfs there");
  expect(await bench.run("run short.yaml -o there/results", { under })).toEqual({
    code: 2,
    stdout: "",
    stderr:
      'testbed: Cannot write results to "there/results": that file system is read-only\n  → name another folder with --output\n',
  });
});

test("a disk that is full before the first event: exit 4, and no half of a results folder", async () => {
  // The shell stays, to look into the file system that only it sees.
  const script = 'mount -t tmpfs -o size=16k tmpfs there; code=0; "$@" || code=$?; ls -A there; exit $code';
  const looking = [...privateMounts, "sh", "-ec", script, "sh"];
  const { code, stdout, stderr } = await bench.run("run short.yaml -o there/results", { under: looking });
  expect(stderr).toBe(
    'testbed: Cannot write results to "there/results": the disk is full\n  → what was written before is intact; make room, or name another folder with --output\n',
  );
  expect({ code, stdout }).toEqual({ code: 4, stdout: "" });
});

test("a disk that fills up during a run: exit 4, and the lab is torn down", async () => {
  const under = inPrivateMounts("mount -t tmpfs -o size=400k tmpfs there");
  const { code, stdout, stderr } = await bench.run("run short.yaml -o there/results", { under });
  expect(stderr).toMatch(/ {2}workload-started \d+\.\d\d s\n/);
  expect(stderr).toContain(
    'testbed: Cannot write results to "there/results/run-01/events.ndjson": the disk is full\n  → what was written before is intact; ',
  );
  expect({ code, stdout }).toEqual({ code: 4, stdout: "" });
  expect(existsSync(join(bench.state, "labs", "star"))).toBe(false);
});

test("a state folder that others may enter, or with a path too long for a socket, is refused", async () => {
  const open = await bench.run("up star.yaml", { environment: { TESTBED_STATE: bench.folder } });
  expect(open.code).toBe(2);
  expect(open.stderr).toContain(`testbed: ${bench.folder}: owned by user `);
  const deep = join(bench.state, "a".repeat(90));
  const long = await bench.run("up star.yaml", { environment: { TESTBED_STATE: deep } });
  expect(long.code).toBe(2);
  expect(long.stderr).toMatch(/the path of a unix socket holds at most 107\n {2}→ set TESTBED_STATE to a shorter path/);
});
