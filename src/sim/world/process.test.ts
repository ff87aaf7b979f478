// Processes and the threads of their pools on shared processors: who gets one when.
import { expect, it } from "vitest";
import { instant } from "../../base/index.js";
import { Scheduler } from "../scheduler.js";
import { Cores, Process } from "./process.js";

function machine(coreCount: number, processCount: number) {
  const scheduler = new Scheduler();
  const cores = new Cores(scheduler, coreCount);
  const processes = Array.from({ length: processCount }, () => new Process(scheduler, cores, 0));
  return { scheduler, processes };
}
const slices = [1_000, 1_000, 1_000, 1_000];

it("thread pools of several nodes share the processors, and each gets its turn", () => {
  const { scheduler, processes } = machine(1, 2);
  const doneAt: number[] = [];
  for (const process of processes) process.aside(slices, () => doneAt.push(process.now()));
  scheduler.run(instant(100_000), () => false);
  expect(doneAt).toEqual([8_000, 8_000]);
});

it("a pool has four threads, and its node goes on meanwhile, where there are processors for them all", () => {
  const { scheduler, processes } = machine(5, 1);
  const [process] = processes;
  const told: string[] = [];
  process?.aside(slices, () => told.push(`checked ${process.now()}`));
  process?.run(() => told.push(`other work ${process.now()}`));
  scheduler.run(instant(100_000), () => false);
  expect(told).toEqual(["other work 0", "checked 1000"]);
});

it("a pool stops with its node, goes on with it, and is gone with it", () => {
  const { scheduler, processes } = machine(1, 2);
  const told: string[] = [];
  for (const [index, process] of processes.entries())
    process.aside(slices, () => told.push(`${index} ${process.now()}`));
  for (const process of processes) process.stop();
  scheduler.run(instant(50_000), () => false);
  expect(told).toEqual([]);
  processes[0]?.resume();
  processes[1]?.die();
  scheduler.run(instant(100_000), () => false);
  expect(told).toEqual(["0 53000"]);
});
