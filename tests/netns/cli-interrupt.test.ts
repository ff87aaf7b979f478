// Ctrl-C at any moment leaves nothing; a second one leaves at once and says what is left; SIGKILL leaves a lab that
// another shell ends, or whose run it finishes.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { CliBench, shortExperiment, starTopology, type RunningCommand } from "./cli-bench.js";

const bench = new CliBench();
beforeAll(() => {
  bench.write("star.yaml", starTopology("star", 4));
  const fault = "{ at: 1s, fault: interface-down, how: blackhole, target: follower, for: 1s }";
  bench.write("short.yaml", shortExperiment("star.yaml", fault));
});
afterEach(() => bench.clear());
afterAll(() => bench.dispose());

async function interruptedWhen(command: RunningCommand, said: string): Promise<void> {
  await command.says(said);
  const networks = bench.networks(bench.processes());
  command.kill("SIGINT");
  const { code, stderr } = await command.ended();
  expect(stderr).toContain("testbed: SIGINT: cleaning up (once more to leave at once)\n");
  expect(stderr).not.toContain("defect");
  expect(code).toBe(130);
  await bench.untilNothingIsLeft();
  const left = [...bench.networks(bench.everyProcess())].filter((network) => networks.has(network));
  // The test's own network namespace is among them: it is that of the command line.
  expect(left.length).toBeLessThanOrEqual(1);
}

describe("Ctrl-C", () => {
  test.each(["sandbox", "6 namespaces", "0 links, 1 switches", "nodes started", "every node has every route"])(
    "while up says that there is: %s",
    async (said) => interruptedWhen(bench.start(["up", "star.yaml"]), `  ${said} `),
  );

  test.each(["running short", "workload-started", ":eth1: effective", "repetition 2 of 2"])(
    "while run says: %s",
    async (said) => {
      const output = `results-${said.replaceAll(/\W+/g, "-")}`;
      const command = bench.start(["run", "short.yaml", "--repeat", "2", "-o", output]);
      await interruptedWhen(command, said);
      // What was measured stays, with the analysis of each repetition that was finished.
      expect(existsSync(join(bench.folder, output, "manifest.json"))).toBe(true);
      expect(existsSync(join(bench.folder, output, "runs.csv"))).toBe(said === "repetition 2 of 2");
    },
  );

  test("when up has just ended: either it cleaned up, or the lab is up and was said to be", async () => {
    const command = bench.start(["up", "star.yaml"]);
    await command.says("every service answers");
    command.kill("SIGINT");
    const { code, stderr } = await command.ended();
    const isUp = stderr.includes("lab star is up");
    expect(stderr.includes("cleaning up")).toBe(!isUp);
    // In the last instants of a process, when it has said all, a signal just ends it: then there is no exit code.
    expect(isUp ? [0, undefined] : [130]).toContain(code);
    expect((await bench.rows("labs")).length).toBe(isUp ? 1 : 0);
    await bench.run("down");
    await bench.untilNothingIsLeft();
  });

  test("a second one leaves at once and says what may be left; down ends it", async () => {
    const command = bench.start(["run", "short.yaml", "-o", "results-left"]);
    await command.says("workload-started");
    const goOn = bench.stopAgent("star");
    command.kill("SIGINT");
    await command.says("cleaning up");
    command.kill("SIGINT");
    const { code, stderr } = await command.ended();
    expect(stderr).toContain(
      'testbed: SIGINT: left at once; may be left behind: lab "star"; end it with   testbed down --lab star   or, when it is dead,   testbed clean; results so far are in results-left\n',
    );
    expect(code).toBe(130);
    expect(bench.processes().length).toBeGreaterThan(5);
    goOn();
    await bench.run("down --lab star");
    await bench.run("clean");
    await bench.untilNothingIsLeft();
  });
});

describe("SIGKILL of the command line", () => {
  test("during up leaves no lab that cannot be ended from another process", async () => {
    const command = bench.start(["up", "star.yaml"]);
    await command.says("nodes started");
    command.kill("SIGKILL");
    await command.ended();
    expect(await bench.rows("labs")).toMatchObject([{ lab: "star", state: "running" }]);
    expect(await bench.run("down")).toMatchObject({ code: 0, stderr: "lab star is down\n" });
    await bench.untilNothingIsLeft();
  });

  test("during run leaves the lab running: another process sees it and ends it", async () => {
    const command = bench.start(["run", "short.yaml", "-o", "results-ended"]);
    await command.says("timeline-started");
    command.kill("SIGKILL");
    await command.ended();
    expect(await bench.rows("labs")).toMatchObject([{ lab: "star", state: "running" }]);
    expect(JSON.parse(await bench.good("status -f json"))).toMatchObject({ running: "short" });
    expect(await bench.run("down")).toMatchObject({ code: 0, stderr: "lab star is down\n" });
    await bench.untilNothingIsLeft();
  });

  test("during run: run --resume finishes the repetition in its results folder, whole", async () => {
    const command = bench.start(["run", "short.yaml", "--repeat", "3", "-o", "results-resumed"]);
    await command.says("timeline-started");
    const early = await bench.run("run --resume star");
    expect(early).toEqual({
      code: 2,
      stdout: "",
      stderr: `testbed: Repetition 1 in lab "star" is still being run by process ${command.pid}\n  → wait for it, or end that process first\n`,
    });
    command.kill("SIGKILL");
    await command.ended();
    const { code, stdout, stderr } = await bench.run("run --resume star");
    expect(stderr).toMatch(/^repetition 1 of 3, from its first event on\n/);
    expect(stderr).toContain("not run: repetitions 2 to 3\n");
    expect([0, 1]).toContain(code);
    expect(stdout).toContain("1 run");
    const folder = join(bench.folder, "results-resumed");
    const kinds = readFileSync(join(folder, "run-01", "events.ndjson"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { kind: string; phase?: string });
    expect(kinds[0]?.kind).toBe("environment");
    expect(kinds.at(-1)).toMatchObject({ kind: "phase", phase: "stopped" });
    expect(kinds.filter(({ kind }) => kind === "environment")).toHaveLength(1);
    expect(readFileSync(join(folder, "runs.csv"), "utf8").trim().split("\n")).toHaveLength(2);
    await bench.untilNothingIsLeft();
  });

  test("a lab that up made has no repetition to resume", async () => {
    await bench.good("up star.yaml");
    expect(await bench.run("run --resume star")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('testbed: Lab "star" carries no repetition of an experiment\n  → '),
    });
    expect(await bench.rows("labs")).toMatchObject([{ lab: "star", state: "running" }]);
    await bench.good("down");
  });
});
