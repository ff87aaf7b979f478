// Files of small labs and short experiments that several tests use.

/** Orderers, a peer and a client on one switch, every route written: up in about a second. */
export function starTopology(name: string, orderers: number, protocol = ""): string {
  const members = [
    ...Array.from({ length: orderers }, (_, index) => ({ name: `orderer${index + 1}`, kind: "orderer" })),
    { name: "peer1", kind: "peer" },
    { name: "client1", kind: "client" },
  ];
  const nodes = members.map(({ name: node, kind }) => {
    const others = members.filter((each) => each.name !== node);
    const routes = others.map((each) => `{ to: ${each.name}, via: ${each.name} }`).join(", ");
    return `  ${node}: { kind: ${kind}, routes: [${routes}] }`;
  });
  const links = members.map(({ name: node }) => `  - { endpoints: ["${node}:eth1", "sw1"] }`);
  return `format: 1
name: ${name}
profile: fast
${protocol}routing: { protocol: static }
nodes:
  sw1: { kind: switch }
${nodes.join("\n")}
links:
${links.join("\n")}
`;
}

/** A few seconds of load with one fault in it. */
export function shortExperiment(
  topology: string,
  fault: string,
  { duration = "4s", drain = "4s" }: { readonly duration?: string; readonly drain?: string } = {},
): string {
  return `format: 1
name: short
topology: ${topology}
workload: { rate: 50/s, size: 200B }
warm-up: 1s
phase: 0s
timeline:
  - ${fault}
duration: ${duration}
drain: ${drain}
`;
}
