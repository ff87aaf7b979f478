// The ordered lines of `up`: what `ip` and `tc` are told, as data. Carried out by the lab, printed by `testbed plan`.
// `name` and `dev` are always written, so that an interface called `up` or `master` stays an interface (design 6.1).
import type { Topology } from "../spec/index.js";
import { impairmentLines, isDelayedOrLossy } from "./impairment.js";
import type { Attachment, Network, Segment } from "./network.js";
import type { PlannedSteps, Step } from "./plan.js";
import { switchboardSysctls } from "./sysctls.js";

export function stepsFor(topology: Topology, network: Network): PlannedSteps {
  const members = topology.nodes.filter((node) => node.kind !== "switch").map((node) => node.name);
  const bySegment = network.segments;
  return {
    namespaces: members,
    switchboardSysctls,
    wiring: [
      ...bySegment.map(bridgeStep),
      ...bySegment.flatMap((segment) => segment.attachments.map(vethStep)),
      ...bySegment.flatMap((segment) => segment.attachments.flatMap((each) => enslaveSteps(segment, each))),
      ...bySegment.map((segment) => inSwitchboard(`link set dev ${segment.bridge} up`)),
    ],
    addressing: members.flatMap((name) => addressingFor(name, topology, network)),
    impairments: bySegment.flatMap((segment) => impairmentSteps(segment, topology)),
  };
}

const inSwitchboard = (line: string): Step => ({ tool: "ip", namespace: "", line });

/**
 * No spanning tree and no forward delay, or a port would be silent for 30 s after every carrier. No multicast snooping:
 * OSPF's groups go everywhere. The mask lets through the link-local groups that a bridge eats (LLDP, LACP excepted: the
 * kernel refuses the lowest three bits). A link's bridge learns nothing (ageing 0): with two ports each frame leaves by
 * the other one, and no table can be wrong after a fault. A switch learns as switches do, for 300 s.
 */
function bridgeStep(segment: Segment): Step {
  const ageing = segment.kind === "link" ? 0 : 30_000;
  return inSwitchboard(
    `link add name ${segment.bridge} index ${segment.bridgeIndex} type bridge stp_state 0 forward_delay 0 ` +
      `ageing_time ${ageing} mcast_snooping 0 group_fwd_mask 0xfff8`,
  );
}

/** Both ends are created where they stay and with different indexes: moved ones cost 30 ms, equal ones hide flaps (6.2, 6.3). */
function vethStep(each: Attachment): Step {
  return inSwitchboard(
    `link add name ${each.port} index ${each.portIndex} mtu ${each.mtu} type veth ` +
      `peer name ${each.interface} index ${each.index} mtu ${each.mtu} address ${each.mac} netns ${each.node}`,
  );
}

function enslaveSteps(segment: Segment, each: Attachment): readonly Step[] {
  return [
    inSwitchboard(`link set dev ${each.port} master ${segment.bridge}`),
    inSwitchboard(`link set dev ${each.port} up`),
  ];
}

function addressingFor(name: string, topology: Topology, network: Network): readonly Step[] {
  const placed = network.placed.get(name) ?? [];
  const loopback = network.loopbacks.get(name) ?? "";
  const lines = ["link set dev lo up", `address add ${loopback}/32 dev lo`];
  for (const { each, segment } of placed.toSorted((left, right) => left.each.link - right.each.link)) {
    const impairment = topology.links[each.link]?.impairment;
    lines.push(`address add ${each.ip}/${each.prefixLength} dev ${each.interface}`);
    // TCP hands a veth up to 64 KiB as one frame. Where netem is in the way each frame is one packet of the MTU, or it would
    // lose 45 packets at a time and count them as one. tbf splits what is larger than its bucket itself.
    if (impairment !== undefined && isDelayedOrLossy(impairment))
      lines.push(`link set dev ${each.interface} gso_max_segs 1`);
    lines.push(`link set dev ${each.interface} up`);
    if (topology.routing.neighbours === "fixed") lines.push(...neighbourLines(each, segment));
  }
  return lines.map((line) => ({ tool: "ip", namespace: name, line }));
}

/** Permanent entries for everybody on the same wire or switch (ip-neighbour(8)). */
function neighbourLines(own: Attachment, segment: Segment): readonly string[] {
  return segment.attachments
    .filter((each) => each !== own)
    .map((each) => `neighbour replace ${each.ip} lladdr ${each.mac} nud permanent dev ${own.interface}`);
}

function impairmentSteps(segment: Segment, topology: Topology): readonly Step[] {
  return segment.attachments.flatMap((each) => {
    const impairment = topology.links[each.link]?.impairment;
    if (impairment === undefined) return [];
    return impairmentLines(each.port, { impairment, mtu: each.mtu }).map(
      (line): Step => ({ tool: "tc", namespace: "", line }),
    );
  });
}
