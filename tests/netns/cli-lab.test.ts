// The life of labs through the command line, each command a process of its own: nothing but the state folder joins them.
import { afterAll, beforeAll, expect, test } from "vitest";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { there, until, waiting, type Look } from "../../src/system/index.js";
import type { LabStatus } from "../../src/lab/index.js";
import { CliBench, starTopology } from "./cli-bench.js";

const bench = new CliBench();
const signal = new AbortController().signal;
interface Fault {
  readonly fault: number;
  readonly target: string;
  readonly state: string;
}

beforeAll(() => {
  bench.write("star.yaml", starTopology("star", 4));
});
afterAll(() => bench.dispose());

const statusOf = async (line = "status"): Promise<LabStatus> =>
  JSON.parse(await bench.good(`${line} -f json`)) as LabStatus;

test("up tells its phases with their times on stderr, and ends when the lab is up", async () => {
  const { code, stdout, stderr } = await bench.run("up star.yaml");
  expect(stdout).toBe("");
  expect(stderr).toMatch(
    /^ {2}sandbox \d+\.\d\d s\n {2}6 namespaces \d+\.\d\d s\n[\s\S]*every service answers \d+\.\d\d s\nlab star is up: /m,
  );
  expect(code).toBe(0);
});
test("status: a table, CSV and JSON of the same nodes", async () => {
  const table = (await bench.good("status")).trim().split("\n");
  const csv = (await bench.good("status -f csv")).trim().split("\n");
  const { nodes, profile, links, faults } = await statusOf();
  expect(table[0]?.split(/ +/)).toEqual([
    "node",
    "kind",
    "address",
    "state",
    "view",
    "leader",
    "height",
    "pool",
    "pid",
  ]);
  expect(csv[0]).toBe("node,kind,address,state,view,leader,height,pool,pid");
  expect(nodes.map((node) => node.name)).toEqual(table.slice(1).map((line) => line.split(" ")[0]));
  expect(nodes.map((node) => node.name)).toEqual(csv.slice(1).map((line) => line.split(",")[0]));
  expect(nodes.filter((node) => node.kind === "orderer").map((node) => node.facts["leader"])).toHaveLength(4);
  expect({ profile, links: links.length, faults }).toEqual({ profile: "fast", links: 6, faults: [] });
});

test("exec runs inside the node's network, and its exit code is ours", async () => {
  const address = (await statusOf()).nodes.find((node) => node.name === "orderer2")?.loopback ?? "none";
  expect(await bench.good("exec orderer2 -- ip -4 -brief address show dev lo")).toContain(address);
  const seven = await bench.start(["exec", "orderer2", "--", "sh", "-c", "echo said; echo talked >&2; exit 7"]).ended();
  expect(seven).toEqual({ code: 7, stdout: "said\n", stderr: "talked\n" });
  const nowhere = await bench.run("exec nobody -- true");
  expect(nowhere.code).toBe(2);
  expect(nowhere.stderr).toContain('There is no node "nobody" in this lab; expected one of orderer1, ');
});

test("logs: what a node's processes wrote, and what they write from now on", async () => {
  const nobody = await bench.run("logs nobody");
  expect(nobody).toMatchObject({
    code: 2,
    stderr: 'testbed: There is no node "nobody" in lab "star"\n  → see: testbed status\n',
  });
  const log = join(bench.state, "labs", "star", "nodes", "orderer1", "extra.log");
  writeFileSync(log, "a first line\n");
  expect(await bench.good("logs orderer1")).toContain("a first line\n");
  const following = bench.start(["logs", "orderer1", "-f"]);
  await following.prints("a first line");
  writeFileSync(log, "a later line\n", { flag: "a" });
  await following.prints("a later line");
  following.kill("SIGINT");
  expect((await following.ended()).code).toBe(130);
  rmSync(log);
});

test("a fault from one process is seen, and healed, from others", async () => {
  const [injected] = await bench.rows<Fault>("fault interface-down orderer4:eth1 --how blackhole");
  expect(injected).toMatchObject({ target: "orderer4:eth1", state: "effective" });
  expect(await bench.rows<Fault>("fault list")).toEqual([injected]);
  expect(await bench.good("fault list -f csv")).toContain("blackhole,orderer4:eth1,orderer4:eth1,effective\n");
  const number = injected?.fault ?? 0;
  expect(await bench.rows<Fault>(`heal ${number}`)).toEqual([{ ...injected, state: "healed" }]);
  const unknown = await bench.run("heal 99");
  expect(unknown).toMatchObject({
    code: 2,
    stderr: "testbed: There is no fault 99 in this lab\n  → see: testbed fault list\n",
  });
  const nothing = await bench.run("fault interface-down orderer9:eth1");
  expect(nothing.code).toBe(2);
  expect(nothing.stderr).toContain('"orderer9:eth1" is nothing in this lab now');
  await bench.good("fault interface-down orderer4:eth1 --for 200ms");
  const look = async (): Promise<Look<true>> => {
    const states = (await bench.rows<Fault>("fault list")).map((fault) => fault.state);
    return states.every((state) => state === "healed") ? there(true) : waiting(states.join(", "));
  };
  await until(look, { timeoutMs: 10_000, everyMs: 50, signal, what: "a fault with an end to heal" });
});

test("a fault that fails says why, and exits with 1", async () => {
  await bench.good("fault process-kill peer1");
  const { code, stderr } = await bench.run("fault process-kill peer1");
  expect(stderr).toMatch(/^testbed: Fault \d+ failed at peer1: .*peer1.*$/m);
  expect(code).toBe(1);
  await bench.run("heal");
  expect((await bench.rows<Fault>("fault list")).map(({ state }) => state)).not.toContain("effective");
});

test("a second topology of that name is held against the lab: the same is nothing to do, a foreign one is refused", async () => {
  const before = await statusOf();
  expect(await bench.run("up star.yaml")).toMatchObject({
    code: 0,
    stdout: "lab star is as the file says: nothing to change\n",
  });
  bench.write("larger.yaml", starTopology("star", 5));
  const { code, stderr } = await bench.run("up larger.yaml");
  expect(stderr).toContain('testbed: Cannot change lab "star": node orderer5: an orderer cannot join');
  expect(code).toBe(2);
  const after = await statusOf();
  expect(after.nodes.map((node) => node.pid)).toEqual(before.nodes.map((node) => node.pid));
});

test("two labs side by side share nothing; a command that could mean both asks", async () => {
  await bench.good("up star.yaml --name other");
  const labs = await bench.rows<{ readonly lab: string; readonly state: string }>("labs");
  expect(labs).toMatchObject([
    { lab: "other", state: "running" },
    { lab: "star", state: "running" },
  ]);
  const both = await bench.run("status");
  expect(both).toMatchObject({
    code: 2,
    stderr: "testbed: 2 labs are running\n  → name one with --lab: other, star\n",
  });
  const [left = "", right = ""] = await Promise.all(
    ["star", "other"].map((lab) => bench.good(`exec --lab ${lab} orderer1 -- readlink /proc/self/ns/net`)),
  );
  expect(left).toMatch(/^net:/);
  expect(left).not.toBe(right);
  await bench.good("fault interface-down orderer1 --lab other");
  expect(await bench.rows<Fault>("fault list --lab star")).not.toContainEqual(
    expect.objectContaining({ target: "orderer1:eth1" }),
  );
  expect((await bench.run("down --lab other")).stderr).toBe("lab other is down\n");
  expect((await statusOf()).nodes.every((node) => node.state === "running")).toBe(true);
});

test("a dead lab is told as such, and clean removes it and nothing else", async () => {
  await bench.good("up star.yaml --name dead");
  const before = await statusOf("status --lab star");
  await bench.killSandbox("dead");
  expect(await bench.rows("labs")).toMatchObject([
    { lab: "dead", state: "dead" },
    { lab: "star", state: "running" },
  ]);
  const down = await bench.run("down --lab dead");
  expect(down.code).toBe(2);
  expect(down.stderr).toMatch(/^testbed: Lab "dead" is dead: [\s\S]*testbed clean/);
  const folder = join(bench.state, "labs", "dead");
  expect(await bench.run("clean")).toEqual({ code: 0, stdout: "", stderr: `removed ${folder}\n` });
  expect(existsSync(folder)).toBe(false);
  expect((await bench.run("clean")).stderr).toBe("nothing to remove\n");
  const after = await statusOf();
  expect(after.nodes.map((node) => node.pid)).toEqual(before.nodes.map((node) => node.pid));
});

test("a lab whose agent hangs goes down all the same", async () => {
  await bench.good("up star.yaml --name hung");
  bench.stopAgent("hung");
  const { code, stderr } = await bench.run("down --lab hung");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "lab hung is down\n" });
  expect((await bench.rows<{ readonly lab: string }>("labs")).map(({ lab }) => lab)).toEqual(["star"]);
});

test("doctor names every capability, with what is lost without it", async () => {
  const rows = await bench.rows<Record<string, string>>("doctor");
  expect(rows.map((row) => row["capability"])).toEqual(
    expect.arrayContaining(["Debian packages", "user namespaces with a link inside", "sch_netem", "FRR daemons"]),
  );
  for (const row of rows) {
    expect(row["detail"]).not.toBe("");
    expect(row["lost without it"] === "").toBe(row["state"] === "yes");
  }
});

test("down ends the lab and everything of it; what asks for a lab then says that there is none", async () => {
  const networks = bench.networks(bench.processes());
  expect(networks.size).toBeGreaterThan(6);
  expect((await bench.run("down")).stderr).toBe("lab star is down\n");
  expect(bench.leftovers()).toEqual([]);
  for (const network of bench.networks(bench.everyProcess())) expect(networks).not.toContain(network);
  for (const line of ["status", "down", "fault list", "heal", "logs orderer1", "exec orderer1 -- true"]) {
    expect(await bench.run(line), `testbed ${line}`).toEqual({
      code: 2,
      stdout: "",
      stderr: "testbed: No lab is running\n  → start one with: testbed up TOPOLOGY\n",
    });
  }
  expect(await bench.good("labs -f csv")).toBe("lab,runtime,state,started,directory\n");
});
