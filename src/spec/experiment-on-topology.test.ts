// Settings in layers: who wins over whom, and that a profile can be replaced without the text.
import { describe, expect, it } from "vitest";
import { milliseconds, problemText, seconds, type Parsed } from "../base/index.js";
import { optionProblems } from "../smartbft/index.js";
import {
  applyExperiment,
  checkAgainst,
  parseExperiment,
  parseTopology,
  profileNames,
  profiles,
  settingProblems,
  withProfile,
} from "./index.js";

function good<Value>(parsed: Parsed<Value>): Value {
  if (parsed.kind === "bad") throw new Error(parsed.problems.map(problemText).join("\n"));
  return parsed.value;
}

const topology = good(
  parseTopology(
    `format: 1
name: layers
profile: fast
protocol: { RequestBatchMaxCount: 7, CollectTimeout: 70ms, ViewChangeTimeout: 7s }
transport: { tcp-syn-retries: 7 }
nodes:
  orderer10: { kind: orderer }
  orderer2: { kind: orderer, protocol: { CollectTimeout: 90ms } }
  orderer1: { kind: orderer }
  client1: { kind: client }
  peer1: { kind: peer }
  sw1: { kind: switch }
links:
  - endpoints: ["orderer10:eth1", "sw1"]
  - endpoints: ["orderer2:eth1", "sw1"]
  - endpoints: ["orderer1:eth1", "sw1"]
  - endpoints: ["client1:eth1", "sw1"]
  - endpoints: ["peer1:eth1", "sw1"]
`,
    "layers.yaml",
  ),
);

const text = `format: 1
name: layered
topology: layers.yaml
profile: library
protocol: { CollectTimeout: 80ms, ViewChangeTimeout: 8s }
transport: { broadcast: parallel }
peer: { censorship-timeout: 8s }
workload: { rate: 1/s, size: 1B }
timeline: []
duration: 1s
`;
const experiment = good(parseExperiment(text, "layered.yaml"));

describe("layers of settings", () => {
  it("lets a topology win over its profile, and a node over the topology", () => {
    expect(topology.protocol.requestForwardTimeout).toBe(milliseconds(500));
    expect(topology.protocol.collectTimeout).toBe(milliseconds(70));
    expect(topology.nodes.find(({ name }) => name === "orderer2")?.protocol.collectTimeout).toBe(milliseconds(90));
    expect(topology.transport.tcpSynRetries).toBe(7);
  });

  it("lets an experiment win over the topology, but not over a single node", () => {
    const applied = applyExperiment(topology, experiment);
    expect(applied.profile).toBe("library");
    expect(applied.protocol.requestForwardTimeout).toBe(seconds(2));
    expect(applied.protocol.requestBatchMaxCount).toBe(7);
    expect(applied.protocol.collectTimeout).toBe(milliseconds(80));
    expect(applied.protocol.viewChangeTimeout).toBe(seconds(8));
    expect(applied.nodes.map(({ name, protocol }) => [name, protocol.collectTimeout]).slice(0, 3)).toEqual([
      ["orderer10", milliseconds(80)],
      ["orderer2", milliseconds(90)],
      ["orderer1", milliseconds(80)],
    ]);
    expect(applied.transport).toEqual({ ...profiles.library.transport, tcpSynRetries: 7, broadcast: "parallel" });
    expect(applied.peer.censorshipTimeout).toBe(seconds(8));
  });

  it("lets the profile of the command line replace both", () => {
    expect(applyExperiment(topology, experiment, { profile: "fabric" }).protocol.requestForwardTimeout).toBe(
      seconds(5),
    );
    expect(withProfile(topology, "fabric").protocol.collectTimeout).toBe(milliseconds(70));
  });

  it("changes nothing when applied twice", () => {
    const once = applyExperiment(topology, experiment);
    expect(applyExperiment(once, experiment)).toEqual(once);
  });

  it("finds what does not fit together once the layers meet", () => {
    const narrow = parseTopology(
      `format: 1
name: narrow
profile: fabric
protocol: { RequestForwardTimeout: 4s }
nodes: { orderer1: { kind: orderer } }
`,
      "narrow.yaml",
    );
    expect(settingProblems(good(narrow))).toEqual([]);
    expect(settingProblems(withProfile(good(narrow), "fast"))).toEqual([
      "RequestForwardTimeout must not exceed RequestComplainTimeout; RequestForwardTimeout is 4s, RequestComplainTimeout is 1.5s",
    ]);
  });

  it("says who is missing in a topology that no experiment can be run on", () => {
    const lone = good(parseTopology("format: 1\nname: lone\nnodes: { orderer1: { kind: orderer } }\n", "lone.yaml"));
    expect(checkAgainst(experiment, lone, { text, file: "layered.yaml" }).map(problemText)).toEqual([
      'layered.yaml:1:1: block-source: There is no follower in topology "lone" to pull blocks from; write block-source: leader',
      'layered.yaml:3:11: topology: There is no client in topology "lone" to offer the workload; add a node of kind client',
      'layered.yaml:3:11: topology: There is no peer in topology "lone" at which transactions are committed; add a node of kind peer',
    ]);
  });
});

describe("faults and the nodes that they fit", () => {
  const nodes = `nodes:
  orderer1: { kind: orderer }
  client1: { kind: client }
  peer1: { kind: peer }
  r1: { kind: router }
  host1: { kind: host, command: [sleep, infinity] }
  sw1: { kind: switch }
links:
${["orderer1", "client1", "peer1", "r1"].map((name) => `  - endpoints: ["${name}:eth1", "sw1"]`).join("\n")}
`;
  const small = good(parseTopology(`format: 1\nname: small\nprofile: fast\n${nodes}`, "small.yaml"));
  const problemsOf = (fault: string, target: string): readonly string[] => {
    const written = text
      .replace("timeline: []", `timeline: [{ at: 1ms, fault: ${fault}, target: ${target} }]`)
      .replace("duration: 1s", "duration: 1s\nblock-source: leader");
    const parsed = good(parseExperiment(written, "small-run.yaml"));
    return checkAgainst(parsed, small, { text: written, file: "small-run.yaml" }).map(({ message }) => message);
  };

  it("takes a whole node of every kind", () => {
    for (const target of ["orderer1", "client1", "peer1", "r1", "host1"]) {
      for (const fault of ["node-stop", "node-kill", "node-pause", "node-restart"])
        expect([target, fault, problemsOf(fault, target)]).toEqual([target, fault, []]);
    }
  });

  it("refuses what the node has not", () => {
    expect(problemsOf("process-pause", "r1")).toEqual(['"r1" is a router, which has no service to pause']);
    expect(problemsOf("process-kill", "host1")).toEqual([
      '"host1" is a host, whose command is no service of ours to kill by itself',
    ]);
    expect(problemsOf("frr-kill", "host1")).toEqual(['"host1" has no link, so no FRR runs in it']);
    expect(problemsOf("frr-kill", "r1")).toEqual([]);
  });
});

describe("canonical topologies", () => {
  it("number orderers by natural order of their names, where no id is written", () => {
    const ids = Object.fromEntries(topology.nodes.map(({ name, ordererId }) => [name, ordererId]));
    expect(ids).toEqual({ orderer1: 1, orderer2: 2, orderer10: 3, client1: 0, peer1: 0, sw1: 0 });
  });

  it("keep carrier to themselves at a switch, and pass it on between two nodes", () => {
    expect(new Set(topology.links.map(({ carrier }) => carrier))).toEqual(new Set(["isolate"]));
    const pair = parseTopology(
      `format: 1
name: pair
nodes: { orderer1: { kind: orderer }, client1: { kind: client } }
links: [{ endpoints: ["orderer1:eth1", "client1:eth1"], delay: 5ms, loss: 0.5%, rate: 1mbit }]
`,
      "pair.yaml",
    );
    expect(good(pair).links).toEqual([
      {
        endpoints: [
          { node: "orderer1", interface: "eth1" },
          { node: "client1", interface: "eth1" },
        ],
        mtu: 1500,
        impairment: { delay: milliseconds(5), jitter: 0, lossPercent: 0.5, rateKbit: 1000 },
        carrier: "propagate",
      },
    ]);
  });

  it("are the same for the same text", () => {
    expect(parseExperiment(text, "a")).toEqual(parseExperiment(text, "a"));
  });
});

describe("profiles", () => {
  it.each(profileNames)("%s breaks no rule of the protocol", (name) => {
    expect(optionProblems(profiles[name].protocol)).toEqual([]);
    expect(profiles[name].name).toBe(name);
  });

  it("predict when a leader that is gone is complained about: forward plus complain", () => {
    const chain = profileNames.map((name) => {
      const { requestForwardTimeout, requestComplainTimeout } = profiles[name].protocol;
      return [name, (requestForwardTimeout + requestComplainTimeout) / 1_000_000];
    });
    expect(chain).toEqual([
      ["fabric", 25],
      ["library", 22],
      ["fast", 2],
    ]);
  });
});
