// Real time where this user may have it, around what is due; nothing that is started meanwhile does, and what was before comes back.
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { after, between, milliseconds } from "../../base/index.js";
import { now } from "../../system/index.js";
import { giveRealTimeBack, RealTimeWindow, takeRealTime } from "./real-time.js";

/** Niceness and policy of a thread, fields 19 and 41 of proc_pid_stat(5). */
function scheduling(stat: string): { readonly niceness: number; readonly policy: number } {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" "); // from field 3 on: a name may hold anything
  return { niceness: Number(fields[16]), policy: Number(fields[38]) };
}
const own = (): ReturnType<typeof scheduling> => scheduling(readFileSync("/proc/thread-self/stat", "utf8"));

test("is this thread's alone, and ends with its priority as it was", () => {
  const before = own();
  takeRealTime();
  const { policy } = own();
  const child = scheduling(execFileSync("cat", ["/proc/self/stat"], { encoding: "utf8" }));
  giveRealTimeBack();
  expect([0, 1]).toContain(policy); // SCHED_OTHER for who may not
  expect(child.policy).toBe(0);
  expect(own()).toEqual(before);
  expect(before.policy).toBe(0);
});

test("gives a thread that was in real time before its own policy back", () => {
  const script = `import { readFileSync } from "node:fs";
    import { giveRealTimeBack, takeRealTime } from ${JSON.stringify(join(import.meta.dirname, "real-time.ts"))};
    const own = () => readFileSync("/proc/thread-self/stat", "utf8").split(" ").slice(39, 41).join(" ");
    const before = own();
    takeRealTime();
    const taken = own();
    giveRealTimeBack();
    console.log([before, taken, own()].join(", "));`;
  const node = ["--import", "tsx", "--input-type=module", "--eval", script];
  const { stdout, stderr } = spawnSync("chrt", ["--rr", "1", process.execPath, ...node], { encoding: "utf8" });
  // Priority and policy each time: round robin is 2, first in first out 1. Who may not hears so from chrt.
  expect(`${stdout}${stderr}`.trim()).toMatch(/^(1 2, 2 1, 1 2|chrt: failed to set .*)$/);
});

test("is held from before what is due until it was read back", async () => {
  takeRealTime();
  const held = own().policy; // 0 for who may not
  giveRealTimeBack();
  const window = new RealTimeWindow();
  const due = after(now(), milliseconds(60));
  window.next(due);
  expect(own().policy).toBe(0);
  while (own().policy !== held) await setImmediate(); // the runner's time limit is this one's
  expect(between(now(), due)).toBeLessThanOrEqual(10_000);
  window.next(undefined); // it was done just now
  expect(own().policy).toBe(held);
  while (own().policy !== 0) await setImmediate();
});
