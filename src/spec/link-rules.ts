// The rules about links: what an endpoint may be, what a link to a switch cannot have, and that the whole is connected.
import { nearest } from "../base/index.js";
import type { Path } from "./document.js";
import { endpointFrom } from "./endpoint.js";
import { interfaceNameFault, naturalOrder } from "./names.js";
import type { Findings } from "./rule.js";
import type { RawLink, RawTopology } from "./topology.schema.js";

export function linkRules(raw: RawTopology, findings: Findings): void {
  const links = raw.links ?? [];
  const usedAt = new Map<string, number>();
  for (const [index, link] of links.entries()) {
    for (const [end, text] of link.endpoints.entries()) {
      const at: Path = ["links", index, "endpoints", end];
      endpointRules(raw, text, at, findings);
      const { node, interface: name } = endpointFrom(text);
      const first = usedAt.get(text);
      if (raw.nodes[node]?.kind === "switch" || name === "") continue;
      if (first === undefined || first === index) usedAt.set(text, index);
      else findings.value(at, `"${text}" is used by links[${first}] already`, "give each link an interface of its own");
    }
    pairRules(raw, link, index, findings);
    impairmentRules(raw, link, index, findings);
  }
  graphRules(raw, findings);
}

/** Nodes at the far ends of a node's links, through a switch too; in natural order. */
export function neighboursOf(raw: RawTopology, name: string): readonly string[] {
  const near = new Set<string>();
  for (const link of raw.links ?? []) {
    const [left, right] = nodesOf(link);
    const other = left === name ? right : right === name ? left : undefined;
    if (other === undefined) continue;
    if (raw.nodes[other]?.kind !== "switch") near.add(other);
    else
      for (const beyond of (raw.links ?? []).map(nodesOf))
        if (beyond.includes(other)) for (const each of beyond) near.add(each);
  }
  return [...near].filter((each) => each !== name && raw.nodes[each]?.kind !== "switch").toSorted(naturalOrder);
}

function nodesOf(link: RawLink): readonly [string, string] {
  return [endpointFrom(link.endpoints[0]).node, endpointFrom(link.endpoints[1]).node];
}

function endpointRules(raw: RawTopology, text: string, at: Path, findings: Findings): void {
  const { node, interface: name } = endpointFrom(text);
  const kind = raw.nodes[node]?.kind;
  if (kind === undefined) {
    const near = nearest(node, Object.keys(raw.nodes));
    findings.value(
      at,
      `Cannot use "${text}": there is no node "${node}"`,
      near === undefined ? "add it under nodes" : `did you mean "${near}"?`,
    );
  } else if (kind === "switch") {
    if (text !== node)
      findings.value(at, `Cannot use "${text}": the ports of a switch have no names`, `write "${node}"`);
  } else if (text === node) {
    findings.value(at, `Cannot use "${text}": expected a node and its interface`, `write "${node}:eth1"`);
  } else {
    const fault = interfaceNameFault(name);
    if (fault !== undefined)
      findings.value(at, `Cannot use "${name}" as an interface's name: ${fault}`, "names like eth1 are usual");
  }
}

function pairRules(raw: RawTopology, link: RawLink, index: number, findings: Findings): void {
  const [left, right] = nodesOf(link);
  const at: Path = ["links", index, "endpoints"];
  if (left === right) {
    findings.value(at, `"${left}" cannot be linked to itself`, "join it to another node");
    return;
  }
  const isSwitch = (name: string): boolean => raw.nodes[name]?.kind === "switch";
  if (isSwitch(left) && isSwitch(right)) {
    findings.value(
      at,
      "Two switches cannot be linked: together they are one switch",
      "join all nodes to one of them, or put a router between",
    );
  }
}

function impairmentRules(raw: RawTopology, link: RawLink, index: number, findings: Findings): void {
  const base: Path = ["links", index];
  const switchName = nodesOf(link).find((name) => raw.nodes[name]?.kind === "switch");
  if (switchName !== undefined) {
    for (const key of ["delay", "jitter", "loss", "rate"] as const) {
      if (link[key] === undefined) continue;
      findings.key(
        [...base, key],
        `A link to a switch cannot have a ${key} yet`,
        `put a router between, and write ${key} on its link`,
      );
    }
    if (link.carrier === "propagate") {
      findings.value(
        [...base, "carrier"],
        "A link to a switch cannot propagate carrier: behind a switch there is no one far end",
        "write carrier: isolate, or leave it out",
      );
    }
  }
  const delay = link.delay ?? 0;
  const jitter = link.jitter ?? 0;
  if (jitter > delay) {
    findings.value(
      [...base, "jitter"],
      "Jitter must not exceed the delay it varies: no packet arrives before it was sent",
      "write a delay at least as long",
    );
  }
  if (link.loss === 100) {
    findings.value(
      [...base, "loss"],
      "A link that loses everything is no link",
      "cut it by a fault: interface-down, how: blackhole",
    );
  }
}

function graphRules(raw: RawTopology, findings: Findings): void {
  const pairs = (raw.links ?? []).map(nodesOf);
  // An end that leads nowhere has a problem of its own; what it would have joined is not known.
  if (pairs.flat().some((name) => raw.nodes[name] === undefined)) return;
  const names = Object.keys(raw.nodes).toSorted(naturalOrder);
  const near = new Map<string, Set<string>>(names.map((name) => [name, new Set()]));
  for (const [left, right] of pairs) {
    near.get(left)?.add(right);
    near.get(right)?.add(left);
  }
  for (const name of names) {
    const kind = raw.nodes[name]?.kind;
    if (near.get(name)?.size !== 0 || kind === "host" || names.length === 1) continue;
    findings.key(
      ["nodes", name],
      `The ${kind} "${name}" has no link: nothing can reach it`,
      `add a link with the endpoint "${name}${kind === "switch" ? "" : ":eth1"}"`,
    );
  }
  const parts = partsOf(near);
  if (parts.length > 1) {
    const shownParts = parts.map((part) =>
      part.length > 6 ? `${part.slice(0, 5).join(", ")} and ${part.length - 5} more` : part.join(", "),
    );
    findings.key(
      ["links"],
      `The network falls into ${parts.length} parts: ${shownParts.join(" | ")}`,
      "add a link that joins them",
    );
  }
}

/** Connected parts with more than one node, largest first; lone nodes are told apart elsewhere. */
function partsOf(near: ReadonlyMap<string, ReadonlySet<string>>): readonly (readonly string[])[] {
  const seen = new Set<string>();
  const parts: string[][] = [];
  for (const start of near.keys()) {
    if (seen.has(start) || near.get(start)?.size === 0) continue;
    const part: string[] = [];
    const waiting = [start];
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      if (seen.has(name)) continue;
      seen.add(name);
      if (near.has(name)) part.push(name);
      waiting.push(...(near.get(name) ?? []));
    }
    parts.push(part.toSorted(naturalOrder));
  }
  return parts.toSorted((left, right) => right.length - left.length);
}
