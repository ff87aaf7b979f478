// The sandbox and its agent begin while the topology is still read: where no lab comes of it they end, and leave nothing.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { there, until, waiting, type Look } from "../../src/system/index.js";
import { CliBench, starTopology } from "./cli-bench.js";

const bench = new CliBench();
const text = starTopology("star", 4);
beforeAll(() => {
  bench.write("star.yaml", text);
  execFileSync("mkfifo", [join(bench.folder, "slow.yaml")]);
});
afterEach(() => bench.clear());
afterAll(() => bench.dispose());

/** Agents of this bench: their sandboxes have its state folder in their environment. */
const agents = (): readonly number[] =>
  bench.processes().filter((pid) => {
    const words = commandOf(pid);
    return words[0] === process.execPath && words[1]?.endsWith("agent.mjs") === true;
  });

function commandOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return []; // it has ended
  }
}

/** `up` waits for the rest of its topology, which is a pipe; the agent is there already. */
async function slowUp(): Promise<ReturnType<CliBench["start"]>> {
  const command = bench.start(["up", "slow.yaml"]);
  const look = (): Look<true> => (agents().length === 1 ? there(true) : waiting("there is no agent"));
  const { signal } = new AbortController();
  await until(look, { timeoutMs: 10_000, everyMs: 5, signal, what: "an agent that waits" });
  expect(existsSync(join(bench.state, "labs"))).toBe(false);
  return command;
}

test("an agent that began before the topology was read has the lab of that topology", async () => {
  const command = await slowUp();
  const [before] = agents();
  writeFileSync(join(bench.folder, "slow.yaml"), text);
  expect((await command.ended()).code).toBe(0);
  expect(agents()).toEqual([before]);
  expect(readFileSync(join(bench.state, "labs", "star", "agent.log"), "utf8")).toContain("every service answers");
  await bench.good("down");
  await bench.untilNothingIsLeft();
});

test("a topology that cannot be used: exit 2, and nothing is left when the command ends", async () => {
  const command = await slowUp();
  writeFileSync(join(bench.folder, "slow.yaml"), `${text}nonsense: 1\n`);
  const { code, stderr } = await command.ended();
  expect(code).toBe(2);
  expect(stderr).toContain("nonsense");
  expect(existsSync(join(bench.state, "labs"))).toBe(false);
  await bench.untilNothingIsLeft(); // the first process of the sandbox goes a moment after the one that holds it
});

test.each(["SIGINT", "SIGKILL"] as const)("%s while the topology is read leaves nothing", async (signal) => {
  const command = await slowUp();
  command.kill(signal);
  await command.ended();
  await bench.untilNothingIsLeft();
  expect(existsSync(join(bench.state, "labs"))).toBe(false);
});

test("up on a lab that runs keeps its agent, and leaves no other", async () => {
  await bench.good("up star.yaml");
  const before = agents();
  expect(before).toHaveLength(1);
  await bench.good("up star.yaml");
  const { signal } = new AbortController();
  const look = (): Look<true> => (agents().length === 1 ? there(true) : waiting(`agents ${agents().join(", ")}`));
  await until(look, { timeoutMs: 5_000, everyMs: 5, signal, what: "one agent" });
  expect(agents()).toEqual(before);
  await bench.good("down");
});
