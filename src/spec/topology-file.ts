// A topology file: text in; the canonical topology, or everything that is wrong with it, out. Reads the YAML, holds it
// against the schema, applies the rules, then fills in what the file leaves open: profile, units, kinds' defaults.
import type { Parsed, Position } from "../base/index.js";
import { microseconds } from "../base/index.js";
import { readDocument, sortedProblems } from "./document.js";
import { check } from "./check.schema.js";
import { endpointFrom } from "./endpoint.js";
import { formatProblem } from "./format.js";
import { naturalOrder } from "./names.js";
import { overridesFrom, protocolOverrides } from "./settings.schema.js";
import { settled } from "./settings.js";
import { defaultBfd, defaultChannel, defaultMtu, defaultOspf, defaultProfile } from "./defaults.js";
import { topologySchemaZod, type RawLink, type RawNode, type RawRouting, type RawTopology } from "./topology.schema.js";
import { topologyRuleProblems } from "./topology-rules.js";
import type { BfdTimers, Routing, Topology, TopologyLink, TopologyNode } from "./topology.js";

/** `file` names the text in messages; it is not opened. */
export function parseTopology(text: string, file: string): Parsed<Topology> {
  const source = readDocument(text, file);
  if (source.kind === "bad") return source;
  const foreign = formatProblem(source.value, "topology");
  if (foreign !== undefined) return { kind: "bad", problems: [foreign] };
  const checked = check(
    topologySchemaZod,
    source.value,
    // Without a node its links would seem to lead nowhere; without the profile options would seem not to fit.
    (path) => path[0] === "profile" || (path[0] === "nodes" && path.length === 2),
  );
  const rules =
    checked.value === undefined
      ? []
      : topologyRuleProblems(checked.value, source.value).filter(({ at }) => !checked.isSpoiled(at));
  const problems = [...checked.problems, ...rules.map(({ problem }) => problem)];
  if (checked.value === undefined || problems.length > 0) return { kind: "bad", problems: sortedProblems(problems) };
  return { kind: "good", value: topologyFrom(checked.value) };
}

/** Where keys stand in the text of a topology, for who finds a problem after it was parsed. The text is read again at the first question. */
export function placesIn(text: string, file: string): (path: readonly (string | number)[]) => Position {
  let source: ReturnType<typeof readDocument> | undefined;
  return (path) => {
    source ??= readDocument(text, file);
    return source.kind === "good" ? source.value.place(path, "key") : { file, line: 1, column: 1 };
  };
}

/** Canonical form of a file that breaks no rule. */
function topologyFrom(raw: RawTopology): Topology {
  const written = overridesFrom(raw);
  const profile = raw.profile ?? defaultProfile;
  const settings = settled(profile, [written]);
  const names = Object.keys(raw.nodes).toSorted(naturalOrder);
  const orderers = names.filter((name) => raw.nodes[name]?.kind === "orderer");
  return {
    format: 1,
    name: raw.name,
    profile,
    channel: raw.channel ?? defaultChannel,
    ...settings,
    written,
    routing: routingFrom(raw.routing ?? {}),
    nodes: Object.entries(raw.nodes).map(([name, node]) =>
      nodeFrom(name, node, orderers.indexOf(name) + 1, settings.protocol),
    ),
    links: (raw.links ?? []).map((link) => linkFrom(link)),
  };
}

function nodeFrom(name: string, raw: RawNode, rank: number, protocol: Topology["protocol"]): TopologyNode {
  const written = protocolOverrides(raw.protocol);
  return {
    name,
    kind: raw.kind,
    id: raw.id,
    ordererId: raw.kind === "orderer" ? (raw["orderer-id"] ?? rank) : 0,
    implementation: raw.implementation ?? "testbed",
    protocol: { ...protocol, ...written },
    written,
    blockSources: raw["block-sources"] ?? [],
    command: raw.command ?? [],
    host: { image: raw.image ?? "", files: raw.files ?? {}, environment: raw.environment ?? {} },
    limits: { cpuCount: raw.cpu ?? 0, memoryBytes: raw.memory ?? 0 },
    routes: (raw.routes ?? []).flatMap(({ to, via }) =>
      (typeof to === "string" ? [to] : to).map((destination) => ({ to: destination, via })),
    ),
  };
}

function linkFrom(raw: RawLink): TopologyLink {
  const [left, right] = raw.endpoints;
  const endpoints = [endpointFrom(left), endpointFrom(right)] as const;
  const toSwitch = endpoints.some((endpoint) => endpoint.interface === "");
  return {
    endpoints,
    mtu: raw.mtu ?? defaultMtu,
    impairment: {
      delay: raw.delay ?? microseconds(0),
      jitter: raw.jitter ?? microseconds(0),
      lossPercent: raw.loss ?? 0,
      rateKbit: raw.rate ?? 0,
    },
    carrier: raw.carrier ?? (toSwitch ? "isolate" : "propagate"),
  };
}

function routingFrom(raw: RawRouting): Routing {
  const neighbours = raw.neighbours ?? "learned";
  if (raw.protocol === "static" || raw.protocol === "none") return { protocol: raw.protocol, neighbours };
  return {
    protocol: "ospf",
    neighbours,
    ospf: {
      helloInterval: raw.hello ?? defaultOspf.helloInterval,
      deadInterval: raw.dead ?? defaultOspf.deadInterval,
      spfDelay: raw["spf-delay"] ?? defaultOspf.spfDelay,
      spfInitialHold: raw["spf-initial-hold"] ?? defaultOspf.spfInitialHold,
      spfMaximumHold: raw["spf-maximum-hold"] ?? defaultOspf.spfMaximumHold,
      lsaMinArrival: raw["lsa-min-arrival"] ?? defaultOspf.lsaMinArrival,
      lsaThrottle: raw["lsa-throttle"] ?? defaultOspf.lsaThrottle,
      retransmitInterval: raw.retransmit ?? defaultOspf.retransmitInterval,
    },
    bfd: bfdFrom(raw.bfd ?? "off"),
  };
}

function bfdFrom(raw: NonNullable<RawRouting["bfd"]>): BfdTimers | undefined {
  if (raw === "off") return undefined;
  if (raw === "on") return defaultBfd;
  return {
    transmitInterval: raw.transmit ?? defaultBfd.transmitInterval,
    receiveInterval: raw.receive ?? defaultBfd.receiveInterval,
    detectMultiplier: raw.multiplier ?? defaultBfd.detectMultiplier,
  };
}
