// A results folder as it leaves `testbed run`: whole, analysed again to the same, read by the README's own example.
import { cpSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CliBench, root, shortExperiment, starTopology, type Ended } from "./cli-bench.js";

const bench = new CliBench();
let ran: Ended;
const results = join(bench.folder, "results-here");

beforeAll(async () => {
  bench.write("star.yaml", starTopology("star", 4));
  const fault = "{ at: 1s, fault: interface-down, how: admin, target: leader, for: 3s }";
  bench.write("short.yaml", shortExperiment("star.yaml", fault).replace("duration: 4s", "duration: 6s"));
  ran = await bench.run("run short.yaml --output results-here --seed s");
}, 120_000);
afterAll(() => bench.dispose());

test("the summary is on stdout, the talk on stderr with the time of each phase, and the lab is gone", async () => {
  expect(ran.stdout).toBe(readFileSync(join(results, "summary.txt"), "utf8"));
  expect(ran.stderr).toMatch(/^runtime netns \(asked for\)\nrepetition 1 of 1\n {2}sandbox \d+\.\d\d s\n/);
  expect(ran.stderr).toMatch(/\n {2}fault interface-down admin orderer\d:eth1: effective \d+\.\d\d s\n/);
  expect(ran.stderr.endsWith("results in results-here\n")).toBe(true);
  const verdict = JSON.parse(readFileSync(join(results, "verdict.json"), "utf8")) as { verdict: string };
  expect(ran.code).toBe(verdict.verdict === "true" ? 0 : 1);
  expect(bench.leftovers()).toEqual([]);
});

test("the folder holds what explains the run", () => {
  expect(readdirSync(results)).toEqual(
    expect.arrayContaining(
      "manifest.json topology.yaml experiment.yaml plan.json run-01 runs.csv faults.csv views.csv requests.csv timeseries.csv verdict.json summary.txt".split(
        " ",
      ),
    ),
  );
  const manifest = JSON.parse(readFileSync(join(results, "manifest.json"), "utf8")) as object;
  expect(manifest).toMatchObject({
    format: 1,
    seed: "s",
    commandLine: "testbed run short.yaml --output results-here --seed s --runtime netns".split(" "),
  });
  for (const [copy, original] of [
    ["topology.yaml", "star.yaml"],
    ["experiment.yaml", "short.yaml"],
  ] as const) {
    expect(readFileSync(join(results, copy), "utf8")).toBe(readFileSync(join(bench.folder, original), "utf8"));
  }
});

test("report makes the same analysis from the events alone", async () => {
  cpSync(results, join(bench.folder, "again"), { recursive: true });
  for (const name of readdirSync(join(bench.folder, "again")).filter((each) => each.endsWith(".csv"))) {
    bench.write(`again/${name}`, "");
  }
  const again = await bench.run("report again");
  expect(again).toEqual({ code: ran.code, stdout: ran.stdout, stderr: "results in again\n" });
  for (const name of readdirSync(results).filter((each) => each.endsWith(".csv"))) {
    expect(readFileSync(join(bench.folder, "again", name), "utf8"), `${name}`).toBe(
      readFileSync(join(results, name), "utf8"),
    );
  }
});

test("messages: what one replica saw of a view change", async () => {
  const all = await bench.rows<Record<string, unknown>>("messages results-here --node orderer2 --type ViewChange");
  const view = Number(all.at(-1)?.["view"]);
  const line = `messages results-here --node orderer2 --type ViewChange --view ${view}`;
  const rows = await bench.rows<Record<string, unknown>>(line);
  expect(rows).toEqual(all.filter((row) => row["view"] === view));
  expect(rows.length).toBeGreaterThanOrEqual(2);
  for (const row of rows) expect(row).toMatchObject({ node: "orderer2", type: "ViewChange" });
  expect((await bench.good(`${line} -f csv`)).trim().split("\n")).toHaveLength(rows.length + 1);
  expect(await bench.run("messages results-here --run 7")).toMatchObject({
    code: 2,
    stderr: 'testbed: There is no repetition 7 in "results-here"\n  → those that are there: 1\n',
  });
});

test("the example in the README reads the CSV files", (context) => {
  if (spawnSync("python3", ["--version"]).status !== 0) context.skip("needs python3");
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const example = /```python\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  expect(example.trim().split("\n")).toHaveLength(5);
  const script = bench.write("example.py", example.replace("results/DIR", results));
  const { stdout, stderr, status } = spawnSync("python3", [script], { cwd: bench.folder, encoding: "utf8" });
  expect(stderr).toBe("");
  expect(status).toBe(0);
  const [header = "", row = ""] = readFileSync(join(results, "runs.csv"), "utf8").split("\n");
  const outage = Number(row.split(",")[header.split(",").indexOf("outage_ms")]);
  expect(outage).toBeGreaterThan(1_000);
  expect(stdout).toBe(`1 runs, median outage ${outage.toFixed(0)} ms\n`);
});
