// What iproute2 6.1 printed on kernel 6.18 (tbf) and in user-mode-linux (netem), in the words of the plan.
import { expect, test } from "vitest";
import { parseTopology } from "../../spec/index.js";
import { planFor, type Plan } from "../../plan/index.js";
import { endTruth, type KernelDevice, type KernelQueue, queueWords } from "./link-truth.js";

test.each<[string, readonly KernelQueue[], readonly string[]]>([
  ["no queue", [{ kind: "noqueue" }], []],
  ["a rate", [{ kind: "tbf", options: { rate: 1_250_000 } }], ["rate 10000 kbit/s"]],
  [
    "delay, jitter and loss, with a rate below",
    [
      { kind: "netem", options: { delay: { delay: 0.05, jitter: 0.002 }, "loss-random": { loss: 0.00999999977 } } },
      { kind: "tbf", options: { rate: 125_000 } },
    ],
    ["delay 50 ms", "jitter 2 ms", "loss 1 %", "rate 1000 kbit/s"],
  ],
  ["somebody else's", [{ kind: "fq_codel" }], ["fq_codel"]],
])("%s", (_, queues, words) => expect(queueWords(queues)).toEqual(words));

function plan(): Plan {
  const text = `format: 1
name: two
nodes: { r1: { kind: router }, r2: { kind: router } }
links: [{ endpoints: ["r1:eth1", "r2:eth1"], rate: 10mbit }]`;
  const topology = parseTopology(text, "two.yaml");
  const planned = topology.kind === "good" ? planFor(topology.value) : topology;
  if (planned.kind === "bad") throw new Error(JSON.stringify(planned.problems));
  return planned.value;
}

test("an end that is as asked has no difference; each that is not is marked, and what is not there is said", () => {
  const two = plan();
  const asked = two.nodes[0]?.interfaces[0];
  if (asked === undefined) throw new Error("no interface");
  const [local = "", length = ""] = asked.address.split("/");
  const own: KernelDevice = {
    ifindex: asked.index,
    flags: ["BROADCAST", "UP", "LOWER_UP"],
    mtu: 1500,
    address: asked.mac,
    addr_info: [{ family: "inet", local, prefixlen: Number(length) }],
    stats64: {
      rx: { bytes: 10, packets: 1, errors: 0, dropped: 0 },
      tx: { bytes: 20, packets: 2, errors: 0, dropped: 3 },
    },
  };
  const port: KernelDevice = { ...own, master: two.links[0]?.bridge ?? "" };
  const queues: readonly KernelQueue[] = [{ kind: "tbf", drops: 4, options: { rate: 1_250_000 } }];
  const good = endTruth(two, "r1", asked, 0, { own, port, queues });
  expect(good.endpoint).toBe("r1:eth1");
  expect(good.rows.filter((row) => row.differs)).toEqual([]);
  expect(good.rows.find((row) => row.what === "tx dropped")).toMatchObject({ kernel: 3 });
  expect(good.rows.find((row) => row.what === "queue drops")).toMatchObject({ kernel: 4 });
  const bad = endTruth(two, "r1", asked, 0, {
    own: { ...own, flags: ["BROADCAST"], mtu: 1400, addr_info: [] },
    port: undefined,
    queues: [],
  });
  expect(
    bad.rows.filter((row) => row.differs).map(({ what, asked: wanted, kernel }) => [what, wanted, kernel]),
  ).toEqual([
    ["admin", "up", "down"],
    ["carrier", "up", "down"],
    ["address", asked.address, "none"],
    ["mtu", 1500, 1400],
    ["port", "up", "not there"],
    ["port mtu", 1500, "not there"],
    ["port bridge", two.links[0]?.bridge, "not there"],
    ["port queue", "rate 10000 kbit/s", "none"],
  ]);
});
