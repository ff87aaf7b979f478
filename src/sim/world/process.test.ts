// Processes and the threads of their pools on shared processors: who gets one when.
import { expect, it } from "vitest";
import { instant } from "../../base/index.js";
import { Scheduler } from "../scheduler.js";
import { Cores, Process } from "./process.js";

function machine(coreCount: number, processCount: number) {
  const scheduler = new Scheduler();
  const cores = new Cores(scheduler, { count: coreCount, sliceUs: 0 });
  const processes = Array.from({ length: processCount }, () => new Process(scheduler, cores, 0));
  return { scheduler, processes };
}
const jobs = Array.from({ length: 4 }, () => ({ us: 1_000 }));

it("thread pools of several nodes share the processors, and each gets its turn", () => {
  const { scheduler, processes } = machine(1, 2);
  const doneAt: number[] = [];
  for (const process of processes) process.aside(jobs, () => doneAt.push(process.now()));
  scheduler.run(instant(100_000), () => false);
  expect(doneAt).toEqual([8_000, 8_000]);
});

it("a pool has four threads, and its node goes on meanwhile, where there are processors for them all", () => {
  const { scheduler, processes } = machine(5, 1);
  const [process] = processes;
  const told: string[] = [];
  process?.aside(jobs, () => told.push(`checked ${process.now()}`));
  process?.run(() => told.push(`other work ${process.now()}`));
  scheduler.run(instant(100_000), () => false);
  expect(told).toEqual(["other work 0", "checked 1000"]);
});

it("a pool stops with its node, goes on with it, and is gone with it", () => {
  const { scheduler, processes } = machine(1, 2);
  const told: string[] = [];
  for (const [index, process] of processes.entries()) process.aside(jobs, () => told.push(`${index} ${process.now()}`));
  for (const process of processes) process.stop();
  scheduler.run(instant(50_000), () => false);
  expect(told).toEqual([]);
  processes[0]?.resume();
  processes[1]?.die();
  scheduler.run(instant(100_000), () => false);
  expect(told).toEqual(["0 54000"]);
});

it("what is written waits for a thread of the pool behind the checks that came before it", () => {
  const { scheduler, processes } = machine(2, 1);
  const [process] = processes;
  const told: string[] = [];
  process?.aside(jobs.concat(jobs), () => told.push(`checked ${process.now()}`));
  process?.aside(
    [{ us: 100, deviceUs: 500 }],
    () => told.push(`told ${process.now()}`),
    () => told.push("durable"),
  );
  scheduler.run(instant(100_000));
  expect(told).toEqual(["checked 4000", "durable", "told 4600"]);
});

it("a process keeps its processor while its slice lasts, then others have theirs", () => {
  const scheduler = new Scheduler();
  const cores = new Cores(scheduler, { count: 1, sliceUs: 2_500 });
  const told: string[] = [];
  for (const name of ["first", "second"]) {
    const process = new Process(scheduler, cores, 100);
    for (let piece = 1; piece <= 4; piece++)
      process.run(() => {
        process.charge(1_000);
        told.push(`${name} ${process.now()}`);
      });
  }
  scheduler.run(instant(100_000));
  // Waking up takes 100 of the first piece of each.
  const turns = ["first 1100", "first 2100", "first 3100", "second 4200", "second 5200", "second 6200"];
  expect(told).toEqual([...turns, "first 7200", "second 8200"]);
});

it("what is left for the end of a turn is done then, however much the turn still costs", () => {
  const { scheduler, processes } = machine(1, 1);
  const [process] = processes;
  const told: number[] = [];
  process?.run(() => {
    process.atTurnEnd(() => told.push(process.now()));
    process.charge(700);
  });
  scheduler.run(instant(1_000));
  expect(told).toEqual([700]);
});

it("V8's threads share their work out, stand in line with the pool's, and stop, go on and end with their process", () => {
  const { scheduler, processes } = machine(1, 3);
  const told: string[] = [];
  for (const [index, process] of processes.entries()) {
    process.beside(4_000);
    process.aside([{ us: 500 }], () => told.push(`${index} ${process.now()}`));
    process.stop();
  }
  processes[1]?.die();
  processes[0]?.resume();
  scheduler.run(instant(50_000));
  expect(told).toEqual(["0 4500"]);
  processes[2]?.resume();
  scheduler.run(instant(100_000));
  expect(told).toEqual(["0 4500", "2 54500"]);
});
