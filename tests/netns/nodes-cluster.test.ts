// A whole channel as processes on loopback: four orderers, a peer and a client. Transactions are committed, a killed leader
// is replaced, a restarted one catches up, and every node ends clean when asked to.
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { BlockEvent, Event, RequestEvent } from "../../src/boundary/index.js";
import { LoopbackCluster, type RunningNode } from "./loopback-cluster.js";

let cluster: LoopbackCluster;
beforeAll(async () => {
  cluster = await LoopbackCluster.prepare({ orderers: 4, octet: 10 + (process.pid % 200) });
  await cluster.start();
});
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

const isBlock = (event: Event): event is BlockEvent => event.kind === "block";
const isRequest = (event: Event): event is RequestEvent => event.kind === "request";
const committed = (event: Event, transaction: string): boolean =>
  isBlock(event) && event.transactions.includes(transaction);

const facts = async (node: RunningNode): Promise<Readonly<Record<string, unknown>>> => {
  const answer = await node.ask({ do: "status" });
  return answer.good ? answer.facts : {};
};

/** A transaction invoked from now on is committed at the peer. */
async function expectProgress(): Promise<void> {
  const client = cluster.node("client1");
  const invoked = await client.until(
    "transaction",
    (event): event is RequestEvent => isRequest(event) && event.state === "invoked",
    client.events.length,
  );
  await cluster.node("peer1").until("commit", (event) => committed(event, invoked.transaction));
}

test("a load is committed at the peer, and accepted by every orderer", async () => {
  const answer = await cluster
    .node("client1")
    .ask({ do: "start-workload", workload: { ratePerSecond: 40, sizeBytes: 200 } });
  expect(answer).toMatchObject({ good: true });
  await expectProgress();
  for (const name of ["orderer1", "orderer2", "orderer3", "orderer4"]) {
    const accepted = (event: Event): boolean =>
      isRequest(event) && event.state === "accepted" && event.orderer === name;
    await cluster.node("client1").until(`acceptance by ${name}`, accepted);
  }
});

test("the peer goes to the orderer it is told", async () => {
  const peer = cluster.node("peer1");
  await peer.until("source", (event) => event.kind === "source" && event.state === "pulling");
  const from = peer.events.length;
  expect(await peer.ask({ do: "peer-source", orderer: "orderer3" })).toMatchObject({ good: true });
  await peer.until(
    "new source",
    (event) => event.kind === "source" && event.orderer === "orderer3" && event.state === "pulling",
    from,
  );
  expect(await peer.ask({ do: "peer-source", orderer: "orderer9" })).toMatchObject({ good: false });
});

test("a killed leader is replaced in the order of the protocol, and the new view's blocks reach the peer", async () => {
  const { leader, view } = await facts(cluster.node("orderer4"));
  const survivor = cluster.node(leader === 4 ? "orderer3" : "orderer4");
  const from = survivor.events.length;
  await cluster.node(`orderer${Number(leader)}`).end("SIGKILL");
  const isInstalled = (event: Event): boolean =>
    event.kind === "step" && event.step === "viewInstalled" && Number(event.facts["view"]) > Number(view);
  await survivor.until("new view", isInstalled, from);
  const told = survivor.events.slice(from).flatMap((event) => (event.kind === "step" ? [event.step] : []));
  // Who sees the others' votes before its own timer fires joins them, and complains about nobody.
  const complained = [...cluster.running.values()].some(({ events }) =>
    events.some((event) => event.kind === "step" && event.step === "complaint"),
  );
  expect(complained).toBe(true);
  const order = ["viewChangeStarted", "viewDataSent", "viewInstalled"] as const;
  const places = order.map((step) => told.indexOf(step));
  expect(places).toEqual(places.toSorted((left, right) => left - right));
  expect(places).not.toContain(-1);
  await expectProgress();
});

test("the killed orderer comes back with its files and catches up", async () => {
  const [dead] = [...cluster.running.values()].filter(({ process: { signalCode } }) => signalCode === "SIGKILL");
  if (dead === undefined) throw new Error("nobody was killed");
  const { name } = dead.config;
  await cluster.start(name);
  const back = cluster.node(name);
  const synced = await back.until(
    "block by sync",
    (event): event is BlockEvent => isBlock(event) && event.source === "sync",
  );
  expect(synced.number).toBeGreaterThan(0);
  await back.until(
    "block by decision",
    (event) => isBlock(event) && event.source === "decision" && event.number > synced.number,
  );
});

test("no two orderers disagree on a block, nothing is missing and nothing is twice at the peer", async () => {
  await cluster.node("client1").ask({ do: "stop-workload" });
  const hashes = new Map<number, string>();
  for (const node of cluster.running.values()) {
    const blocks = node.events.filter(isBlock);
    const first = blocks[0]?.number ?? 0;
    expect(blocks.map(({ number }) => number)).toEqual(blocks.map((_, index) => first + index));
    for (const { number, hash } of blocks) {
      expect(hash).toBe(hashes.get(number) ?? hash);
      hashes.set(number, hash);
    }
  }
  const valid = cluster
    .node("peer1")
    .events.filter(isBlock)
    .flatMap(({ transactions, duplicates }) => transactions.filter((_, index) => !duplicates.includes(index)));
  expect(new Set(valid).size).toBe(valid.length);
});

test("events are numbered without a gap and stamped with one clock", () => {
  for (const { events, numbers } of cluster.running.values()) {
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, index) => index));
    expect(events[0]).toMatchObject({ kind: "process", state: "started" });
  }
});

test("a stopped node ends clean, having said so, and keeps no socket", async () => {
  const nodes = [...cluster.running.values()];
  for (const node of nodes.slice(0, 3)) await node.ask({ do: "stop" });
  for (const node of nodes.slice(3)) node.process.kill("SIGTERM");
  for (const node of nodes) {
    expect({ name: node.config.name, code: await node.ended(), stderr: node.stderr }).toEqual({
      name: node.config.name,
      code: 0,
      stderr: "",
    });
    const last = node.events.filter(({ kind }) => kind === "process").at(-1);
    expect(last).toMatchObject({ kind: "process", state: "ended", detail: "" });
    expect(() => readFileSync(node.config.controlSocket)).toThrow("ENOENT");
  }
});
