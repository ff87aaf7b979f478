// An engine elsewhere, by a context of the docker client, used by a user with no right on this machine but to reach it: a run from up
// to down, nodes entered, logs read. Then that engine is killed in the middle of a run, and what it left is found and removed.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import Docker from "dockerode";
import { execa } from "execa";
import { afterAll, afterEach, beforeAll, expect, inject, test } from "vitest";
import { containerName, labelsOf, nodeRole } from "../../src/lab/docker/containers.js";
import { there, until, waiting, type Look } from "../../src/system/index.js";
import { root, shortExperiment, starTopology } from "../netns/cli-bench.js";
import { clientFolder, FarEngine } from "./far-engine.js";
import { image, noEngine, onEngine, signal } from "./on-engine.js";

onEngine();

const user = 61_234;
let far: FarEngine;
let folder = "";
let environment: Readonly<Record<string, string>> = {};

beforeAll(async () => {
  if (noEngine !== "") return;
  folder = mkdtempSync("/tmp/testbed-user-");
  for (const part of ["dist", "images", "package.json", "node_modules/koffi", "node_modules/@koromix"]) {
    cpSync(join(root, part), join(folder, "project", part), { recursive: true });
  }
  mkdirSync(join(folder, "state"), { mode: 0o700 });
  writeFileSync(join(folder, "star.yaml"), starTopology("star", 4));
  writeFileSync(
    join(folder, "short.yaml"),
    shortExperiment("star.yaml", "{ at: 1s, fault: interface-down, how: admin, target: leader }"),
  );
  far = new FarEngine(folder);
  const client = clientFolder(folder, "far", far.address);
  environment = {
    HOME: folder,
    DOCKER_CONFIG: client,
    TESTBED_STATE: join(folder, "state"),
    PATH: process.env["PATH"] ?? "",
  };
  execFileSync("chown", ["-R", `${user}:${user}`, folder]);
  await far.give(new Docker({ socketPath: inject("engine").replace("unix://", "") }), image);
}, 300_000);

/** A test that fails leaves nothing to the next; after one that does not there is none to end. */
afterEach(async () => {
  if (noEngine === "") await testbed("down", "--lab", "star");
});

afterAll(() => {
  if (noEngine !== "") return;
  far.dispose();
  rmSync(folder, { recursive: true, force: true });
});

/** The command line as an ordinary user runs it. */
function testbed(...words: readonly string[]) {
  const asUser = ["--reuid", String(user), "--regid", String(user), "--clear-groups"];
  const program = [process.execPath, join(folder, "project", "dist", "testbed.mjs"), ...words];
  return execa("setpriv", [...asUser, ...program], {
    cwd: folder,
    env: environment,
    extendEnv: false,
    reject: false,
    stdin: "ignore",
  });
}

const good = async (...words: readonly string[]): Promise<string> => {
  const { exitCode, stdout, stderr } = await testbed(...words);
  if (exitCode !== 0) throw new Error(`testbed ${words.join(" ")}: exit code ${exitCode}\n${stdout}\n${stderr}`);
  return stdout;
};

async function left(): Promise<readonly unknown[]> {
  const containers = (await far.client.listContainers({ all: true })).flatMap(({ Names }) => Names);
  return [containers, (await far.client.listVolumes()).Volumes ?? [], readdirSync(join(folder, "state"))];
}

test("an ordinary user runs an experiment on an engine elsewhere, and nothing of it was ever on this machine", async ({
  skip,
}) => {
  skip(noEngine !== "", noEngine);
  const { exitCode, stderr } = await testbed("run", "short.yaml", "-o", "results");
  expect(stderr).toContain(`runtime docker (engine `);
  expect(stderr).toContain(` answers at ${far.address} (context far))`);
  // On a busy machine the verdict may be unknown: here it is the way that is looked at.
  if (exitCode !== 0 && exitCode !== 1) throw new Error(`exit code ${exitCode}\n${stderr}`);
  const manifest: unknown = JSON.parse(readFileSync(join(folder, "results", "manifest.json"), "utf8"));
  expect(manifest).toMatchObject({ runtime: "docker", runtimeReason: expect.stringContaining(far.address) as unknown });
  const events = readFileSync(join(folder, "results", "run-01", "events.ndjson"), "utf8")
    .trim()
    .split("\n");
  const kinds = events.map((line) => JSON.parse(line) as { kind: string; phase?: string; runtime?: string });
  expect(kinds[0]).toMatchObject({ kind: "environment", runtime: "docker" });
  expect(kinds.at(-1)).toMatchObject({ kind: "phase", phase: "stopped" });
  expect(existsSync(join(folder, "results", "run-01", "logs", "orderer1.frr.log"))).toBe(true);
  expect(await left()).toEqual([[], [], []]);
});

test("a lab elsewhere is entered, read and broken from here", async ({ skip }) => {
  skip(noEngine !== "", noEngine);
  await good("up", "star.yaml");
  expect(JSON.parse(await good("labs", "-f", "json"))).toMatchObject([
    { lab: "star", runtime: "docker", state: "running" },
  ]);
  expect(await good("exec", "orderer1", "--", "hostname")).toBe("orderer1");
  await good("fault", "interface-down", "orderer2:eth1", "--how", "blackhole");
  expect(await good("fault", "list", "-f", "csv")).toContain("blackhole,orderer2:eth1,orderer2:eth1,effective");
  await good("heal");
  await good("exec", "orderer1", "--", "sh", "-c", "echo a line of its own >>$HOME/service.log");
  expect(await good("logs", "orderer1")).toContain("a line of its own");
  expect(await testbed("logs", "nobody")).toMatchObject({ exitCode: 2 });
  expect(await good("up", "star.yaml")).toBe("lab star is as the file says: nothing to change");
  await good("down");
  expect(await left()).toEqual([[], [], []]);
});

test("an engine that goes away in the middle of a run is told, with what to do; clean removes what it left", async ({
  skip,
}) => {
  skip(noEngine !== "", noEngine);
  const run = testbed("run", "short.yaml", "-o", "broken", "--runtime", "docker");
  let said = "";
  run.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const look = (): Look<true> => (said.includes("running short") ? there(true) : waiting(said));
  await until(look, { timeoutMs: 60_000, everyMs: 20, signal, what: "the run to begin" });
  far.kill();
  const { exitCode, stderr } = await run;
  // What is asked in the instant of its death is hung up on, what is asked later finds nobody.
  expect(stderr).toMatch(
    /the engine is not there any more: (nobody listens there \("connect ECONNREFUSED|it closed the connection \("socket hang up)/,
  );
  expect(stderr).toContain("start it again; testbed labs then says what is left, and testbed clean removes it");
  expect(exitCode).toBe(4);
  // Nobody answers: it says so, and takes nothing for gone.
  expect((await testbed("up", "star.yaml", "--runtime", "docker")).stderr).toBe(
    `testbed: This machine lacks a Docker engine at ${far.address} (context far): nobody listens there ("connect ECONNREFUSED 10.254.77.2:2375")\n  → start one, name another with DOCKER_HOST, or use --runtime netns, which needs none`,
  );
  far.start();
  expect((await testbed("clean")).stderr).toContain("removed container testbed.star.switchboard");
  expect(await left()).toEqual([[], [], []]);
  expect(existsSync(join(folder, "broken", "run-01", "events.ndjson"))).toBe(true);
});

test("a container that an engine forgot, as it was killed in the instant of its start, goes with clean", async ({
  skip,
}) => {
  skip(noEngine !== "", noEngine);
  const forgotten = await forgottenByEngine();
  expect((await testbed("clean")).stderr).toContain("removed container testbed.star.r1");
  expect(forgotten.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
  expect(await left()).toEqual([[], [], []]);
}, 120_000);

/** Pids of a container of lab "star" that begins, and is "created" by the engine's word. With its containerd it forgets every time, alone sometimes. */
async function forgottenByEngine(): Promise<readonly string[]> {
  const container = await far.client.createContainer({
    name: containerName("star", "r1"),
    Image: image,
    Cmd: ["sleep", "infinity"],
    Labels: labelsOf({ lab: "star", owner: join(folder, "state", "labs", "star") }, nodeRole, "r1"),
    NetworkDisabled: true,
  });
  const pids = (): readonly string[] => {
    const shims = pidsBy("-f", `^[^ ]*containerd-shim.* -id ${container.id}`);
    return shims.length === 0 ? [] : [...shims, ...pidsBy("-P", shims.join())];
  };
  const started = container.start().catch(() => undefined); // the engine dies of it
  const begun = (): Look<true> => (pids().length > 1 ? there(true) : waiting("no process"));
  await until(begun, { timeoutMs: 20_000, everyMs: 1, signal, what: "the container to begin" });
  far.kill("containerd");
  far.kill();
  await started;
  far.start();
  expect((await container.inspect()).State.Status).toBe("created");
  expect(pids().length).toBeGreaterThan(0);
  return pids();
}

const pidsBy = (...words: readonly string[]): readonly string[] =>
  spawnSync("pgrep", words, { encoding: "utf8" }).stdout.split("\n").filter(Boolean);
