// A bench that is told to end, or that fails, while a lab of its own runs: the lab is ended before the state that knows of it goes.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, expect, test } from "vitest";
import { there, until, waiting } from "../../src/system/index.js";
import { CliBench, root } from "./cli-bench.js";

const without = process.getuid?.() === 0 ? "" : "needs root";
const { signal } = new AbortController();
/** What a bench makes is in the state folder of this one, so that its processes are found. */
const place = new CliBench();
afterAll(() => place.dispose());

/** `scripts/bench faults` less its build, which the run of all tests has done. */
const bench = ["unshare", "--net", "--", "node", "scripts/benches/main.mjs", "faults"];
const start = (words: readonly string[]) =>
  execa(words[0] ?? "", words.slice(1), { cwd: root, env: { TMPDIR: place.state }, reject: false, stdin: "ignore" });
const left = (): readonly string[] => [...place.processes().map(String), ...readdirSync(place.state)];

test("told to end", async ({ skip }) => {
  skip(without !== "", without);
  const running = start(bench);
  const isLab = (work: string): boolean => existsSync(join(place.state, work, "state/labs/bench-faults/lab.json"));
  const look = () => (readdirSync(place.state).some(isLab) ? there(true) : waiting(left().join(", ")));
  await until(look, { timeoutMs: 60_000, everyMs: 20, signal, what: "a lab of the bench" });
  running.kill("SIGTERM");
  const { exitCode } = await running;
  expect([exitCode, left()]).toEqual([130, []]);
});

test("failed, as its floor may not have the priority that it asks for", async ({ skip }) => {
  skip(without !== "", without);
  const { exitCode, stderr } = await start(["setpriv", "--bounding-set", "-sys_nice", ...bench]);
  expect(stderr).toContain("netlink-floor.mjs 20 ended with 1");
  expect([exitCode, left()]).toEqual([1, []]);
});
