// Orderers of ours and orderers that are the Go library SmartBFT, in one cluster, as processes on loopback: they order under
// load, replace leaders of either kind, and followers of either kind come back. At the end every ledger holds the same
// blocks but for the sets of signatures, and there were no views but those that a dead leader asked for.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Implementation } from "../../src/boundary/index.js";
import { quorumSize } from "../../src/base/index.js";
import { LoopbackCluster } from "./loopback-cluster.js";
import { factsOf, isBlock, ledgerOf, untilFacts, untilProgress, viewsOf } from "./mixed-cluster.js";

const go: Implementation = "smartbft-go";
const ours: Implementation = "testbed";

/** orderer1 leads view 0 and is the library's, orderer2 leads view 1 and is ours. */
const mixes: readonly { readonly name: string; readonly implementations: readonly Implementation[] }[] = [
  { name: "1 Go and 3 ours", implementations: [go, ours, ours, ours] },
  { name: "2 Go and 2 ours", implementations: [go, ours, go, ours] },
  { name: "3 Go and 1 ours", implementations: [go, ours, go, go] },
  { name: "3 Go and 4 ours", implementations: [go, ours, go, ours, go, ours, ours] },
];

describe.each(mixes)("$name", ({ implementations }) => {
  const orderers = implementations.map((_, index) => `orderer${index + 1}`);
  const quorum = quorumSize(orderers.length);
  let cluster: LoopbackCluster;
  beforeAll(async () => {
    const octet = 20 + ((process.pid + orderers.length + implementations.filter((each) => each === go).length) % 200);
    cluster = await LoopbackCluster.prepare({ orderers: orderers.length, octet, implementations });
    await cluster.start();
    await cluster.node("client1").ask({ do: "start-workload", workload: { ratePerSecond: 40, sizeBytes: 200 } });
  });
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
  });

  /** Kills the leader of the last view; the next orderer leads the new one, which all others enter. */
  async function replaceLeader(leader: string, view: number): Promise<void> {
    const others = orderers.filter((name) => name !== leader);
    await cluster.node(leader).end("SIGKILL");
    await untilFacts(cluster, others, {
      what: `view ${view}`,
      question: (facts) => facts.every((each) => each["view"] === view && each["leader"] === view + 1),
    });
    await untilProgress(cluster);
  }

  /** The named orderers have everything that the others had when this was asked. */
  async function untilCaughtUp(names: readonly string[]): Promise<void> {
    const heights = (await Promise.all(orderers.map((name) => factsOf(cluster.node(name))))).map(({ height }) =>
      Number(height),
    );
    await untilFacts(cluster, names, {
      what: "caught up",
      question: (facts) => facts.every(({ height }) => Number(height) >= Math.max(...heights)),
    });
  }

  test("orders under load, decided by all", async () => {
    await untilProgress(cluster);
    for (const name of orderers) {
      await cluster
        .node(name)
        .until("decision", (event) => isBlock(event) && event.source === "decision" && event.number >= 5);
    }
  });

  test("a leader that is the library fails", async () => replaceLeader("orderer1", 1));

  test("it restarts from its log and ledger, and follows", async () => {
    await cluster.start("orderer1");
    await untilCaughtUp(["orderer1"]);
    await untilFacts(cluster, ["orderer1"], { what: "view 1", question: ([facts]) => facts?.["view"] === 1 });
    const from = cluster.node("orderer1").events.length;
    const isDecided = (event: Parameters<typeof isBlock>[0]): boolean => isBlock(event) && event.source === "decision";
    await cluster.node("orderer1").until("decision of its own", isDecided, from);
  });

  test("a leader that is ours fails", async () => replaceLeader("orderer2", 2));

  test("it restarts from its log and ledger, and follows", async () => {
    await cluster.start("orderer2");
    await untilCaughtUp(["orderer2"]);
    await untilFacts(cluster, ["orderer2"], { what: "view 2", question: ([facts]) => facts?.["view"] === 2 });
    const from = cluster.node("orderer2").events.length;
    const isDecided = (event: Parameters<typeof isBlock>[0]): boolean => isBlock(event) && event.source === "decision";
    await cluster.node("orderer2").until("decision of its own", isDecided, from);
  });

  test.each(["orderer1", "orderer2"])("%s, a follower, falls behind and catches up", async (name) => {
    const before = Number((await factsOf(cluster.node("orderer3")))["height"]);
    cluster.node(name).process.kill("SIGSTOP");
    await untilFacts(cluster, ["orderer3"], {
      what: "the others go on",
      question: ([facts]) => Number(facts?.["height"]) >= before + 8,
    });
    cluster.node(name).process.kill("SIGCONT");
    await untilCaughtUp([name]);
    await untilProgress(cluster);
  });

  test("every ledger holds the same blocks, and no view was entered but 0, 1 and 2", async () => {
    await cluster.node("client1").ask({ do: "stop-workload" });
    await untilFacts(cluster, orderers, {
      what: "equal heights, empty pools",
      question: (facts) =>
        new Set(facts.map(({ height }) => height)).size === 1 && facts.every(({ poolCount }) => poolCount === 0),
    });
    const views = orderers.map((name) => viewsOf(cluster.node(name)));
    expect(new Set(views.flat())).toEqual(new Set([0, 1, 2]));
    expect((await Promise.all(orderers.map((name) => factsOf(cluster.node(name))))).map(({ view }) => view)).toEqual(
      orderers.map(() => 2),
    );
    const codes = await Promise.all([...cluster.running.values()].map((node) => node.end("SIGTERM")));
    expect(codes.every((code) => code === 0)).toBe(true);
    const [first = [], ...rest] = await Promise.all(orderers.map((name) => ledgerOf(cluster, name)));
    expect(first.length).toBeGreaterThan(30);
    for (const ledger of rest) expect(ledger.map(({ agreed }) => agreed)).toEqual(first.map(({ agreed }) => agreed));
    for (const ledger of [first, ...rest]) {
      expect(new Set(ledger.slice(1).map(({ signers }) => signers))).toEqual(new Set([quorum]));
    }
  });
});
