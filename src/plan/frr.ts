// FRR's configuration of one node: zebra and ospfd (and bfdd), or zebra and staticd. Written for FRR 8.4 and newer, read
// by `vtysh -b`; `spec` has kept values within FRR's ranges. Every timer of OSPF is written out: with FRR's own a line of four takes 11 s to converge (design 6.11).
// Routes carry `src LOOPBACK`, so that a node also sends from the address that routing keeps reachable (design 6.6).
import { toMilliseconds, toSeconds } from "../base/index.js";
import type { NodeKind, OspfTimers, Routing } from "../spec/index.js";
import type { PlannedFrr } from "./plan.js";

export interface FrrInterface {
  readonly name: string;
  /** What it is joined to: its far end, or the switch's name. */
  readonly description: string;
  readonly kind: "link" | "switch";
}

export interface FrrNode {
  readonly name: string;
  readonly kind: NodeKind;
  readonly loopback: string;
  readonly interfaces: readonly FrrInterface[];
  /** With static routing: prefix and next hop. */
  readonly routes: readonly { readonly prefix: string; readonly via: string }[];
}

const routeMap = "testbed-source";
const bfdProfile = "testbed";
/** The start script gives each node a folder of its own at this place. */
const logFile = "/var/log/frr/frr.log";

export function frrFor(node: FrrNode, routing: Exclude<Routing, { protocol: "none" }>): PlannedFrr {
  const isOspf = routing.protocol === "ospf";
  const bfd = routing.protocol === "ospf" ? routing.bfd : undefined;
  const sections = [
    headLines(node.name),
    ...node.interfaces.map((each) => interfaceLines(each, routing)),
    ["interface lo", ` description ${node.name}`, ...(isOspf ? [" ip ospf area 0", " ip ospf passive"] : []), "exit"],
    ...(routing.protocol === "ospf" ? [routerLines(node, routing.ospf)] : [staticLines(node)]),
    [`route-map ${routeMap} permit 10`, ` set src ${node.loopback}`, "exit"],
    [`ip protocol ${isOspf ? "ospf" : "static"} route-map ${routeMap}`],
    ...(bfd === undefined
      ? []
      : [
          [
            "bfd",
            ` profile ${bfdProfile}`,
            `  transmit-interval ${toMilliseconds(bfd.transmitInterval)}`,
            `  receive-interval ${toMilliseconds(bfd.receiveInterval)}`,
            `  detect-multiplier ${bfd.detectMultiplier}`,
            " exit",
            "exit",
          ],
        ]),
  ];
  return {
    daemons: ["zebra", isOspf ? "ospfd" : "staticd", ...(bfd === undefined ? [] : ["bfdd"])],
    configuration: `${sections.map((lines) => lines.join("\n")).join("\n!\n")}\n!\nend\n`,
  };
}

function headLines(name: string): readonly string[] {
  return [
    "frr defaults traditional",
    `hostname ${name}`,
    `log file ${logFile} informational`,
    "log timestamp precision 6",
    "service integrated-vtysh-config",
  ];
}

function interfaceLines(each: FrrInterface, routing: Exclude<Routing, { protocol: "none" }>): readonly string[] {
  const head = [`interface ${each.name}`, ` description ${each.description}`];
  if (routing.protocol === "static") return [...head, "exit"];
  const { ospf, bfd } = routing;
  return [
    ...head,
    " ip ospf area 0",
    // Between two nodes no designated router is elected, which would wait for a dead interval first. A switch is a LAN.
    ` ip ospf network ${each.kind === "link" ? "point-to-point" : "broadcast"}`,
    // Fixed: else FRR derives it from the speed of the interface, which it reads some 15 s after the start, in mid-run.
    " ip ospf cost 10",
    ...helloLines(ospf),
    ` ip ospf retransmit-interval ${toSeconds(ospf.retransmitInterval)}`,
    ...(bfd === undefined ? [] : [" ip ospf bfd", ` ip ospf bfd profile ${bfdProfile}`]),
    "exit",
  ];
}

/** OSPF counts in seconds. Hellos of less are FRR's `minimal`: so many in the one second after which a neighbour is dead. */
function helloLines({ helloInterval, deadInterval }: OspfTimers): readonly string[] {
  const hello = toSeconds(helloInterval);
  if (hello < 1) return [` ip ospf dead-interval minimal hello-multiplier ${Math.round(1 / hello)}`];
  return [` ip ospf hello-interval ${hello}`, ` ip ospf dead-interval ${toSeconds(deadInterval)}`];
}

function routerLines(node: FrrNode, ospf: OspfTimers): readonly string[] {
  const spf = [ospf.spfDelay, ospf.spfInitialHold, ospf.spfMaximumHold].map(toMilliseconds);
  return [
    "router ospf",
    ` ospf router-id ${node.loopback}`,
    " log-adjacency-changes",
    ` timers throttle spf ${spf.join(" ")}`,
    ` timers throttle lsa all ${toMilliseconds(ospf.lsaThrottle)}`,
    ` timers lsa min-arrival ${toMilliseconds(ospf.lsaMinArrival)}`,
    // A stub router (RFC 6987): the node is reached, and nothing is sent through it, as its kernel does not forward. It
    // remains the last resort where faults leave no other path; such traffic ends in the node, as on a real dual-homed host.
    ...(node.kind === "router" ? [] : [" max-metric router-lsa administrative"]),
    "exit",
  ];
}

function staticLines(node: FrrNode): readonly string[] {
  return node.routes.length === 0 ? ["! no routes"] : node.routes.map(({ prefix, via }) => `ip route ${prefix} ${via}`);
}
