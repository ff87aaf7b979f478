// An experiment laid on a topology: the settings that result, and what of it cannot work there. Settings win in this
// order: a node's own, the experiment's, the topology's, the profile's; and the profile of the command line replaces the
// experiment's, which replaces the topology's.
import { nearest, type Problem } from "../base/index.js";
import { readDocument, sortedProblems } from "./document.js";
import type { Experiment, FaultSpec } from "./experiment.js";
import { naturalOrder } from "./names.js";
import { Findings } from "./rule.js";
import { noOverrides, optionFindings, settled, type OptionFinding } from "./settings.js";
import { protocolKeys } from "./settings.schema.js";
import type { Overrides, ProfileName, Topology, TopologyNode } from "./topology.js";

export interface ProfileChoice {
  /** From the command line; undefined: as the files say. */
  readonly profile?: ProfileName | undefined;
}

/** The text an experiment was parsed from, for positions. */
export interface ExperimentText {
  readonly text: string;
  readonly file: string;
}

/** The topology with profile and settings of the experiment. Call `checkAgainst` first: settings may not fit together. */
export function applyExperiment(topology: Topology, experiment: Experiment, choice: ProfileChoice = {}): Topology {
  return resettled(topology, choice.profile ?? experiment.profile ?? topology.profile, experiment.overrides);
}

/** The topology on another profile, its own settings on top. Call `settingProblems` on the result. */
export function withProfile(topology: Topology, profile: ProfileName): Topology {
  return resettled(topology, profile, noOverrides);
}

/** Rules that the settings of a topology break after profile or experiment were changed, as sentences. */
export function settingProblems(topology: Topology): readonly string[] {
  return findingsOf(topology).map(({ message, values }) => `${message}; ${values}`);
}

function findingsOf(topology: Topology): readonly OptionFinding[] {
  const orderers = topology.nodes.filter((node) => node.kind === "orderer");
  const byMessage = new Map(
    orderers
      .flatMap((node) => optionFindings(node.protocol, node.implementation))
      .map((finding) => [finding.message, finding]),
  );
  return [...byMessage.values()];
}

/** Everything in an experiment that cannot work on this topology, with positions in the experiment's text. */
export function checkAgainst(
  experiment: Experiment,
  topology: Topology,
  text: ExperimentText,
  choice: ProfileChoice = {},
): readonly Problem[] {
  const source = readDocument(text.text, text.file);
  if (source.kind === "bad") return source.problems;
  const findings = new Findings(source.value);
  memberRules(experiment, topology, findings);
  for (const [index, entry] of experiment.timeline.entries()) targetRules(entry.fault, topology, index, findings);
  settingRules(experiment, applyExperiment(topology, experiment, choice), findings);
  return sortedProblems(findings.found().map(({ problem }) => problem));
}

function resettled(topology: Topology, profile: ProfileName, overrides: Overrides): Topology {
  const settings = settled(profile, [topology.written, overrides]);
  return {
    ...topology,
    ...settings,
    profile,
    nodes: topology.nodes.map((node) => ({ ...node, protocol: { ...settings.protocol, ...node.written } })),
  };
}

/** A run needs someone who asks and someone who sees the answer: an outage is measured where clients stand. */
function memberRules(experiment: Experiment, topology: Topology, findings: Findings): void {
  const has = (kind: TopologyNode["kind"]): boolean => topology.nodes.some((node) => node.kind === kind);
  const place = `topology "${topology.name}"`;
  if (!has("client"))
    findings.value(["topology"], `There is no client in ${place} to offer the workload`, "add a node of kind client");
  if (!has("peer"))
    findings.value(
      ["topology"],
      `There is no peer in ${place} at which transactions are committed`,
      "add a node of kind peer",
    );
  const orderers = topology.nodes.filter((node) => node.kind === "orderer");
  if (experiment.blockSource === "follower" && orderers.length < 2) {
    findings.value(
      ["block-source"],
      `There is no follower in ${place} to pull blocks from`,
      "write block-source: leader",
    );
  }
}

function targetRules(fault: FaultSpec, topology: Topology, index: number, findings: Findings): void {
  const at = ["timeline", index, "target"];
  const orderers = topology.nodes.filter((node) => node.kind === "orderer");
  if (fault.target.kind === "role") {
    const { role, ordinal, interface: name } = fault.target;
    if (role === "follower" && ordinal > orderers.length - 1) {
      findings.value(
        at,
        `There is no follower[${ordinal}]: topology "${topology.name}" has ${orderers.length - 1} followers`,
        "write a smaller number",
      );
    }
    if (name === "") return;
    const lacking = orderers
      .filter((orderer) => !interfacesOf(orderer.name, topology).includes(name))
      .map((orderer) => orderer.name);
    if (lacking.length > 0) {
      findings.value(
        at,
        `There is no interface "${name}" on ${lacking.join(", ")}, which may be the ${role}`,
        "name one that every orderer has, or the node alone: all its interfaces",
      );
    }
    return;
  }
  const { node: name } = fault.target;
  const node = topology.nodes.find((candidate) => candidate.name === name);
  if (node === undefined) {
    const near = nearest(
      name,
      topology.nodes.map((candidate) => candidate.name),
    );
    findings.value(
      at,
      `There is no node "${name}" in topology "${topology.name}"`,
      near === undefined ? undefined : `did you mean "${near}"?`,
    );
  } else if (fault.what === "byzantine" && node.kind !== "orderer") {
    findings.value(at, `"${name}" is a ${node.kind}, and only orderers can be Byzantine`, "name an orderer, or leader");
  } else if (node.kind === "switch") {
    findings.value(
      at,
      `"${name}" is a switch, which has no interface and no process of its own`,
      "name the interface at the other end of a link, with how: carrier or blackhole",
    );
  } else if (node.kind === "router" && (fault.what === "process-kill" || fault.what === "process-pause")) {
    const verb = fault.what === "process-kill" ? "kill" : "pause";
    findings.value(
      at,
      `"${name}" is a router, which has no service to ${verb}`,
      `name an orderer, a peer or a client, or write node-${verb}`,
    );
  } else if (node.kind === "host" && (fault.what === "process-kill" || fault.what === "process-pause")) {
    const verb = fault.what === "process-kill" ? "kill" : "pause";
    findings.value(
      at,
      `"${name}" is a host, whose command is no service of ours to ${verb} by itself`,
      `name an orderer, a peer or a client, or write node-${verb}`,
    );
  } else if (fault.what === "frr-kill" && interfacesOf(name, topology).length === 0) {
    findings.value(at, `"${name}" has no link, so no FRR runs in it`, "name a node that has links");
  } else if (fault.target.kind === "endpoint") {
    const names = interfacesOf(name, topology);
    if (names.includes(fault.target.interface)) return;
    findings.value(
      at,
      `There is no interface "${fault.target.interface}" on "${name}"`,
      `it has ${names.join(", ") || "none"}`,
    );
  }
}

function interfacesOf(node: string, topology: Topology): readonly string[] {
  return topology.links
    .flatMap((link) => link.endpoints.flatMap((endpoint) => (endpoint.node === node ? [endpoint.interface] : [])))
    .toSorted(naturalOrder);
}

function settingRules(experiment: Experiment, applied: Topology, findings: Findings): void {
  for (const { message, values } of findingsOf(applied)) {
    const key = Object.entries(protocolKeys).find(
      ([written, field]) => message.includes(written) && field in experiment.overrides.protocol,
    )?.[0];
    findings.value(
      key === undefined ? ["protocol"] : ["protocol", key],
      `On profile ${applied.profile}: ${message}`,
      values,
    );
  }
  const sizeMax = Math.min(
    ...applied.nodes.filter((node) => node.kind === "orderer").map((node) => node.protocol.requestMaxBytes),
  );
  if (experiment.workload.sizeBytes > sizeMax) {
    findings.value(
      ["workload", "size"],
      `A transaction of ${experiment.workload.sizeBytes}B is larger than RequestMaxBytes, ${sizeMax}B on profile ${applied.profile}`,
      "offer smaller ones",
    );
  }
}
