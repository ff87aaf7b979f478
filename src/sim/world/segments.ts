// The physical network of a world: interfaces, the segments that join them, and what each direction does to a frame. States
// follow design 6.4 and 6.5: an end is up or down by its node's will, a port by faults and, on a cable, by the far end; frames
// vanish where a fault says so. What nodes believe about it is routing's (routing.ts).
import { present, type Instant, type Random } from "../../base/index.js";
import type { Plan } from "../../plan/index.js";
import type { Impairment } from "../../spec/index.js";

export interface Interface {
  /** `node:eth1` */
  readonly name: string;
  readonly node: string;
  readonly device: string;
  /** Address without length: what a neighbour's route names as its next hop. */
  readonly address: string;
  readonly segment: Segment;
  /** Administratively up, by the node's own will. */
  adminUp: boolean;
  /** Faults that hold the node's end, or its port, down, and that drop what leaves or reaches the node. */
  readonly adminHolds: Set<number>;
  readonly portHolds: Set<number>;
  readonly dropsOut: Set<number>;
  readonly dropsIn: Set<number>;
  /** The port follows the far end on a cable, a moment later (carrier across the switchboard). */
  portUp: boolean;
  /** When frames last could not pass here: what was under way then is lost. */
  brokenAt: Instant;
  readonly direction: Direction;
}

export interface Segment {
  readonly kind: "cable" | "isolated" | "switch";
  readonly interfaces: readonly Interface[];
}

/** What one direction, from this end towards the segment's others, does to frames. */
export interface Direction {
  delayUs: number;
  jitterUs: number;
  lossPercent: number;
  duplicatePercent: number;
  /** Frames that overtake those before them: they skip the delay, as netem's `reorder` does. */
  reorderPercent: number;
  /** 0: no limit. */
  rateKbit: number;
  /** Bytes that may wait for the rate; what exceeds them is dropped. */
  queueBytes: number;
  /** When the line has sent what it holds. */
  busyUntilUs: number;
  drops: number;
}

/** Where one frame comes out of a direction, after its start: none when lost, two when duplicated. */
export function passages(direction: Direction, nowUs: number, sizeBytes: number, random: Random): readonly number[] {
  const { lossPercent, duplicatePercent, rateKbit } = direction;
  let waitUs = 0;
  if (rateKbit > 0) {
    const backlogUs = Math.max(0, direction.busyUntilUs - nowUs);
    if ((backlogUs * rateKbit) / 8_000 > direction.queueBytes) {
      direction.drops += 1;
      return [];
    }
    const sendUs = (sizeBytes * 8_000) / rateKbit;
    direction.busyUntilUs = nowUs + backlogUs + sendUs;
    waitUs = backlogUs + sendUs;
  }
  if (lossPercent > 0 && random.fraction() * 100 < lossPercent) return [];
  const first = waitUs + delayOf(direction, random);
  if (duplicatePercent === 0 || random.fraction() * 100 >= duplicatePercent) return [first];
  return [first, waitUs + delayOf(direction, random)];
}

/** Uniform in [delay - jitter, delay + jitter], as netem's. */
function delayOf({ delayUs, jitterUs, reorderPercent }: Direction, random: Random): number {
  if (reorderPercent > 0 && random.fraction() * 100 < reorderPercent) return 0;
  return jitterUs === 0 ? delayUs : delayUs - jitterUs + random.integer(0, 2 * jitterUs);
}

/** Whether a direction treats every frame alike and at once. */
export const isPlain = (direction: Direction): boolean =>
  direction.jitterUs === 0 &&
  direction.lossPercent === 0 &&
  direction.duplicatePercent === 0 &&
  direction.reorderPercent === 0 &&
  direction.rateKbit === 0;

/** By `node:interface`, in the plan's order. */
export function interfacesOf(plan: Plan): ReadonlyMap<string, Interface> {
  const all = new Map<string, Interface>();
  const add = (
    kind: Segment["kind"],
    ends: readonly { readonly node: string; readonly interface: string }[],
    impairment: Impairment,
  ): void => {
    const interfaces: Interface[] = [];
    const segment: Segment = { kind, interfaces };
    for (const end of ends) {
      const made = newInterface(plan, end, segment, impairment);
      interfaces.push(made);
      all.set(made.name, made);
    }
  };
  for (const { ends, carrier, impairment } of plan.links) {
    add(carrier === "propagate" ? "cable" : "isolated", ends, impairment);
  }
  for (const { ports } of plan.switches) add("switch", ports, none);
  return all;
}

const none: Impairment = { delay: 0, jitter: 0, lossPercent: 0, rateKbit: 0 } as Impairment; // zero has no unit

function newInterface(
  plan: Plan,
  end: { readonly node: string; readonly interface: string },
  segment: Segment,
  impairment: Impairment,
): Interface {
  const node = present(
    plan.nodes.find((each) => each.name === end.node),
    `node "${end.node}"`,
  );
  const planned = present(
    node.interfaces.find((each) => each.name === end.interface),
    `interface ${end.node}:${end.interface}`,
  );
  return {
    name: `${end.node}:${end.interface}`,
    node: end.node,
    device: end.interface,
    address: planned.address.split("/")[0] ?? "",
    segment,
    adminUp: true,
    adminHolds: new Set(),
    portHolds: new Set(),
    dropsOut: new Set(),
    dropsIn: new Set(),
    portUp: true,
    brokenAt: -1 as Instant, // before all time
    direction: directionOf(impairment, planned.mtu),
  };
}

/** As plan/impairment.ts gives them to netem and tbf: the queue holds 50 ms at the rate, ten full frames at least. */
function directionOf({ delay, jitter, lossPercent, rateKbit }: Impairment, mtu: number): Direction {
  const frameBytes = mtu + 14;
  return {
    delayUs: delay,
    jitterUs: jitter,
    lossPercent,
    duplicatePercent: 0,
    reorderPercent: 0,
    rateKbit,
    queueBytes: Math.max((50 * rateKbit) / 8, 10 * frameBytes),
    busyUntilUs: 0,
    drops: 0,
  };
}

/** The node's end sees carrier: both it and its port are up. */
export const hasCarrier = (end: Interface): boolean => end.adminUp && end.portUp;

export function passes(from: Interface, to: Interface): boolean {
  return from.adminUp && from.portUp && to.portUp && to.adminUp && from.dropsOut.size === 0 && to.dropsIn.size === 0;
}
