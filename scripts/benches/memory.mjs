// Memory of a lab's processes when it has come up: a router (its FRR daemons and the shells beside them), an orderer, the agent.
import { readFileSync } from "node:fs";
import * as bench from "./shared.mjs";
import { isAgent, processesOf, residentMib, shareMib } from "./processes.mjs";

const topology = "topologies/bft4-ring.yaml";

export async function memory() {
  const name = "bench-memory";
  bench.testbed("up", topology, "--name", name, "--runtime", "netns");
  try {
    const all = processesOf(name);
    const status = JSON.parse(bench.testbed("status", "--lab", name, "-f", "json"));
    const networkOf = (node) => all.find(({ folder }) => folder.endsWith(`/nodes/${node}`))?.network;
    const networks = new Map(status.nodes.map(({ name: node }) => [node, networkOf(node)]));
    const of = (members) => members.map(({ pid }) => [residentMib(pid), shareMib(pid)]);
    const inNode = (node, isWanted) => all.filter(({ network, command }) => network === networks.get(node) && isWanted(command));
    const isFrr = (command) => command[0]?.includes("/frr/") ?? false;
    const isService = (command) => command[0]?.endsWith("/node") ?? false;
    const nodesOf = (kind) => status.nodes.filter((node) => node.kind === kind).map((node) => node.name);
    const sum = (pairs, index) => pairs.reduce((total, pair) => total + pair[index], 0);
    const row = (label, groups) => {
      const totals = groups.map((pairs) => [sum(pairs, 0), sum(pairs, 1)]);
      return [label, groups[0].length, ...[0, 1].map((index) => bench.median(totals.map((pair) => pair[index])).toFixed(1))];
    };
    const routers = nodesOf("router");
    const orderers = nodesOf("orderer");
    return {
      title: `Memory in MiB when ${topology} has come up: median over its ${routers.length} routers and ${orderers.length} orderers`,
      columns: ["", "processes", "resident", "proportional share"],
      rows: [
        row("router: all of it", routers.map((node) => of(inNode(node, () => true)))),
        row("router: FRR's daemons", routers.map((node) => of(inNode(node, isFrr)))),
        row("orderer: its service", orderers.map((node) => of(inNode(node, isService)))),
        row("agent", [of(all.filter(isAgent))]),
      ],
      notes: [
        `Resident counts programs and libraries once for each process that has them; the share divides them. ${kernelLine()}`,
      ],
    };
  } finally {
    bench.testbed("down", "--lab", name);
  }
}

const kernelLine = () => `Total memory ${(Number(/^MemTotal:\s+(\d+)/.exec(readFileSync("/proc/meminfo", "utf8"))?.[1]) / 1_048_576).toFixed(1)} GiB.`;
