// What `up` on a running lab would do, for topologies that differ in one thing each.
import { describe, expect, it, test } from "vitest";
import { parseTopology } from "../spec/index.js";
import {
  changeCommandsText,
  changesBetween,
  changesText,
  isUnchanged,
  type Plan,
  planFor,
  refusalText,
} from "./index.js";

interface Written {
  readonly head?: string;
  readonly nodes?: readonly string[];
  readonly links?: readonly string[];
}

const routers = ["r1: { kind: router }", "r2: { kind: router }", "r3: { kind: router }"];
const line = ['{ endpoints: ["r1:eth1", "r2:eth1"], rate: 10mbit }', '{ endpoints: ["r2:eth2", "r3:eth1"] }'];

function planOf({ head = "profile: fast", nodes = routers, links = line }: Written): Plan {
  const text = `format: 1\nname: lab\n${head}\nnodes:\n${nodes.map((each) => `  ${each}\n`).join("")}links:\n${links.map((each) => `  - ${each}\n`).join("")}`;
  const topology = parseTopology(text, "lab.yaml");
  if (topology.kind === "bad") throw new Error(JSON.stringify(topology.problems));
  const plan = planFor(topology.value, { file: "lab.yaml" });
  if (plan.kind === "bad") throw new Error(JSON.stringify(plan.problems));
  return plan.value;
}

const before = planOf({});
const changesTo = (written: Written, from = before): ReturnType<typeof changesBetween> =>
  changesBetween(from, planOf(written));

describe("a lab that is as the file says", () => {
  it("has nothing to change, in whichever order the file writes it", () => {
    for (const written of [{}, { nodes: routers.toReversed(), links: line.toReversed() }]) {
      const changes = changesTo(written);
      expect(isUnchanged(changes), `${JSON.stringify(changes)}`).toBe(true);
      expect(changesText(changes)).toBe("lab lab is as the file says: nothing to change\n");
      expect(changeCommandsText(changes)).toBe("");
    }
  });
});

describe("what is changed in place", () => {
  it("a rate is the queue's, changed where it is, in both directions", () => {
    const changes = changesTo({ links: [line[0]?.replace("10m", "20m") ?? "", line[1] ?? ""] });
    expect(changesText(changes)).toBe("lab lab:\n  change link r1:eth1 - r2:eth1: rate 10000 kbit/s → 20000 kbit/s\n");
    expect(changeCommandsText(changes)).toBe(`Commands, in order
  in the switchboard: tc qdisc change dev r1.eth1 root handle 1: tbf rate 20000kbit burst 3028 latency 50ms
  in the switchboard: tc qdisc change dev r2.eth1 root handle 1: tbf rate 20000kbit burst 3028 latency 50ms
`);
    expect(changes.refused).toEqual([]);
  });

  it("a queue of another kind is made anew; without netem TCP may hand over large frames again", () => {
    const delayed = planOf({ links: ['{ endpoints: ["r1:eth1", "r2:eth1"], delay: 5ms }', line[1] ?? ""] });
    const changes = changesTo({}, delayed);
    const lines = (steps: readonly { readonly line: string }[]): readonly string[] => steps.map((step) => step.line);
    expect(lines(changes.steps.impairments).slice(0, 2)).toEqual([
      "qdisc delete dev r1.eth1 root",
      "qdisc add dev r1.eth1 root handle 1: tbf rate 10000kbit burst 3028 latency 50ms",
    ]);
    expect(lines(changes.steps.addressing)).toEqual([
      "link set dev eth1 gso_max_segs 65535",
      "link set dev eth1 gso_max_segs 65535",
    ]);
    const back = changesBetween(before, delayed);
    expect(lines(back.steps.addressing)).toEqual([
      "link set dev eth1 gso_max_segs 1",
      "link set dev eth1 gso_max_segs 1",
    ]);
    expect(changesText(back)).toContain("delay none → 5 ms");
    expect(changesText(back)).toContain("rate 10000 kbit/s → unlimited");
  });

  it("mtu and carrier", () => {
    const changes = changesTo({
      links: [line[0] ?? "", '{ endpoints: ["r2:eth2", "r3:eth1"], mtu: 1400, carrier: isolate }'],
    });
    expect(changesText(changes)).toBe(
      "lab lab:\n  change link r2:eth2 - r3:eth1: mtu 1500 → 1400\n  change link r2:eth2 - r3:eth1: carrier propagate → isolate\n",
    );
    expect(changes.steps.wiring).toEqual([]);
    expect(changes.steps.addressing.map(({ namespace, line: text }) => `${namespace}: ${text}`)).toEqual([
      ": link set dev r2.eth2 mtu 1400",
      "r2: link set dev eth2 mtu 1400",
      ": link set dev r3.eth1 mtu 1400",
      "r3: link set dev eth1 mtu 1400",
    ]);
  });

  it("a node that comes brings its own lines, and its neighbour's interface; nothing else is told anything", () => {
    const grown = {
      nodes: [...routers, "r4: { kind: router }"],
      links: [...line, '{ endpoints: ["r3:eth2", "r4:eth1"] }'],
    };
    const after = planOf(grown);
    const changes = changesBetween(before, after);
    expect(changesText(changes)).toBe("lab lab:\n  add node r4\n  add link r3:eth2 - r4:eth1\n");
    const { steps, frr } = changes;
    expect([steps.removing, steps.namespacesRemoved, steps.namespacesAdded]).toEqual([[], [], ["r4"]]);
    const old = new Set([...before.steps.wiring, ...before.steps.addressing].map((step) => JSON.stringify(step)));
    for (const step of [...steps.wiring, ...steps.addressing]) {
      expect(old.has(JSON.stringify(step)), `${step.line}`).toBe(false);
    }
    expect(steps.wiring.length + before.steps.wiring.length).toBe(after.steps.wiring.length);
    expect(steps.addressing.length + before.steps.addressing.length).toBe(after.steps.addressing.length);
    expect(frr.map(({ node }) => node)).toEqual(["r3"]);
    expect(frr[0]?.adding[0]).toBe("interface eth2");
    expect(frr[0]?.removing).toEqual([]);
    // And back: what came goes again, and no line of what stays is touched.
    const back = changesBetween(after, before);
    expect(changesText(back)).toBe("lab lab:\n  remove node r4\n  remove link r3:eth2 - r4:eth1\n");
    expect(back.steps.removing.map((step) => step.line).slice(0, 2)).toEqual([
      "link delete dev r3.eth2",
      "link delete dev r4.eth1",
    ]);
    expect(back.frr).toMatchObject([{ node: "r3", removing: ["no interface eth2"], adding: [] }]);
    expect([back.steps.wiring, back.steps.addressing]).toEqual([[], []]);
  });

  it("an interface whose cable goes elsewhere is removed and made anew", () => {
    const changes = changesTo({ links: [line[0] ?? "", '{ endpoints: ["r1:eth2", "r3:eth1"] }'] });
    expect(changesText(changes)).toBe("lab lab:\n  remove link r2:eth2 - r3:eth1\n  add link r1:eth2 - r3:eth1\n");
    expect(changes.refused).toEqual([]);
    expect(changes.steps.removing.map((step) => step.line)).toContain("link delete dev r3.eth1");
    expect(changes.steps.wiring.some((step) => step.line.startsWith("link add name r3.eth1 "))).toBe(true);
    expect(changes.steps.addressing.some((step) => step.namespace === "r3")).toBe(true);
    expect(changes.frr.map(({ node }) => node)).toEqual(["r1", "r2", "r3"]);
  });

  it("static routes, and known neighbours of a switch", () => {
    const head = "profile: fast\nrouting: { protocol: static, neighbours: fixed }";
    const nodes = (count: number): readonly string[] => [
      "s: { kind: switch }",
      ...Array.from({ length: count }, (_, index) => {
        const others = Array.from({ length: count }, (__, other) => `r${other + 1}`).filter(
          (name) => name !== `r${index + 1}`,
        );
        return `r${index + 1}: { kind: router, routes: [${others.map((name) => `{ to: ${name}, via: ${name} }`).join(", ")}] }`;
      }),
    ];
    const links = (count: number): readonly string[] =>
      Array.from({ length: count }, (_, index) => `{ endpoints: ["r${index + 1}:eth1", s] }`);
    const [two, three] = [2, 3].map((count) => planOf({ head, nodes: nodes(count), links: links(count) }));
    if (two === undefined || three === undefined) throw new Error("two plans");
    const grown = changesBetween(two, three);
    expect(grown.refused).toEqual([]);
    expect(changesText(grown)).toContain("change static routes of r1");
    expect(grown.frr[0]?.adding[0]).toMatch(/^ip route 10\./);
    expect(grown.steps.addressing.filter((step) => step.namespace === "r1").map((step) => step.line)).toEqual([
      expect.stringMatching(/^neighbour replace \S+ lladdr \S+ nud permanent dev eth1$/),
    ]);
    const shrunk = changesBetween(three, two);
    expect(shrunk.frr[0]?.removing[0]).toMatch(/^no ip route 10\./);
    expect(shrunk.steps.removing.filter((step) => step.namespace === "r1").map((step) => step.line)).toEqual([
      expect.stringMatching(/^neighbour delete \S+ dev eth1$/),
    ]);
  });
});

describe("what is refused by name", () => {
  const bft = (extra: readonly string[] = [], links: readonly string[] = []): Written => ({
    nodes: ["o1: { kind: orderer }", "p1: { kind: peer }", "r1: { kind: router }", ...extra],
    links: ['{ endpoints: ["o1:eth1", "r1:eth1"] }', '{ endpoints: ["p1:eth1", "r1:eth2"] }', ...links],
  });
  test.each<[string, Written, Written, readonly (string | RegExp)[]]>([
    [
      "another profile, once",
      bft(),
      { ...bft(), head: "profile: fabric" },
      [/^Cannot change lab "lab": profile: is "fast" in the lab and "fabric" in the file/],
    ],
    [
      "a protocol option",
      bft(),
      { ...bft(), head: "profile: fast\nprotocol: { RequestForwardTimeout: 600ms }" },
      [/: protocol\.requestForwardTimeout: is 500000 in the lab and 600000/],
    ],
    [
      "a hello interval",
      {},
      { head: "profile: fast\nrouting: { hello: 2s, dead: 8s }" },
      [/: routing\.ospf\.helloInterval: /, /: routing\.ospf\.deadInterval: /],
    ],
    [
      "another kind",
      {},
      { nodes: ["r1: { kind: router }", "r2: { kind: router }", "r3: { kind: host, command: [sleep, inf] }"] },
      [/: node r3: kind: is router in the lab and host in the file; give the new node another name/],
    ],
    [
      "an orderer that joins",
      bft(),
      bft(["o2: { kind: orderer }"], ['{ endpoints: ["o2:eth1", "r1:eth3"] }']),
      [/: node o2: an orderer cannot join/],
    ],
    [
      "an orderer that leaves",
      bft(["o2: { kind: orderer }"], ['{ endpoints: ["o2:eth1", "r1:eth3"] }']),
      bft(),
      [/: node o2: an orderer cannot leave/],
    ],
    [
      "a client that joins",
      bft(),
      bft(["c1: { kind: client }"], ['{ endpoints: ["c1:eth1", "r1:eth3"] }']),
      [/: node c1: a client cannot join/],
    ],
    [
      "an orderer's own option",
      bft(),
      {
        ...bft(),
        nodes: [
          "o1: { kind: orderer, protocol: { RequestPoolSize: 7 } }",
          "p1: { kind: peer }",
          "r1: { kind: router }",
        ],
      },
      [/: node o1: service\.options\.requestPoolSize: is \d+ in the lab and 7/],
    ],
    [
      "another id, which moves its addresses",
      {},
      { nodes: ["r1: { kind: router, id: x }", "r2: { kind: router }", "r3: { kind: router }"] },
      [/: node r1: address: is 10\./],
    ],
    [
      "a host's first link",
      { nodes: [...routers, "h1: { kind: host, command: [sleep, inf] }"] },
      {
        nodes: [...routers, "h1: { kind: host, command: [sleep, inf] }"],
        links: [...line, '{ endpoints: ["h1:eth1", "r3:eth2"] }'],
      },
      [/: node h1: links: it would get its first link/],
    ],
  ])("%s", (_, from, to, expected) => {
    const changes = changesBetween(planOf(from), planOf(to));
    const text = refusalText(changes);
    for (const each of expected) expect(text).toMatch(each);
    expect(isUnchanged(changes)).toBe(false);
    expect(changes.refused).toHaveLength(expected.length);
    for (const { cure } of changes.refused) expect(cure).not.toBe("");
  });

  it("nothing of a peer, router, host or switch that comes or goes", () => {
    const grown = bft(
      ["p2: { kind: peer }", "s1: { kind: switch }", "h1: { kind: host, command: [sleep, inf] }"],
      ['{ endpoints: ["p2:eth1", "r1:eth3"] }', '{ endpoints: ["r1:eth4", s1] }', '{ endpoints: ["h1:eth1", s1] }'],
    );
    expect(changesBetween(planOf(bft()), planOf(grown)).refused).toEqual([]);
    expect(changesBetween(planOf(grown), planOf(bft())).refused).toEqual([]);
  });
});
