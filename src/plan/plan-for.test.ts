// The plan's own rules on small topologies made for one question each. Shipped topologies: tests/pure/plan-golden.test.ts.
import { describe, expect, it } from "vitest";
import { problemText } from "../base/index.js";
import { parseTopology, placesIn, type Topology } from "../spec/index.js";
import { parsePlan, type Plan, planFor, type PlannedNode } from "./index.js";

function topologyOf(body: string): Topology {
  const parsed = parseTopology(`format: 1\nname: small\nprofile: fast\n${body}`, "small.yaml");
  if (parsed.kind === "bad") throw new Error(parsed.problems.map(problemText).join("\n"));
  return parsed.value;
}

function planOf(topology: Topology): Plan {
  const parsed = planFor(topology);
  if (parsed.kind === "bad") throw new Error(parsed.problems.map(problemText).join("\n"));
  return parsed.value;
}

const nodeOf = (plan: Plan, name: string): PlannedNode => {
  const found = plan.nodes.find((node) => node.name === name);
  if (found === undefined) throw new Error(`No node ${name}`);
  return found;
};

const linesOf = (plan: Plan): readonly string[] =>
  [...plan.steps.wiring, ...plan.steps.addressing, ...plan.steps.impairments].map(
    (step) => `${step.namespace}> ${step.tool} ${step.line}`,
  );

const pair = (more = "", link = ""): string => `${more}
nodes: { r1: { kind: router }, r2: { kind: router } }
links: [{ endpoints: ["r1:eth1", "r2:eth1"]${link} }]`;

describe("names in the switchboard", () => {
  it("are readable where they fit into 15 bytes, and hashed where they do not", () => {
    const plan = planOf(
      topologyOf(
        `
nodes: { r1: { kind: router }, a-long-router-x: { kind: router }, lan: { kind: switch }, a-long-switch-x: { kind: switch } }
links:
  - endpoints: ["r1:eth1", "a-long-router-x:eth1"]
  - endpoints: ["r1:eth2", "lan"]
  - endpoints: ["r1:interface-in-15", "a-long-switch-x"]`.replace("interface-in-15", "interface-in15"),
      ),
    );
    expect(plan.nodes.flatMap((node) => node.interfaces.map((each) => each.port))).toEqual([
      "r1.eth1",
      "r1.eth2",
      expect.stringMatching(/^r1~[0-9a-f]{8}$/),
      expect.stringMatching(/^a-long~[0-9a-f]{8}$/),
    ]);
    expect(plan.switches.map((each) => each.bridge)).toEqual(["sw~lan", expect.stringMatching(/^switch~[0-9a-f]{8}$/)]);
    expect(plan.links.map((link) => link.bridge)).toEqual([expect.stringMatching(/^link~[0-9a-f]{8}$/)]);
  });

  it("are never words of ip, whatever nodes and interfaces are called", () => {
    const plan = planOf(
      topologyOf(`
nodes: { dev: { kind: router }, up: { kind: router }, lo: { kind: switch }, master: { kind: switch } }
links:
  - endpoints: ["dev:name", "up:type"]
  - endpoints: ["dev:master", "lo"]
  - endpoints: ["up:up", "master"]`),
    );
    const names = [
      ...plan.nodes.flatMap((node) => node.interfaces.map((each) => each.port)),
      ...plan.switches.map((each) => each.bridge),
    ];
    for (const name of names) expect(name).toMatch(/[.~]/);
    expect(linesOf(plan)).toContain("up> ip link set dev up up");
  });
});

describe("addresses", () => {
  it("come from the lower half of 10.0.0.0/8 for loopbacks, the upper for links, its last quarter for switches", () => {
    const plan = planOf(
      topologyOf(`
nodes: { r1: { kind: router }, r2: { kind: router }, lan: { kind: switch } }
links: [{ endpoints: ["r1:eth1", "r2:eth1"] }, { endpoints: ["r1:eth2", "lan"] }]`),
    );
    const second = (address: string): number => Number(address.split(".")[1]);
    for (const name of ["r1", "r2"]) expect(second(nodeOf(plan, name).loopback)).toBeLessThan(128);
    expect(plan.links[0]?.subnet).toMatch(/^10\.(12[89]|1[3-8]\d|19[01])\.\d+\.\d+\/30$/);
    expect(plan.switches[0]?.subnet).toMatch(/^10\.(19[2-9]|2\d\d)\.\d+\.0\/20$/);
  });

  it("follow `id:` in place of the name, and then only those of the node and its links move", () => {
    const nodes = (r2: string): string => `
nodes: { r1: { kind: router }, r2: { kind: router${r2} }, r3: { kind: router } }
links: [{ endpoints: ["r1:eth1", "r2:eth1"] }, { endpoints: ["r1:eth2", "r3:eth1"] }]`;
    const before = planOf(topologyOf(nodes("")));
    const after = planOf(topologyOf(nodes(", id: other")));
    expect(nodeOf(after, "r2").loopback).not.toBe(nodeOf(before, "r2").loopback);
    expect(after.links[0]?.subnet).not.toBe(before.links[0]?.subnet);
    expect(nodeOf(after, "r3").interfaces).toEqual(nodeOf(before, "r3").interfaces);
    expect(nodeOf(after, "r1").loopback).toBe(nodeOf(before, "r1").loopback);
  });

  it("are drawn again for the later name where two collide, which the plan lists", () => {
    const plan = planOf(
      topologyOf(`
nodes: { r1: { kind: router, id: same }, r2: { kind: router, id: same } }
links: [{ endpoints: ["r1:eth1", "r2:eth1"] }]`),
    );
    expect(nodeOf(plan, "r1").loopback).not.toBe(nodeOf(plan, "r2").loopback);
    expect(plan.collisions).toContain(
      'The loopback address of "r2" fell on that of "r1" and was drawn again: an id on one of their nodes settles it',
    );
  });
});

describe("impairments", () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ["", []],
    [", delay: 50ms", ["qdisc add dev r1.eth1 root handle 1: netem limit 51000 delay 50000us"]],
    [
      ", delay: 10ms, jitter: 2ms, loss: 0.5%",
      ["qdisc add dev r1.eth1 root handle 1: netem limit 13000 delay 10000us 2000us loss 0.5%"],
    ],
    [", loss: 3%", ["qdisc add dev r1.eth1 root handle 1: netem limit 1000 loss 3%"]],
    // Ten frames at 1 Mbit/s take 122 ms; a millisecond of it is less than two frames.
    [", rate: 1mbit", ["qdisc add dev r1.eth1 root handle 1: tbf rate 1000kbit burst 3028 latency 122ms"]],
    [", rate: 100mbit", ["qdisc add dev r1.eth1 root handle 1: tbf rate 100000kbit burst 12500 latency 50ms"]],
    [
      ", delay: 5s, rate: 10mbit",
      [
        "qdisc add dev r1.eth1 root handle 1: netem limit 1000000 delay 5000000us",
        "qdisc add dev r1.eth1 parent 1:1 handle 10: tbf rate 10000kbit burst 3028 latency 50ms",
      ],
    ],
  ];

  it.each(cases)("of a link with %j become tc lines at both ports", (link, expected) => {
    const lines = planOf(topologyOf(pair("", link))).steps.impairments.map((step) => `${step.tool} ${step.line}`);
    const both = [...expected, ...expected.map((line) => line.replace("r1.eth1", "r2.eth1"))];
    expect(lines).toEqual(both.map((line) => `tc ${line}`));
  });

  it("state what the kernel must have", () => {
    expect(planOf(topologyOf(pair())).requirements).toEqual([]);
    expect(planOf(topologyOf(pair("", ", loss: 1%"))).requirements).toEqual(["sch_netem"]);
    expect(planOf(topologyOf(pair("", ", rate: 1mbit"))).requirements).toEqual(["sch_tbf"]);
    expect(planOf(topologyOf(pair("", ", delay: 1ms, rate: 1mbit"))).requirements).toEqual(["sch_netem", "sch_tbf"]);
  });

  it("make every frame one packet where netem counts them, and leave other links as fast as they are", () => {
    const segments = "r1> ip link set dev eth1 gso_max_segs 1";
    expect(linesOf(planOf(topologyOf(pair("", ", loss: 1%"))))).toContain(segments);
    expect(linesOf(planOf(topologyOf(pair("", ", rate: 1mbit"))))).not.toContain(segments);
    expect(linesOf(planOf(topologyOf(pair())))).not.toContain(segments);
  });
});

describe("FRR", () => {
  it("sends hellos of less than a second as FRR's minimal dead interval", () => {
    const topology = topologyOf(pair());
    if (topology.routing.protocol !== "ospf") throw new Error("Expected OSPF");
    const ospf = { ...topology.routing.ospf };
    // Microseconds; the file format knows whole seconds only.
    const fast = { ...ospf, helloInterval: 250_000, deadInterval: 1_000_000 } as typeof ospf;
    const plan = planOf({ ...topology, routing: { ...topology.routing, ospf: fast } });
    expect(nodeOf(plan, "r1").frr?.configuration).toContain(" ip ospf dead-interval minimal hello-multiplier 4\n");
  });

  it("elects no designated router on a link, and one on a switch", () => {
    const plan = planOf(
      topologyOf(`
nodes: { r1: { kind: router }, r2: { kind: router }, lan: { kind: switch } }
links: [{ endpoints: ["r1:eth1", "r2:eth1"] }, { endpoints: ["r1:eth2", "lan"] }]`),
    );
    const text = nodeOf(plan, "r1").frr?.configuration ?? "";
    expect(text.match(/interface \S+|ip ospf network \S+/g)).toEqual([
      "interface eth1",
      "ip ospf network point-to-point",
      "interface eth2",
      "ip ospf network broadcast",
      "interface lo",
    ]);
  });

  it("runs bfdd only when asked to", () => {
    expect(nodeOf(planOf(topologyOf(pair())), "r1").frr?.daemons).toEqual(["zebra", "ospfd"]);
    const withBfd = nodeOf(planOf(topologyOf(pair("routing: { bfd: on }"))), "r1").frr;
    expect(withBfd?.daemons).toEqual(["zebra", "ospfd", "bfdd"]);
    expect(withBfd?.configuration).toContain(" ip ospf bfd profile testbed\n");
  });

  it("writes static routes by way of the neighbour's address, a switch's too, and expects just those", () => {
    const plan = planOf(
      topologyOf(`
routing: { protocol: static }
nodes:
  r1: { kind: router, routes: [{ to: r2, via: r2 }, { to: 10.200.0.0/16, via: r3 }] }
  r2: { kind: router, routes: [{ to: [r1, r3], via: r1 }] }
  r3: { kind: router, routes: [{ to: [r1, r2], via: r1 }] }
  lan: { kind: switch }
links:
  - endpoints: ["r1:eth1", "r2:eth1"]
  - endpoints: ["r1:eth2", "lan"]
  - endpoints: ["r3:eth1", "lan"]`),
    );
    const address = (name: string): string => nodeOf(plan, name).interfaces[0]?.address.split("/")[0] ?? "";
    const r1 = nodeOf(plan, "r1");
    const r2 = `${nodeOf(plan, "r2").loopback}/32`;
    expect(r1.frr?.daemons).toEqual(["zebra", "staticd"]);
    expect(r1.frr?.configuration).toContain(
      `ip route ${r2} ${address("r2")}\nip route 10.200.0.0/16 ${address("r3")}\n`,
    );
    expect(r1.frr?.configuration).toContain(`ip protocol static route-map testbed-source\n`);
    expect(r1.routesExpected).toEqual([r2, "10.200.0.0/16"]);
  });

  it("without routing there is no FRR, and no route is waited for", () => {
    const text = [
      "routing: { protocol: none }",
      "nodes: { h1: { kind: host, command: [sleep, infinity] }, h2: { kind: host, command: [sleep, infinity] } }",
      'links: [{ endpoints: ["h1:eth1", "h2:eth1"] }]',
      "",
    ].join("\n");
    const plan = planOf(topologyOf(text));
    for (const node of plan.nodes) expect(node).toMatchObject({ frr: undefined, routesExpected: [] });
    expect(plan.nodes.flatMap((node) => node.interfaces)).toHaveLength(2);
  });

  it("is told that only routers are a way through", () => {
    const plan = planOf(
      topologyOf(`
nodes: { orderer1: { kind: orderer }, r1: { kind: router } }
links: [{ endpoints: ["orderer1:eth1", "r1:eth1"] }]`),
    );
    expect(nodeOf(plan, "orderer1").frr?.configuration).toContain(" max-metric router-lsa administrative\n");
    expect(nodeOf(plan, "orderer1").sysctls).toContain("net.ipv4.ip_forward=0");
    expect(nodeOf(plan, "r1").frr?.configuration).not.toContain("max-metric");
    expect(nodeOf(plan, "r1").sysctls).toContain("net.ipv4.ip_forward=1");
  });
});

describe("what cannot be planned", () => {
  it("is a node that others reach only through one that does not forward", () => {
    const body = `
nodes: { orderer1: { kind: orderer }, orderer2: { kind: orderer }, orderer3: { kind: orderer } }
links: [{ endpoints: ["orderer1:eth1", "orderer2:eth1"] }, { endpoints: ["orderer2:eth2", "orderer3:eth1"] }]`;
    const place = placesIn(body, "chain.yaml");
    const parsed = planFor(topologyOf(body), { file: "chain.yaml", place });
    expect(parsed.kind === "bad" && parsed.problems.map(problemText)).toEqual([
      'chain.yaml:2:10: nodes.orderer1: "orderer1" cannot reach orderer3: only routers forward, and no path of routers leads there; put a router between',
    ]);
  });

  it("is a topology with more switches than there are networks for them", () => {
    const switches = Array.from({ length: 1_100 }, (_, index) => `lan${index}`);
    const parsed = planFor(
      topologyOf(`
nodes: { r1: { kind: router }, ${switches.map((name) => `${name}: { kind: switch }`).join(", ")} }
links: [${switches.map((name, index) => `{ endpoints: ["r1:eth${index}", ${name}] }`).join(", ")}]`),
    );
    const texts = parsed.kind === "bad" ? parsed.problems.map(problemText) : [];
    expect(texts.length).toBeGreaterThanOrEqual(76);
    expect(texts[0]).toMatch(
      /^small:1:1: nodes\.lan\d+: No switch network is left for "lan\d+": there are 1024, and 10\d\d are taken; use fewer of them, divide the topology, or give the node an id, which draws again$/,
    );
  });
});

describe("services", () => {
  const plan = planOf(
    topologyOf(`
nodes:
  orderer1: { kind: orderer }
  orderer2: { kind: orderer }
  orderer3: { kind: orderer }
  peer1: { kind: peer, block-sources: [follower, leader, orderer3] }
  client1: { kind: client }
  host1: { kind: host, command: [sleep, infinity] }
  lone: { kind: host, command: [sleep, "1"] }
  lan: { kind: switch }
links:
  - endpoints: ["orderer1:eth1", lan]
  - endpoints: ["orderer2:eth1", lan]
  - endpoints: ["orderer3:eth1", lan]
  - endpoints: ["peer1:eth1", lan]
  - endpoints: ["client1:eth1", lan]
  - endpoints: ["host1:eth1", lan]`),
  );

  it("listen on their loopback, orderers at Fabric's port and with the message trace on", () => {
    const orderer = nodeOf(plan, "orderer2");
    expect(orderer.service).toMatchObject({ id: 2, address: orderer.loopback, port: 7050, messageTrace: true });
  });

  it("name the peer's block sources: the leader of view 0, and the follower that leads last", () => {
    expect(nodeOf(plan, "peer1").service).toMatchObject({ blockSources: ["orderer3", "orderer1"] });
  });

  it("are none of ours on a host, which is routed like the rest unless it has no link", () => {
    expect(nodeOf(plan, "host1")).toMatchObject({ service: undefined, command: ["sleep", "infinity"] });
    expect(nodeOf(plan, "host1").routesExpected).toHaveLength(5);
    expect(nodeOf(plan, "lone")).toMatchObject({ frr: undefined, interfaces: [], routesExpected: [] });
  });
});

describe("a written plan", () => {
  const plan = planOf(topologyOf(pair()));
  const cases: readonly (readonly [string, string, string])[] = [
    ["text that is no JSON", "{", "plan.json:1:1: Cannot read it as JSON: "],
    ["another format", '{"format":2}', "plan.json:1:1: format: Cannot read a plan of format 2: expected 1"],
    ["no format", "[]", "plan.json:1:1: format: Missing: expected 1, the format of a plan"],
    [
      "a value that does not fit",
      JSON.stringify({ ...plan, collisions: "none" }),
      "plan.json:1:1: collisions: Invalid input: expected array, received string",
    ],
    ["a key too many", JSON.stringify({ ...plan, extra: 1 }), 'plan.json:1:1: Unrecognized key: "extra"'],
  ];

  it("made before orderers could be another implementation is read, and they are ours", () => {
    const older = JSON.stringify(plan, (key, value: unknown) => (key === "implementation" ? undefined : value));
    expect(older).not.toContain("implementation");
    const parsed = parsePlan(older, "plan.json");
    expect(parsed.kind === "good" ? parsed.value : parsed).toEqual(plan);
  });

  it.each(cases)("is refused with its reason: %s", (_, written, start) => {
    const parsed = parsePlan(written, "plan.json");
    const texts = parsed.kind === "bad" ? parsed.problems.map(problemText) : [];
    expect(texts).toHaveLength(1);
    expect(texts[0]?.slice(0, start.length)).toBe(start);
    expect(texts[0]).toMatch(/; make it anew from its topology, by testbed plan -f json$/);
  });
});
