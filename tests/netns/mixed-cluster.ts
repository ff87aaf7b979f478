// What the tests of mixed clusters ask of a cluster, whatever its orderers are: its facts, its progress, its ledgers.
import { join } from "node:path";
import type { BlockEvent, Event, RequestEvent, StepEvent } from "../../src/boundary/index.js";
import { decodeSignatureSlot } from "../../src/fabric/block.js";
import { decodeBlock, encodeBlock, type Block } from "../../src/fabric/index.js";
import { Ledger } from "../../src/node/ledger.js";
import { there, until, waiting, type Look } from "../../src/system/index.js";
import type { LoopbackCluster, RunningNode } from "./loopback-cluster.js";

export type Facts = Readonly<Record<string, unknown>>;

export const isBlock = (event: Event): event is BlockEvent => event.kind === "block";
export const isStep = (event: Event): event is StepEvent => event.kind === "step";
export const isInvoked = (event: Event): event is RequestEvent => event.kind === "request" && event.state === "invoked";

export async function factsOf(node: RunningNode): Promise<Facts> {
  const answer = await node.ask({ do: "status" });
  if (!answer.good) throw new Error(`${node.config.name}: ${answer.error}`);
  return answer.facts;
}

/** Waits until the facts of all named nodes satisfy the question together; answers them. */
export async function untilFacts(
  cluster: LoopbackCluster,
  names: readonly string[],
  {
    what,
    question,
    timeoutMs = 60_000,
  }: { what: string; question: (facts: readonly Facts[]) => boolean; timeoutMs?: number },
): Promise<readonly Facts[]> {
  const look = async (): Promise<Look<readonly Facts[]>> => {
    const all = await Promise.all(names.map((name) => factsOf(cluster.node(name))));
    return question(all) ? there(all) : waiting(JSON.stringify(all));
  };
  return until(look, { timeoutMs, everyMs: 100, signal: new AbortController().signal, what });
}

/** A transaction invoked from now on is committed at the peer. */
export async function untilProgress(cluster: LoopbackCluster): Promise<void> {
  const client = cluster.node("client1");
  const { transaction } = await client.until("transaction", isInvoked, client.events.length);
  await cluster.node("peer1").until("commit", (event) => isBlock(event) && event.transactions.includes(transaction));
}

/** Views that a node has installed, learnt or started since `from`, once each, in order; the first one is where it was. */
export function viewsOf(node: RunningNode, from = 0): readonly number[] {
  const started = node.events.slice(from).filter(isStep);
  const views = started.filter(({ step }) => step === "viewStarting").map(({ facts }) => Number(facts["view"]));
  return [...new Set(views)];
}

/** A sync has begun and not ended: its ledger may be whole already, but the View that will use it is not there yet. */
export function isSyncing(node: RunningNode): boolean {
  const last = node.events.findLast((event) => isStep(event) && /^sync(Started|Ended)$/.test(event.step));
  return last !== undefined && isStep(last) && last.step === "syncStarted";
}

/**
 * Since `from` the node refused ViewData because it did not yet know that it would lead the view. Nobody sends it again, so
 * where every member's is needed the view is not installed, and the next one follows a timeout later (surprise 18 of
 * docs/protocol.md, the library's and ours).
 */
export const lostViewData = (node: RunningNode, from = 0): boolean =>
  node.events
    .slice(from)
    .some(
      (event) => isStep(event) && event.step === "viewDataRefused" && /next leader/.test(String(event.facts["reason"])),
    );

/** Who complained about whom and why, one line each. */
export function complaintsOf(node: RunningNode): readonly string[] {
  return node.events
    .filter(isStep)
    .filter(({ step }) => step === "complaint" || step === "viewChangeTimeout")
    .map(({ at, step, facts }) => `${at} ${node.config.name} ${step} ${JSON.stringify(facts)}`);
}

export interface StoredBlock {
  readonly number: number;
  /** Hex of all that every orderer must agree on: the block without its set of signatures. */
  readonly agreed: string;
  readonly signers: number;
}

/** The blocks of a node that has ended. */
export async function ledgerOf(cluster: LoopbackCluster, name: string): Promise<readonly StoredBlock[]> {
  await using ledger = await Ledger.open(join(cluster.node(name).config.dataDirectory, "ledger"));
  const blocks: StoredBlock[] = [];
  for (let number = 0; number < ledger.height; number++) {
    const block = decodeBlock(await ledger.read(number));
    if (block.kind === "bad") throw new Error(`${name}: block ${number}: ${block.reason}`);
    blocks.push({ number, ...agreedOf(block.value) });
  }
  return blocks;
}

function agreedOf(block: Block): Omit<StoredBlock, "number"> {
  const [first = new Uint8Array(0), ...rest] = block.metadata;
  const slot = decodeSignatureSlot(first);
  if (slot.kind === "bad") throw new Error(slot.reason);
  const bytes = encodeBlock({ ...block, metadata: [slot.value.value, ...rest] });
  return { agreed: Buffer.from(bytes).toString("hex"), signers: slot.value.signatures.length };
}
