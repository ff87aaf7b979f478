// A node's table under static routing: what its topology writes, without the ways whose interface has no carrier, as zebra
// withdraws those.
import type { Plan } from "../../plan/index.js";
import type { Hop } from "./routing.js";
import { hasCarrier, type Interface } from "./segments.js";

export function staticHops(
  plan: Plan,
  interfaces: ReadonlyMap<string, Interface>,
  name: string,
): ReadonlyMap<string, readonly Hop[]> {
  const written = plan.topology.nodes.find((node) => node.name === name)?.routes ?? [];
  const own = [...interfaces.values()].filter((each) => each.node === name && hasCarrier(each));
  const table = new Map<string, readonly Hop[]>();
  const lengths = new Map<string, number>();
  for (const { to, via } of written) {
    const hops = own.flatMap((out) =>
      out.segment.interfaces.flatMap((into) => (into.node === via ? [{ out, into }] : [])),
    );
    if (hops.length === 0) continue;
    for (const { destination, length } of destinationsOf(plan, to)) {
      // The longest prefix wins.
      if (destination === name || (lengths.get(destination) ?? -1) >= length) continue;
      lengths.set(destination, length);
      table.set(destination, hops);
    }
  }
  return table;
}

interface Destination {
  readonly destination: string;
  readonly length: number;
}

function destinationsOf(plan: Plan, to: string): readonly Destination[] {
  if (plan.nodes.some((node) => node.name === to)) return [{ destination: to, length: 32 }];
  const [address = "", size = "32"] = to.split("/");
  const length = Number(size);
  const prefix = numberOf(address) >>> (32 - length);
  return plan.nodes
    .filter((node) => node.loopback !== "" && (length === 0 || numberOf(node.loopback) >>> (32 - length) === prefix))
    .map((node) => ({ destination: node.name, length }));
}

/** An IPv4 address as an unsigned number. */
const numberOf = (address: string): number =>
  address.split(".").reduce((number, octet) => number * 256 + Number(octet), 0) >>> 0;
