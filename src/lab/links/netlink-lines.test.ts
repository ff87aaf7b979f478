// Lines of a plan as the kernel's messages: the bytes of each form, and that a plan has no other form inside a node.
import { expect, test } from "vitest";
import { planFor } from "../../plan/index.js";
import { parseTopology } from "../../spec/index.js";
import { isMessage, messageFor } from "./netlink-lines.js";

/** An interface that no machine has: its index is 0. */
const none = "nowhere0";
const nameAttribute = "0d000300" + Buffer.from(`${none}\0`).toString("hex") + "000000";

test.each([
  [`link set dev ${none} up`, 16, 0, "00000000000000000100000001000000" + nameAttribute],
  [`link set dev ${none} gso_max_segs 1`, 16, 0, "00".repeat(16) + nameAttribute + "0800280001000000"],
  [`address add 10.128.0.1/30 dev ${none}`, 20, 0x600, "021e000000000000" + "080002000a800001" + "080001000a800001"],
  [
    `neighbour replace 10.128.0.2 lladdr 02:00:00:00:00:0a nud permanent dev ${none}`,
    28,
    0x500,
    "020000000000000080000000" + "080001000a800002" + "0a00020002000000000a0000",
  ],
])("%s", (line, type, flags, bytes) => {
  const message = messageFor(line);
  expect(message && { ...message, body: message.body.toString("hex") }).toEqual({ type, flags, body: bytes });
});

test("other lines are left to ip", () => {
  for (const line of [
    "link delete dev eth1",
    "address add 10.0.0.1/30 dev eth1 peer 10.0.0.2",
    "route add 10.0.0.0/8",
  ]) {
    expect(isMessage(line)).toBe(false);
  }
});

test("every line that a plan has inside a node is a message", () => {
  const topology = parseTopology(
    `format: 1
name: all
routing: { protocol: none, neighbours: fixed }
nodes:
  h1: { kind: host, command: [] }
  h2: { kind: host, command: [] }
  sw1: { kind: switch }
links:
  - { endpoints: ["h1:eth1", "h2:eth1"], delay: 10ms, loss: 1% }
  - { endpoints: ["h1:eth2", "sw1"] }
  - { endpoints: ["h2:eth2", "sw1"] }
`,
    "all.yaml",
  );
  const plan = topology.kind === "good" ? planFor(topology.value) : topology;
  if (plan.kind === "bad") throw new Error(JSON.stringify(plan.problems));
  const lines = plan.value.steps.addressing.map(({ line }) => line);
  expect(lines.length).toBeGreaterThan(10);
  expect(lines.filter((line) => !isMessage(line))).toEqual([]);
});
