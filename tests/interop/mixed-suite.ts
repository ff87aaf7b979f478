// Orderers of ours and orderers that are the Go library SmartBFT, in one cluster, as processes on loopback: they order under
// load, replace leaders of either kind, and followers of either kind come back. At the end every ledger holds the same
// blocks but for the sets of signatures, and there were no views but those that a dead leader asked for.
//
// Each mix is a test file of its own beside this one, so that scripts/test can run one of them.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Implementation } from "../../src/boundary/index.js";
import { milliseconds, quorumSize, seconds } from "../../src/base/index.js";
import type { ProtocolOptions } from "../../src/smartbft/index.js";
import { LoopbackCluster } from "../netns/loopback-cluster.js";
import {
  factsOf,
  isBlock,
  isSyncing,
  ledgerOf,
  lostViewData,
  complaintsOf,
  untilFacts,
  untilProgress,
  viewsOf,
} from "../netns/mixed-cluster.js";
import { withGo } from "../netns/with-go.js";

/**
 * Patient enough for two busy cores. With one of four dead all three others must see a new leader's first proposal, and one that
 * installs the view after it was sent has lost it (surprise 10 of the library, kept by both). So a backlog never fills a
 * batch, and a leader waits for half a second before it proposes: that long may the slowest take behind the fastest.
 */
const options: Partial<ProtocolOptions> = {
  requestBatchMaxCount: 1_000,
  requestBatchMaxInterval: milliseconds(500),
  requestForwardTimeout: milliseconds(1_000),
  requestComplainTimeout: milliseconds(3_000),
  viewChangeResendInterval: seconds(2),
  viewChangeTimeout: seconds(15),
  leaderHeartbeatTimeout: seconds(15),
};

/** The first of these tests builds the Go program. */
const buildMsMax = 400_000;

/** orderer1 leads view 0 and must be the library's, orderer2 leads view 1 and must be ours. */
export function mixedCluster(name: string, implementations: readonly Implementation[]): void {
  withGo(() => {
    describe(name, () => {
      tests(implementations);
    });
  });
}

function tests(implementations: readonly Implementation[]): void {
  const orderers = implementations.map((_, index) => `orderer${index + 1}`);
  const quorum = quorumSize(orderers.length);
  let cluster: LoopbackCluster;
  beforeAll(async () => {
    const octet =
      20 + ((process.pid + orderers.length + implementations.filter((each) => each === "smartbft-go").length) % 200);
    cluster = await LoopbackCluster.prepare({ orderers: orderers.length, octet, implementations, options });
    await cluster.start();
    await load("start");
  }, buildMsMax);
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
  });

  /** Empty, or why the story cannot go on: a test that it befalls, and those after it, are skipped by this name. */
  let surprised = "";

  function chapter(name: string, happens: () => Promise<void>): void {
    test(name, async ({ skip }) => {
      if (surprised === "") await happens();
      if (surprised !== "") skip(surprised);
    });
  }

  /** Kills the leader of the last view; the next orderer leads the new one, which all others enter. */
  async function replaceLeader(leader: string, view: number): Promise<void> {
    const others = orderers.filter((name) => name !== leader);
    const from = new Map(others.map((name) => [name, cluster.node(name).events.length]));
    await cluster.node(leader).end("SIGKILL");
    const [facts] = await untilFacts(cluster, others, {
      what: `view ${view}, or one beyond it,`,
      question: (all) =>
        new Set(all.map((each) => each["view"])).size === 1 && all.every((each) => Number(each["view"]) >= view),
    });
    await untilProgress(cluster);
    const reached = Number(facts?.["view"]);
    for (let skipped = view; skipped < reached; skipped++) {
      const name = orderers[skipped % orderers.length] ?? "";
      const complaints = others.flatMap((each) => complaintsOf(cluster.node(each)));
      if (!lostViewData(cluster.node(name), from.get(name)))
        throw new Error(`${name} led no view ${skipped}, though it refused no ViewData: ${complaints.join("; ")}`);
      surprised = "surprise 18 of the library took a view";
    }
    if (surprised === "") expect(facts?.["leader"]).toBe(view + 1);
  }

  const load = (verb: "start" | "stop"): Promise<unknown> =>
    cluster
      .node("client1")
      .ask(
        verb === "stop"
          ? { do: "stop-workload" }
          : { do: "start-workload", workload: { ratePerSecond: 20, sizeBytes: 200 } },
      );

  async function untilLevel(): Promise<void> {
    await untilFacts(cluster, orderers, {
      what: "equal heights, empty pools and no syncs",
      question: (facts) =>
        new Set(facts.map(({ height }) => height)).size === 1 &&
        facts.every(({ poolCount }) => poolCount === 0) &&
        !orderers.some((name) => isSyncing(cluster.node(name))),
    });
  }

  /**
   * A node that comes back under load lands one decision behind after each sync and syncs again (smartbft.md 9.3), of either
   * kind; in a pause its heartbeats lead it to the end. Then it decides by its own votes again. The load must not come back
   * while a sync still waits for the others' views: the next proposal would be lost with the View that the sync replaces.
   */
  async function untilDeciding(name: string): Promise<void> {
    await untilBlocks(name);
    await load("stop");
    await untilLevel();
    const from = cluster.node(name).events.length;
    await load("start");
    await cluster.node(name).until("decision", (event) => isBlock(event) && event.source === "decision", from);
  }

  /** The node has what the others had when this was asked, load or no load. */
  async function untilBlocks(name: string): Promise<void> {
    const heights = (await Promise.all(orderers.map((each) => factsOf(cluster.node(each))))).map((each) =>
      Number(each["height"]),
    );
    await untilFacts(cluster, [name], {
      what: "the blocks of the others",
      question: ([facts]) => Number(facts?.["height"]) >= Math.max(...heights),
    });
  }

  chapter("orders under load, decided by all", async () => {
    await untilProgress(cluster);
    for (const name of orderers) {
      await cluster
        .node(name)
        .until("decision", (event) => isBlock(event) && event.source === "decision" && event.number >= 5);
    }
  });

  chapter("a leader that is the library fails", async () => replaceLeader("orderer1", 1));

  chapter("it restarts from its log and ledger, follows and decides", async () => {
    await cluster.start("orderer1");
    await untilDeciding("orderer1");
  });

  chapter("a leader that is ours fails", async () => replaceLeader("orderer2", 2));

  chapter("it restarts from its log and ledger, follows and decides", async () => {
    await cluster.start("orderer2");
    await untilDeciding("orderer2");
  });

  for (const name of ["orderer1", "orderer2"])
    chapter(`${name}, a follower, falls behind, catches up and decides`, async () => {
      const before = Number((await factsOf(cluster.node("orderer3")))["height"]);
      cluster.node(name).process.kill("SIGSTOP");
      await untilFacts(cluster, ["orderer3"], {
        what: "the others go on",
        question: ([facts]) => Number(facts?.["height"]) >= before + 8,
      });
      cluster.node(name).process.kill("SIGCONT");
      await untilDeciding(name);
    });

  chapter("every ledger holds the same blocks, and no view was entered but 0, 1 and 2", async () => {
    await load("stop");
    await untilLevel();
    const views = orderers.map((name) => viewsOf(cluster.node(name)));
    // The complaints stand beside the views: a view too many must say who asked for it, and why.
    const complaints = orderers.flatMap((name) => complaintsOf(cluster.node(name)));
    const entered = [...new Set(views.flat())].toSorted((left, right) => left - right);
    expect({ entered, complaints }).toEqual({ entered: [0, 1, 2], complaints });
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
}
