// What ip, tc, the kernel, nft and FRR refuse reaches the user as a sentence of ours with their words in quotes, and nothing is left.
// The refusals are real: plans with one line spoilt, and a table that somebody removed.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Plan, PlannedNode, Step } from "../../src/plan/index.js";
import { errorText } from "../../src/system/index.js";
import { buildPrograms, lineOfRouters, ownStateFolder, sandboxOf, up } from "./a-lab.js";

let removeState = (): void => undefined;
beforeAll(() => {
  removeState = ownStateFolder();
  buildPrograms();
}, 120_000);
afterAll(() => removeState());

const spoiltSteps = (steps: readonly Step[], spoil: (line: string) => string): readonly Step[] =>
  steps.map((step, index) => (index === steps.length - 1 ? { ...step, line: spoil(step.line) } : step));

function spoiltNode(plan: Plan, spoil: (node: PlannedNode) => PlannedNode): Plan {
  return { ...plan, nodes: plan.nodes.map((node, index) => (index === 0 ? spoil(node) : node)) };
}

const plan = lineOfRouters("errors", 2, "rate: 10mbit");

test.each<[string, Plan, RegExp]>([
  [
    "ip",
    { ...plan, steps: { ...plan.steps, addressing: spoiltSteps(plan.steps.addressing, (line) => `${line} sideways`) } },
    /^Run ip in r2: one of 4 lines, "link set dev lo up" to "link set dev eth1 up sideways", failed and said "Error: either "dev" is duplicate, or "sideways" is a garbage\."/,
  ],
  [
    "tc",
    {
      ...plan,
      steps: {
        ...plan.steps,
        impairments: spoiltSteps(plan.steps.impairments, (line) => line.replace(/ burst .*/, "")),
      },
    },
    /^Run tc in the switchboard: "qdisc add dev r2\.eth1 root handle 1: tbf rate 10000kbit" failed and said "tbf: the "burst" parameter is mandatory\.\n/,
  ],
  [
    "a kernel setting",
    spoiltNode(plan, (node) => ({ ...node, sysctls: [...node.sysctls, "net.ipv4.no_such=1"] })),
    /^Set kernel settings in r1: net\.ipv4\.no_such=1 refused: "ENOENT: no such file or directory, open '\/proc\/sys\/net\/ipv4\/no_such'"$/m,
  ],
  [
    "FRR",
    spoiltNode(plan, (node) => ({
      ...node,
      frr: node.frr && {
        ...node.frr,
        configuration: node.frr.configuration.replace(/\nend\n$/, "\nfrobnicate the net\nend\n"),
      },
    })),
    /^Start r1: r1: FRR refuses a line of its configuration; FRR said "No such command on config line \d+: frobnicate the net[^"]*"; r1 lacks 10\./,
  ],
])("%s", async (_, spoilt, expected) => {
  const failure = await up(spoilt).then(
    () => undefined,
    (error: unknown) => errorText(error),
  );
  expect(failure).toMatch(expected);
  expect(failure).not.toMatch(/undefined|\[object|\bat .*\.(ts|mjs):\d/);
  const labs = join(process.env["TESTBED_STATE"] ?? "", "labs");
  expect(existsSync(labs) ? readdirSync(labs) : []).toEqual([]);
});

test("nft", async () => {
  await using lab = await up(plan);
  const remove = ["nft", "delete", "table", "netdev", "testbed"];
  const enter = [`--target=${sandboxOf(lab.directory)}`, "--net", "--mount", "--pid"];
  const user = process.getuid?.() === 0 ? [] : ["--user", "--preserve-credentials"];
  expect(spawnSync("nsenter", [...enter, ...user, "--", ...remove], { encoding: "utf8" }).stderr).toBe("");
  const statuses = await lab.fault({
    do: "fault",
    what: "interface-down",
    how: "blackhole",
    target: "r1:eth2",
    healAfterUs: 0,
  });
  expect(statuses).toMatchObject([{ state: "failed" }]);
  const events: string[] = [];
  for await (const event of lab.events({ fromByte: 0, signal: new AbortController().signal, until: "now" })) {
    if (event.kind === "fault" && event.state === "failed") events.push(event.detail);
  }
  expect(events).toEqual([
    expect.stringMatching(/^Drop frames at port r1\.eth2: nft said ".*No such file or directory.*"$/),
  ]);
  await lab.down();
});
