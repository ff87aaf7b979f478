// What each orderer, peer and client is told at start, but for what `up` makes: keys, paths, the seed of the run.
import { nodeId } from "../base/index.js";
import type { Topology, TopologyNode } from "../spec/index.js";
import type { PlannedService } from "./plan.js";

/** Fabric's port of an orderer. Every orderer has its own address, so one number serves all. */
export const ordererPort = 7050;
/** One organisation owns all clients: certificates and organisations come later. */
export const clientMspId = "Org1MSP";

/** `address` is the node's loopback, or empty without links. Answers undefined for kinds that run no service of ours. */
export function serviceFor(topology: Topology, node: TopologyNode, address: string): PlannedService | undefined {
  const base = {
    format: 1,
    name: node.name,
    channel: topology.channel,
    address,
    transport: topology.transport,
  } as const;
  switch (node.kind) {
    case "orderer":
      return {
        ...base,
        kind: "orderer",
        implementation: node.implementation,
        id: nodeId(node.ordererId),
        port: ordererPort,
        options: node.protocol,
        messageTrace: true,
      };
    case "peer":
      return { ...base, kind: "peer", blockSources: blockSourcesFor(topology, node.blockSources), ...topology.peer };
    case "client":
      return { ...base, kind: "client", mspId: clientMspId };
    case "router":
    case "switch":
    case "host":
      return undefined;
  }
}

/**
 * Names of orderers for what is written: `leader` is who leads view 0, the lowest id; `follower` the highest id, which
 * leads last of all as views advance. Without a word of the topology the order is that of ids, as the peer adds the rest.
 */
function blockSourcesFor(topology: Topology, written: readonly string[]): readonly string[] {
  const orderers = topology.nodes
    .filter((node) => node.kind === "orderer")
    .toSorted((a, b) => a.ordererId - b.ordererId);
  const names = written.map((source) => {
    if (source === "leader") return orderers.at(0)?.name ?? source;
    if (source === "follower") return orderers.at(-1)?.name ?? source;
    return source;
  });
  return [...new Set(names)];
}
