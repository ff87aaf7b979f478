// Differences between two plans that a running lab cannot take on: what every process was told at its start, and what others
// know a node by. Each is named with what it is in the lab, what the file asks for, and what to do.
import { frrBasis } from "./change-frr.js";
import { type Difference, endName } from "./difference.js";
import type { Plan, PlannedNode } from "./plan.js";

export interface Refusal {
  /** `profile`, `node orderer1: protocol.requestForwardTimeout`. */
  readonly what: string;
  /** In one sentence without a full stop. */
  readonly why: string;
  readonly cure: string;
}

export function changeRefusals(before: Plan, after: Plan, difference: Difference): readonly Refusal[] {
  const whole = settingRefusals(before, after);
  // Options of nodes follow from those of the topology: one cause is named once.
  const settings = whole.length > 0;
  return [
    ...whole,
    ...memberRefusals(before, after, difference),
    ...after.nodes.flatMap((node) => {
      const old = before.nodes.find((each) => each.name === node.name);
      return old === undefined ? [] : nodeRefusals(old, node, { settings });
    }),
    ...movedRefusals(before, after, difference),
  ];
}

const startAgain = "end the lab and start it again: testbed down, then testbed up";

function settingRefusals(before: Plan, after: Plan): readonly Refusal[] {
  if (before.profile !== after.profile) return [valueRefusal("profile", before.profile, after.profile)];
  const parts = ["channel", "protocol", "transport", "peer", "routing"] as const;
  return parts.flatMap((part) =>
    valuesThatDiffer(before.topology[part], after.topology[part], part).map(({ path, from, to }) =>
      valueRefusal(path, from, to),
    ),
  );
}

const valueRefusal = (what: string, from: unknown, to: unknown): Refusal => ({
  what,
  why: `is ${shown(from)} in the lab and ${shown(to)} in the file, and every process was told at its start`,
  cure: startAgain,
});

function memberRefusals(before: Plan, after: Plan, difference: Difference): readonly Refusal[] {
  const refusal = (name: string, why: string): Refusal => ({ what: `node ${name}`, why, cure: startAgain });
  return [
    ...difference.nodesAdded.flatMap((name) => {
      const kind = kindIn(after, name);
      if (kind === "orderer") return [refusal(name, "an orderer cannot join: the channel's members are fixed at up")];
      if (kind === "client") {
        return [refusal(name, "a client cannot join: every orderer knows the clients by their keys from its start")];
      }
      return [];
    }),
    ...difference.nodesRemoved
      .filter((name) => kindIn(before, name) === "orderer")
      .map((name) => refusal(name, "an orderer cannot leave: the channel's members are fixed at up")),
  ];
}

const kindIn = (plan: Plan, name: string): PlannedNode["kind"] | undefined =>
  plan.nodes.find((node) => node.name === name)?.kind;

/** A node that stays: what it was started with. */
function nodeRefusals(
  old: PlannedNode,
  wanted: PlannedNode,
  { settings }: { readonly settings: boolean },
): readonly Refusal[] {
  const refusal = (part: string, why: string, cure = startAgain): Refusal => ({
    what: `node ${wanted.name}: ${part}`,
    why,
    cure,
  });
  if (old.kind !== wanted.kind) {
    return [
      refusal(
        "kind",
        `is ${old.kind} in the lab and ${wanted.kind} in the file`,
        "give the new node another name, or end the lab and start it again",
      ),
    ];
  }
  const found: Refusal[] = [];
  if (old.loopback !== wanted.loopback) {
    found.push(refusal("address", `is ${old.loopback} in the lab and ${wanted.loopback} in the file`, keepId));
  }
  for (const { path, from, to } of valuesThatDiffer(startedWith(old), startedWith(wanted), "")) {
    const part = path.slice(1);
    const isSetting = /^service\.(channel|transport|options|censorshipTimeout|reconnect)/.test(part);
    if (part === "service.address" || (isSetting && settings)) continue;
    found.push(refusal(part, `is ${shown(from)} in the lab and ${shown(to)} in the file`));
  }
  if ((old.frr === undefined) !== (wanted.frr === undefined)) {
    const gains = old.frr === undefined;
    const why = gains
      ? "it would get its first link, and was started without FRR"
      : "it would lose its last link, and FRR with it";
    found.push(refusal("links", why, `take the node out, and add it again under another name`));
  } else if (!settings && frrBasis(old.frr?.configuration ?? "") !== frrBasis(wanted.frr?.configuration ?? "")) {
    if (old.loopback === wanted.loopback) found.push(refusal("FRR", "its configuration differs beyond its links"));
  }
  return found;
}

/** What follows from a node's links and its address, and is held against the other plan as such. */
const derived = ["loopback", "interfaces", "sysctls", "frr", "routesExpected"];

/** All else of a node: whatever a plan may say of one later, a change of it is refused. */
const startedWith = (node: PlannedNode): unknown =>
  Object.fromEntries(Object.entries(node).filter(([name]) => !derived.includes(name)));

const keepId = "another id, or a name that took its place, moved it: write an id that keeps it, or start the lab again";

/** Interfaces and bridges of links that stay keep every number; only an id or a collision can move one. */
function movedRefusals(before: Plan, after: Plan, { linksKept }: Difference): readonly Refusal[] {
  const loopbacks = (plan: Plan): ReadonlyMap<string, string> =>
    new Map(plan.nodes.map((node) => [node.name, node.loopback]));
  const [old, wanted] = [loopbacks(before), loopbacks(after)];
  // A node with another id moves all its links, and is named already.
  const moved = (name: string): boolean => old.get(name) !== wanted.get(name);
  return linksKept
    .filter(({ to }) => !to.endpoints.some((end) => moved(end.node)))
    .flatMap(({ to }) => to.endpoints)
    .flatMap((end) => {
      const [present, asked] = [before, after].map((plan) => numbersOf(plan, end.node, end.interface));
      const [first] = valuesThatDiffer(present, asked, `interface ${endName(end)}`);
      if (first === undefined) return [];
      const why = `is ${shown(first.from)} in the lab and ${shown(first.to)} in the file`;
      return [{ what: first.path, why, cure: keepId }];
    });
}

function numbersOf(plan: Plan, node: string, name: string): unknown {
  const own = plan.nodes.find((each) => each.name === node)?.interfaces.find((each) => each.name === name);
  if (own === undefined) return undefined;
  const segment = [...plan.links.map((link) => ({ ...link, ports: link.ends })), ...plan.switches].find(({ ports }) =>
    ports.some((port) => port.port === own.port),
  );
  const { address, mac, index, port, portIndex } = own;
  return { address, mac, index, port, portIndex, bridge: segment?.bridge, bridgeIndex: segment?.bridgeIndex };
}

interface Differing {
  readonly path: string;
  readonly from: unknown;
  readonly to: unknown;
}

/** Leaves at which two values of JSON's kind differ; lists are compared as wholes. */
function valuesThatDiffer(from: unknown, to: unknown, path: string): readonly Differing[] {
  if (isRecord(from) && isRecord(to)) {
    const names = [...new Set([...Object.keys(from), ...Object.keys(to)])];
    return names.flatMap((name) => valuesThatDiffer(from[name], to[name], `${path}.${name}`));
  }
  return JSON.stringify(from) === JSON.stringify(to) ? [] : [{ path, from, to }];
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const shown = (value: unknown): string =>
  value === undefined ? "not there" : typeof value === "string" ? `"${value}"` : JSON.stringify(value);
