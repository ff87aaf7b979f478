// Files of a node in its folder: key, configuration, FRR's configuration, and the folders that are mounted over FRR's own
// places. Keys are made here, at `up`: they are no part of a plan.
import { mkdirSync } from "node:fs";
import { statfs, symlink } from "node:fs/promises";
import { join } from "node:path";
import { assert, microseconds, randomFrom } from "../../base/index.js";
import type { ClientIdentity, Consenter, NodeConfig } from "../../boundary/index.js";
import { frrPart, type Plan, type PlannedFrr, type PlannedNode } from "../../plan/index.js";
import { mapBounded, newKeyPair, readTextIfThere, writeWhole, type KeyPairPem } from "../../system/index.js";
import { controlSocketOf, nodeFolder, placeAdvice } from "../netns/state-folder.js";
import type { UpSettings } from "../protocol.js";

export interface NodePlaces {
  readonly folder: string;
  readonly configuration: string;
  /** What is mounted over /etc/frr. */
  readonly frrConfiguration: string;
  readonly controlSocket: string;
}

export function placesOf(directory: string, node: string): NodePlaces {
  const folder = nodeFolder(directory, node);
  return {
    folder,
    configuration: join(folder, "config.json"),
    frrConfiguration: join(folder, "frr", "etc"),
    controlSocket: controlSocketOf(folder),
  };
}

/** The last eight lines that a node's service wrote; empty when it wrote none. */
export async function lastWordsIn({ folder }: NodePlaces): Promise<string> {
  const text = (await readTextIfThere(join(folder, "service.log"))) ?? "";
  return text.trimEnd().split("\n").slice(-8).join("\n");
}

/** Blocks: a program that needs another page of a mapped file dies of SIGBUS before the last is gone. */
const freeBlocksMin = 16;

/**
 * What there is to say of the disk where something of a node failed: programs that die of a full one say nothing of it, or
 * cannot. Spread into an error's facts.
 */
export async function diskFacts({ folder }: NodePlaces): Promise<{ readonly suggestion?: string }> {
  const { bavail } = await statfs(folder);
  return bavail >= freeBlocksMin ? {} : { suggestion: `the disk of "${folder}" is full: ${placeAdvice}` };
}

/** Who signs what in a lab: made once at its `up`. Orderers know consenters and clients from their start. */
export interface Identities {
  readonly consenters: readonly Consenter[];
  readonly clients: readonly ClientIdentity[];
  readonly keys: ReadonlyMap<string, KeyPairPem>;
}

export function newIdentities(plan: Plan): Identities {
  const keys = new Map<string, KeyPairPem>();
  for (const node of plan.nodes) if (node.service !== undefined) keys.set(node.name, newKeyPair());
  return { keys, consenters: consentersOf(plan, keys), clients: clientsOf(plan, keys) };
}

/** The same consenters and clients; a key for each node that has joined. */
export function withJoined({ keys, ...known }: Identities, nodes: readonly PlannedNode[]): Identities {
  const joined = nodes.filter((node) => node.service !== undefined && !keys.has(node.name));
  return { ...known, keys: new Map([...keys, ...joined.map((node) => [node.name, newKeyPair()] as const)]) };
}

/** It runs nothing of its own: as a namespace it is a network alone, and has neither process nor folder until somebody enters it. */
export function isBare({ frr, service, command, limits }: PlannedNode): boolean {
  const isLimited = limits.cpuCount > 0 || limits.memoryBytes > 0;
  return frr === undefined && service === undefined && command.length === 0 && !isLimited;
}

/** Writes the files of these nodes. */
export async function writeNodeFiles(
  directory: string,
  nodes: readonly PlannedNode[],
  { settings, identities }: { readonly settings: UpSettings; readonly identities: Identities },
): Promise<void> {
  const { keys, consenters, clients } = identities;
  const write = async (node: PlannedNode): Promise<void> => {
    const places = placesOf(directory, node.name);
    mkdirSync(join(places.folder, "data"), { recursive: true });
    if (node.frr !== undefined) {
      for (const part of ["etc", "tmp", "log"]) mkdirSync(join(places.folder, "frr", part), { recursive: true });
      await writeFrr(places, node.frr);
      await symlink(join("frr", "log", "frr.log"), join(places.folder, "frr.log"));
    }
    const config = configOf(node, places, { settings, consenters, clients });
    if (config === undefined) return;
    await writeWhole(config.privateKeyFile, keys.get(node.name)?.privateKey ?? "");
    await writeWhole(places.configuration, JSON.stringify(config, undefined, 2));
  };
  const { signal } = new AbortController();
  // A container shows its folder from its start.
  const writing = settings.image === "" ? nodes.filter((node) => !isBare(node)) : nodes;
  await mapBounded(writing, { limit: nodesAtOnce, signal }, write);
}

/** FRR's configuration for the next start of its daemons: each reads its own part, vtysh and people the whole. */
export async function writeFrr({ frrConfiguration }: NodePlaces, frr: PlannedFrr): Promise<void> {
  const { daemons, configuration } = frr;
  const files = {
    "frr.conf": configuration,
    "vtysh.conf": "service integrated-vtysh-config\n",
    ...Object.fromEntries(daemons.map((daemon) => [`${daemon}.conf`, frrPart(daemon, configuration)])),
  };
  for (const [name, text] of Object.entries(files)) await writeWhole(join(frrConfiguration, name), text, 0o644);
}

/** Calls of the file system at once: as many as have threads in Node. */
const nodesAtOnce = 4;

interface Made {
  readonly settings: UpSettings;
  readonly consenters: readonly Consenter[];
  readonly clients: readonly ClientIdentity[];
}

function configOf(node: PlannedNode, places: NodePlaces, made: Made): NodeConfig | undefined {
  const { service } = node;
  if (service === undefined) return undefined;
  const common = {
    privateKeyFile: join(places.folder, "key.pem"),
    dataDirectory: join(places.folder, "data"),
    controlSocket: places.controlSocket,
    consenters: made.consenters,
    clients: made.clients,
    seed: made.settings.seed,
  };
  if (service.kind !== "orderer") return { ...service, ...common };
  // In [0, tickInterval): the orderers' tickers are not in step, and which run has which offsets follows from the seed.
  const draw = randomFrom(made.settings.seed, `tick-phase/${node.name}`);
  const tickPhase = microseconds(draw.integer(0, service.options.tickInterval - 1));
  return { ...service, ...common, tickPhase, messageTrace: made.settings.messageTrace };
}

const publicKeyOf = (keys: ReadonlyMap<string, KeyPairPem>, name: string): string => {
  const pair = keys.get(name);
  assert(pair !== undefined, `a key for ${name}`);
  return pair.publicKey;
};

function consentersOf(plan: Plan, keys: ReadonlyMap<string, KeyPairPem>): readonly Consenter[] {
  return plan.nodes
    .flatMap(({ name, service }): Consenter[] => {
      if (service?.kind !== "orderer") return [];
      return [
        { id: service.id, name, address: service.address, port: service.port, publicKey: publicKeyOf(keys, name) },
      ];
    })
    .toSorted((left, right) => left.id - right.id);
}

function clientsOf(plan: Plan, keys: ReadonlyMap<string, KeyPairPem>): readonly ClientIdentity[] {
  return plan.nodes.flatMap(({ name, service }) =>
    service?.kind === "client" ? [{ name, mspId: service.mspId, publicKey: publicKeyOf(keys, name) }] : [],
  );
}
