// The lines of `ip` and `tc` that turn one plan's network into another's. What is added are the new plan's own lines, so a link
// that comes later is the same as one that was there from the start; what goes is deleted; what stays is changed in place.
import type { EndpointName } from "../spec/index.js";
import type { Difference } from "./difference.js";
import { isDelayedOrLossy } from "./impairment.js";
import type { Plan, PlannedInterface, PlannedNode, Step } from "./plan.js";

/** In order; each stage is done before the next begins. */
export interface ChangeSteps {
  /** Links and bridges that go, in the switchboard: with a port its other end in the node goes too. */
  readonly removing: readonly Step[];
  /** Namespaces that go, when nothing is left in them, and those that come. */
  readonly namespacesRemoved: readonly string[];
  readonly namespacesAdded: readonly string[];
  readonly wiring: readonly Step[];
  readonly addressing: readonly Step[];
  /** Queues of new ports, and of those whose impairment changes. */
  readonly impairments: readonly Step[];
}

export function changeSteps(before: Plan, after: Plan, difference: Difference): ChangeSteps {
  const ends = (links: Difference["linksAdded"]): readonly EndpointName[] => links.flatMap((link) => link.endpoints);
  const removed = devicesAt(before, ends(difference.linksRemoved));
  const added = devicesAt(after, ends(difference.linksAdded));
  const bridgesBefore = bridgesOf(before);
  const bridgesAfter = bridgesOf(after);
  const bridgesRemoved = [...bridgesBefore].filter((name) => !bridgesAfter.has(name));
  const bridgesAdded = [...bridgesAfter].filter((name) => !bridgesBefore.has(name));
  const switchboard = new Set([...added.map(({ device }) => device.port), ...bridgesAdded]);
  const stays = survivorsOf(before, after, removed);
  return {
    removing: [
      ...removed.map(({ device }) => inSwitchboard(`link delete dev ${device.port}`)),
      ...bridgesRemoved.map((name) => inSwitchboard(`link delete dev ${name}`)),
      ...neighboursGone(before, after, stays),
    ],
    namespacesRemoved: difference.nodesRemoved.filter((name) => before.steps.namespaces.includes(name)),
    namespacesAdded: difference.nodesAdded.filter((name) => after.steps.namespaces.includes(name)),
    wiring: after.steps.wiring.filter(({ line }) => subjectsOf(line).some((name) => switchboard.has(name))),
    addressing: [...after.steps.addressing.filter((step) => !stays.has(stepKey(step))), ...resized(difference, after)],
    impairments: impairmentChanges(before, after, switchboard),
  };
}

const inSwitchboard = (line: string): Step => ({ tool: "ip", namespace: "", line });
const stepKey = ({ tool, namespace, line }: Step): string => `${tool} ${namespace} ${line}`;

interface Placed {
  readonly node: string;
  readonly device: PlannedInterface;
}

/** Interfaces of nodes at these ends; a switch has none. */
function devicesAt(plan: Plan, ends: readonly EndpointName[]): readonly Placed[] {
  return ends.flatMap((end) => {
    const device = nodeOf(plan, end.node)?.interfaces.find((each) => each.name === end.interface);
    return device === undefined ? [] : [{ node: end.node, device }];
  });
}

const nodeOf = (plan: Plan, name: string): PlannedNode | undefined => plan.nodes.find((node) => node.name === name);

const bridgesOf = (plan: Plan): ReadonlySet<string> =>
  new Set([...plan.links, ...plan.switches].map(({ bridge }) => bridge));

/** What a line of the switchboard makes or sets: after `name` or `dev`; the peer of a veth is the node's. */
const subjectsOf = (line: string): readonly string[] =>
  [...line.replace(/ type veth .*$/, "").matchAll(/ (?:name|dev) (\S+)/g)].map((match) => match[1] ?? "");

/** Address lines of the old plan that still hold: their node stays, and so does their interface. */
function survivorsOf(before: Plan, after: Plan, removed: readonly Placed[]): ReadonlySet<string> {
  const gone = new Set(removed.map(({ node, device }) => `${node} ${device.name}`));
  const lines = before.steps.addressing.filter(({ namespace, line }) => {
    const device = / dev (\S+)/.exec(line)?.[1] ?? "";
    return after.steps.namespaces.includes(namespace) && !gone.has(`${namespace} ${device}`);
  });
  return new Set(lines.map(stepKey));
}

/** Permanent entries for members of a wire or switch that are no longer there. */
function neighboursGone(before: Plan, after: Plan, stays: ReadonlySet<string>): readonly Step[] {
  const wanted = new Set(after.steps.addressing.map(stepKey));
  return before.steps.addressing.flatMap((step) => {
    const entry = /^neighbour replace (\S+) .* dev (\S+)$/.exec(step.line);
    if (entry === null || !stays.has(stepKey(step)) || wanted.has(stepKey(step))) return [];
    return [{ ...step, line: `neighbour delete ${entry[1] ?? ""} dev ${entry[2] ?? ""}` }];
  });
}

/** The kernel's own (GSO_MAX_SEGS): what an interface has before netem asks for single packets. */
const segmentsDefault = 65_535;

/** Both ends of links that stay: their mtu, and how much TCP may hand over at once. */
function resized({ linksKept }: Difference, after: Plan): readonly Step[] {
  return linksKept.flatMap(({ from, to }) =>
    devicesAt(after, to.endpoints).flatMap(({ node, device }): readonly Step[] => {
      const own = (line: string): Step => ({ tool: "ip", namespace: node, line });
      const sizes =
        from.mtu === to.mtu
          ? []
          : [
              inSwitchboard(`link set dev ${device.port} mtu ${to.mtu}`),
              own(`link set dev ${device.name} mtu ${to.mtu}`),
            ];
      const whole = isDelayedOrLossy(from.impairment) && !isDelayedOrLossy(to.impairment);
      return whole ? [...sizes, own(`link set dev ${device.name} gso_max_segs ${segmentsDefault}`)] : sizes;
    }),
  );
}

/**
 * A queue that stays of its kind is changed, and keeps the frames it holds. Where netem comes or goes the whole is made anew:
 * the kernel changes no queue into one of another kind, and the frames in it are lost.
 */
function impairmentChanges(before: Plan, after: Plan, made: ReadonlySet<string>): readonly Step[] {
  const queues = (plan: Plan): ReadonlyMap<string, readonly string[]> => {
    const byPort = new Map<string, string[]>();
    for (const { line } of plan.steps.impairments) {
      const port = subjectsOf(line)[0] ?? "";
      byPort.set(port, [...(byPort.get(port) ?? []), line]);
    }
    return byPort;
  };
  const old = queues(before);
  const wanted = queues(after);
  const ports = after.nodes.flatMap((node) => node.interfaces.map((each) => each.port));
  return ports
    .flatMap((port) => {
      const lines = wanted.get(port) ?? [];
      const present = made.has(port) ? [] : (old.get(port) ?? []);
      return queueLines(port, present, lines);
    })
    .map((line): Step => ({ tool: "tc", namespace: "", line }));
}

function queueLines(port: string, present: readonly string[], wanted: readonly string[]): readonly string[] {
  const kinds = (lines: readonly string[]): string =>
    lines.map((line) => / handle \S+ (\S+)/.exec(line)?.[1] ?? "").join(" ");
  if (present.length > 0 && kinds(present) === kinds(wanted)) {
    return wanted
      .filter((line, index) => line !== present[index])
      .map((line) => line.replace(/^qdisc add /, "qdisc change "));
  }
  return [...(present.length > 0 ? [`qdisc delete dev ${port} root`] : []), ...wanted];
}
