// Kernel settings of every namespace, written before any interface exists: an interface copies `conf/default` when it is
// created, and the defaults themselves come from the machine, which is not the same everywhere (rp_filter is 2 on
// Debian and Ubuntu). All of them are per namespace, so the machine outside sees none of it. See ip-sysctl (kernel docs).
import type { TransportSettings } from "../boundary/index.js";
import type { NodeKind } from "../spec/index.js";

/** A kernel without IPv6 has no such files, and then nothing to switch off: those two may be missing, the rest may not. */
const ipv6Off = ["net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1"];

/** The switchboard: its ports and bridges are wires. With IPv6 on, each would send router solicitations into the lab. */
export const switchboardSysctls: readonly string[] = ipv6Off;

export function sysctlsFor(kind: NodeKind, transport: TransportSettings): readonly string[] {
  return [
    // Only routers forward. A dual-homed orderer is no way through: OSPF is told so too (frr.ts, max-metric).
    `net.ipv4.ip_forward=${kind === "router" ? 1 : 0}`,
    // An address on the loopback is reached by any interface, and the way back may be another one.
    ...everywhere("rp_filter", 0),
    // A redirect would change routes behind FRR's back.
    ...everywhere("accept_redirects", 0),
    ...everywhere("send_redirects", 0),
    // Ask for and answer with addresses of the interface itself only: the loopback's is reached by routes, not by ARP.
    ...everywhere("arp_announce", 2),
    ...everywhere("arp_ignore", 1),
    // Equal paths are chosen by ports too, so that the streams of one pair of nodes spread over them.
    "net.ipv4.fib_multipath_hash_policy=1",
    `net.ipv4.tcp_syn_retries=${transport.tcpSynRetries}`,
    `net.ipv4.tcp_congestion_control=${transport.tcpCongestionControl}`,
    // Round-trip times and thresholds remembered from one repetition would shape the next.
    "net.ipv4.tcp_no_metrics_save=1",
    ...ipv6Off,
  ];
}

const everywhere = (name: string, value: number): readonly string[] => [
  `net.ipv4.conf.all.${name}=${value}`,
  `net.ipv4.conf.default.${name}=${value}`,
];
