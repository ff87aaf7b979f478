// The rules that reach over more than one key of a topology: names, kinds and their keys, orderers, options that must
// fit together, routing. Rules about links and the graph they make are in link-rules.ts.
import { nearest } from "../base/index.js";
import { optionFindings, settled, type OptionFinding } from "./settings.js";
import type { Path, Source } from "./document.js";
import { hostRules } from "./host-rules.js";
import { linkRules, neighboursOf } from "./link-rules.js";
import { naturalOrder, nodeNameFault } from "./names.js";
import { Findings, type Found } from "./rule.js";
import { overridesFrom, protocolOverrides } from "./settings.schema.js";
import type { RawNode, RawTopology } from "./topology.schema.js";
import { defaultOspf, defaultProfile } from "./defaults.js";

export function topologyRuleProblems(raw: RawTopology, source: Source): readonly Found[] {
  const findings = new Findings(source);
  for (const [name, node] of Object.entries(raw.nodes)) {
    const fault = nodeNameFault(name);
    if (fault !== undefined) {
      findings.key(["nodes", name], `Cannot use ${JSON.stringify(name)} as a node's name: ${fault}`, nodeNameAdvice);
    }
    kindRules(name, node, findings);
  }
  ordererRules(raw, findings);
  blockSourceRules(raw, findings);
  linkRules(raw, findings);
  routingRules(raw, findings);
  routeRules(raw, findings);
  optionRules(raw, findings);
  return findings.found();
}

const nodeNameAdvice = "write 1 to 15 small letters, digits or hyphens, beginning with a letter, like orderer1";

/** Keys that only one kind of node has. */
const kindOfKey = {
  "orderer-id": "orderer",
  implementation: "orderer",
  protocol: "orderer",
  "block-sources": "peer",
  command: "host",
  image: "host",
  files: "host",
  environment: "host",
} as const;

function kindRules(name: string, node: RawNode, findings: Findings): void {
  for (const [key, kind] of Object.entries(kindOfKey)) {
    if (key in node && node.kind !== kind) {
      findings.key(["nodes", name, key], `A ${node.kind} has no ${key}: only a node of kind ${kind} has`, "remove it");
    }
  }
  if (node.kind === "switch" && node.routes !== undefined) {
    findings.key(["nodes", name, "routes"], "A switch has no routes: it does not look at addresses", "remove them");
  }
  hostRules(name, node, findings);
}

function ordererRules(raw: RawTopology, findings: Findings): void {
  const names = Object.keys(raw.nodes)
    .filter((name) => raw.nodes[name]?.kind === "orderer")
    .toSorted(naturalOrder);
  // A network of routers and hosts alone is a lab too; who asks orderers, or reads from them, needs one.
  const asking = Object.values(raw.nodes).some((node) => node?.kind === "peer" || node?.kind === "client");
  if (names.length === 0 && asking) {
    findings.key(
      ["nodes"],
      "There is no orderer, but a peer or a client: expected at least one node of kind orderer",
      "4 orderers tolerate one that fails",
    );
  }
  const owners = new Map<number, string>();
  for (const [index, name] of names.entries()) {
    const written = raw.nodes[name]?.["orderer-id"];
    const id = written ?? index + 1;
    const owner = owners.get(id);
    if (owner === undefined) owners.set(id, name);
    else {
      const at: Path = ["nodes", name, ...(written === undefined ? [] : ["orderer-id"])];
      const why = written === undefined ? ", its place among the orderers," : "";
      findings.value(
        at,
        `Orderer id ${id}${why} belongs to "${owner}" already`,
        "give each orderer an orderer-id of its own",
      );
    }
  }
}

function blockSourceRules(raw: RawTopology, findings: Findings): void {
  const orderers = Object.keys(raw.nodes).filter((name) => raw.nodes[name]?.kind === "orderer");
  for (const [name, node] of Object.entries(raw.nodes)) {
    for (const [index, source] of (node["block-sources"] ?? []).entries()) {
      if (source === "leader" || source === "follower" || orderers.includes(source)) continue;
      const near = nearest(source, orderers);
      findings.value(
        ["nodes", name, "block-sources", index],
        `Cannot pull blocks from ${JSON.stringify(source)}: it is no orderer of this topology`,
        near === undefined ? "write an orderer's name, leader or follower" : `did you mean "${near}"?`,
      );
    }
  }
}

function routingRules(raw: RawTopology, findings: Findings): void {
  const routing = raw.routing ?? {};
  if (routing.protocol === "static" || routing.protocol === "none") {
    for (const key of Object.keys(routing)) {
      if (key === "protocol" || key === "neighbours") continue;
      findings.key(["routing", key], `Routing ${routing.protocol} has no ${key}`, "remove it, or write protocol: ospf");
    }
    if (routing.protocol === "none") serviceRule(raw, findings);
    return;
  }
  const hello = routing.hello ?? defaultOspf.helloInterval;
  const dead = routing.dead ?? defaultOspf.deadInterval;
  if (dead <= hello) {
    const key = routing.dead === undefined ? "hello" : "dead";
    findings.value(
      ["routing", key],
      "A neighbour would count as dead between two of its hellos: expected dead to be longer than hello",
      "four times the hello interval is usual",
    );
  }
}

/** Services listen on their loopback address and send from it: without routes nobody finds it. */
function serviceRule(raw: RawTopology, findings: Findings): void {
  for (const [name, node] of Object.entries(raw.nodes)) {
    if (node.kind === "host" || node.kind === "switch") continue;
    findings.value(
      ["nodes", name, "kind"],
      `Without routing nobody reaches ${node.kind} "${name}"`,
      "write protocol: ospf or static; with none there are hosts and switches only",
    );
  }
}

const prefixPattern = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/;

function isPrefix(text: string): boolean {
  const match = prefixPattern.exec(text);
  if (match === null) return false;
  const octets = match.slice(1, 5).map(Number);
  const length = Number(match[5]);
  if (length > 32 || octets.some((octet) => octet > 255)) return false;
  const value = octets.reduce((sum, octet) => sum * 256 + octet, 0);
  return value % 2 ** (32 - length) === 0;
}

function routeRules(raw: RawTopology, findings: Findings): void {
  const isStatic = raw.routing?.protocol === "static";
  for (const [name, node] of Object.entries(raw.nodes)) {
    if (node.kind === "switch") continue;
    if (!isStatic && node.routes !== undefined) {
      findings.key(
        ["nodes", name, "routes"],
        "Routes are written down only with static routing",
        "remove them, or write routing: { protocol: static }",
      );
      continue;
    }
    const { routes = [] } = node;
    const neighbours = routes.length === 0 ? [] : neighboursOf(raw, name);
    const covered = new Set<string>();
    for (const [index, route] of routes.entries()) {
      if (!neighbours.includes(route.via)) {
        const near = nearest(route.via, neighbours);
        const suggestion =
          near === undefined ? `its neighbours are ${neighbours.join(", ") || "none"}` : `did you mean "${near}"?`;
        findings.value(
          ["nodes", name, "routes", index, "via"],
          `"${route.via}" is no neighbour of "${name}"`,
          suggestion,
        );
      }
      for (const to of typeof route.to === "string" ? [route.to] : route.to) {
        const at: Path = ["nodes", name, "routes", index, "to"];
        destinationRules(raw, { name, to, at }, findings);
        if (covered.has(to))
          findings.value(at, `The route to "${to}" stands here a second time`, "write each destination once");
        covered.add(to);
      }
    }
    if (isStatic) coverageRule(raw, { name, covered }, findings);
  }
}

function destinationRules(
  raw: RawTopology,
  route: { readonly name: string; readonly to: string; readonly at: Path },
  findings: Findings,
): void {
  const { name, to, at } = route;
  const kind = raw.nodes[to]?.kind;
  if (to === name) findings.value(at, `"${name}" needs no route to itself`, "remove it");
  else if (kind === "switch") findings.value(at, `"${to}" is a switch: it has no address to route to`, "remove it");
  else if (to === "0.0.0.0/0") {
    findings.value(
      at,
      'A default route is not allowed: it turns "unreachable" into a silent hang',
      "name the nodes, or a smaller prefix",
    );
  } else if (kind === undefined && !isPrefix(to)) {
    const near = nearest(to, Object.keys(raw.nodes));
    findings.value(
      at,
      `Cannot route to ${JSON.stringify(to)}: it is neither a node nor an IPv4 prefix like 10.1.0.0/16`,
      near === undefined ? undefined : `did you mean "${near}"?`,
    );
  }
}

/** Prefixes may cover anything: addresses are the plan's to choose, so a node with one is not judged here. */
function coverageRule(
  raw: RawTopology,
  node: { readonly name: string; readonly covered: ReadonlySet<string> },
  findings: Findings,
): void {
  if ([...node.covered].some(isPrefix) || neighboursOf(raw, node.name).length === 0) return;
  const missing = Object.keys(raw.nodes).filter(
    (other) => other !== node.name && raw.nodes[other]?.kind !== "switch" && !node.covered.has(other),
  );
  if (missing.length === 0) return;
  const at: Path = ["nodes", node.name, ...(node.covered.size === 0 ? [] : ["routes"])];
  findings.key(
    at,
    `With static routing "${node.name}" has no route to ${listed(missing)}`,
    "add routes: [{ to: NODE, via: NEIGHBOUR }], neighbours included",
  );
}

const listedMax = 8;
const listed = (names: readonly string[]): string =>
  names.length <= listedMax
    ? names.join(", ")
    : `${names.slice(0, listedMax).join(", ")} and ${names.length - listedMax} more`;

function optionRules(raw: RawTopology, findings: Findings): void {
  const written = overridesFrom(raw);
  const options = settled(raw.profile ?? defaultProfile, [written]).protocol;
  const everywhere = optionFindings(options);
  const report = (finding: OptionFinding, base: Path, keysWritten: Readonly<Record<string, unknown>>): void => {
    const key = finding.keys.find((candidate) => candidate in keysWritten);
    findings.value(key === undefined ? base : [...base, key], finding.message, finding.values);
  };
  for (const finding of everywhere) report(finding, ["protocol"], raw.protocol ?? {});
  const known = new Set(everywhere.map(({ message }) => message));
  for (const [name, node] of Object.entries(raw.nodes)) {
    if (node.kind !== "orderer") continue;
    const own = { ...options, ...protocolOverrides(node.protocol) };
    const base = ["nodes", name, node.protocol === undefined ? "implementation" : "protocol"];
    for (const finding of optionFindings(own, node.implementation)) {
      if (!known.has(finding.message)) report(finding, base, node.protocol ?? {});
    }
  }
}
