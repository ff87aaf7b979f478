// A bench that is told to end, or that fails, while a lab of its own runs: the lab is ended before the state that knows of it goes.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { execa } from "execa";
import { afterAll, expect, test } from "vitest";
import { there, until, waiting } from "../../src/system/index.js";
import { root } from "./cli-bench.js";

const without = process.getuid?.() === 0 ? "" : "needs root";
const { signal } = new AbortController();
const folder = mkdtempSync("/tmp/testbed-benches-");
/** `scripts/bench faults` less its build, which the run of all tests has done. */
const bench = ["unshare", "--net", "--", "node", "scripts/benches/main.mjs", "faults"];

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const start = (words: readonly string[]) =>
  execa(words[0] ?? "", words.slice(1), { cwd: root, env: { TMPDIR: folder }, reject: false, stdin: "ignore" });

/** Processes that name the folder of a bench, and what is in it. */
function left(): readonly string[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return [...pids.filter((pid) => commandOf(pid).includes(folder)), ...readdirSync(folder)];
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return ""; // it has ended
  }
}

test("told to end", async ({ skip }) => {
  skip(without !== "", without);
  const running = start(bench);
  const look = () => {
    const [work = ""] = readdirSync(folder);
    const services = left().filter((pid) => commandOf(pid).includes("orderer1"));
    return work !== "" && services.length > 0 ? there(true) : waiting(left().join(", "));
  };
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
