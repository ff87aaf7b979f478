// What a topology asks of links is there, as the kernel tells it, or the lab is refused before anything is created: an
// impairment is never parsed and ignored. Which of the two happens to a delay depends on this machine's kernel.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { examineMachine } from "../../src/lab/index.js";
import type { Plan } from "../../src/plan/index.js";
import { EnvironmentLacks } from "../../src/system/index.js";
import { buildPrograms, inside, lineOfRouters, ownStateFolder, processesOf, up } from "./a-lab.js";

let removeState = (): void => undefined;
beforeAll(() => {
  removeState = ownStateFolder();
  buildPrograms();
});
afterAll(() => removeState());

const leftovers = (): readonly string[] => {
  const folder = join(process.env["TESTBED_STATE"] ?? "", "labs");
  return existsSync(folder) ? readdirSync(folder) : [];
};

test("a delay is applied, or refused by name with nothing created", async () => {
  const plan = lineOfRouters("delayed", 2, "delay: 50ms");
  const netem = (await examineMachine()).find((capability) => capability.name === "sch_netem");
  const outcome = netem?.present === true ? await delayOf(plan) : await refusalOf(plan);
  expect(outcome).toBe("as asked");
  expect(leftovers()).toEqual([]);
  expect(processesOf(join(process.env["TESTBED_STATE"] ?? "", "labs", "delayed"))).toEqual([]);
});

async function delayOf(plan: Plan): Promise<string> {
  await using lab = await up(plan);
  const address = plan.nodes[1]?.interfaces[0]?.address.split("/")[0] ?? "";
  const { text } = await inside(lab, "r1", "ping", "-n", "-c", "3", "-i", "0.2", address);
  await lab.down();
  return Number(/= [\d.]+\/([\d.]+)\//.exec(text)?.[1]) >= 100 ? "as asked" : text;
}

async function refusalOf(plan: Plan): Promise<string> {
  const phases: string[] = [];
  try {
    await using _lab = await up(plan, { progress: ({ phase }) => phases.push(phase) });
    return "it came up";
  } catch (error) {
    if (!(error instanceof EnvironmentLacks)) throw error;
    const named = error.message.includes("kernel module sch_netem, which link r1:eth2 – r2:eth1 asks for");
    return named && phases.length === 0 ? "as asked" : `${error.message} after ${phases.join(", ")}`;
  }
}

test("a rate is applied at the egress of both ports, and holds", async () => {
  const plan = lineOfRouters("slow", 2, "rate: 1mbit");
  await using lab = await up(plan);
  const address = plan.nodes[1]?.interfaces[0]?.address.split("/")[0] ?? "";
  // 1.7 Mbit/s are offered for a second, in frames of 1042 bytes: what arrives is the rate, and the bucket once.
  const { text } = await inside(
    lab,
    "r1",
    "ping",
    "-n",
    "-q",
    "-c",
    "200",
    "-i",
    "0.005",
    "-W",
    "1",
    "-s",
    "1000",
    address,
  );
  const [, received = 0, milliseconds = 0] = (/(\d+) received.*time (\d+)ms/.exec(text) ?? []).map(Number);
  const kbitPerSecond = (received * 1042 * 8) / milliseconds;
  expect(kbitPerSecond).toBeGreaterThan(500);
  expect(kbitPerSecond).toBeLessThan(1_200);
  await lab.down();
  expect(leftovers()).toEqual([]);
});
