// Byzantine orderers as real processes, switched on and off over their control sockets: the same wrappers as in virtual time
// (tests/pure/byzantine.test.ts), here with real signatures, streams and disks.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { seconds } from "../../src/base/index.js";
import { misbehaviours, type Event, type Misbehaviour } from "../../src/boundary/index.js";
import { Agreement, EquivocationsObserved } from "../../src/checks/index.js";
import { LoopbackCluster, type RunningNode } from "./loopback-cluster.js";

const orderers = ["orderer1", "orderer2", "orderer3", "orderer4"] as const;
type Orderer = (typeof orderers)[number];

/** Slow enough that a busy machine is no dead leader: no view may change but for what is tested. */
const options = {
  requestForwardTimeout: seconds(1),
  requestComplainTimeout: seconds(3),
  viewChangeTimeout: seconds(5),
  leaderHeartbeatTimeout: seconds(20),
};

describe("Byzantine orderers", () => {
  let cluster: LoopbackCluster;
  const node = (name: string): RunningNode => cluster.node(name);

  beforeAll(async () => {
    cluster = await LoopbackCluster.prepare({ orderers: 4, octet: 20 + (process.pid % 200), options });
    await cluster.start();
    await node("client1").ask({ do: "start-workload", workload: { ratePerSecond: 5, sizeBytes: 200 } });
    await node("peer1").until("a block", (event) => event.kind === "block");
  }, 60_000);

  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
  });

  afterEach(async () => {
    for (const name of orderers) await node(name).ask({ do: "misbehave", how: "" });
  });

  /** Resolves with the instant at which it has turned. */
  async function turn(name: Orderer, how: Misbehaviour | ""): Promise<number> {
    const from = node(name).events.length;
    const answer = await node(name).ask({ do: "misbehave", how });
    if (!answer.good) throw new Error(answer.error);
    const step = how === "" ? "behaving" : "misbehaving";
    await node(name).until(step, (event) => event.kind === "step" && event.step === step, from);
    return Number(answer.facts["at"]);
  }

  const status = async (name: Orderer): Promise<Readonly<Record<string, unknown>>> => {
    const answer = await node(name).ask({ do: "status" });
    return answer.good ? answer.facts : {};
  };

  /** The leader that orderer4, or another, takes for one, and how to know that a view has come after its. */
  async function leading(): Promise<{ readonly leader: Orderer; readonly isNext: (event: Event) => boolean }> {
    const { leader: id, view } = await status("orderer4");
    const leader = orderers.find((name) => name === `orderer${String(id)}`) ?? "orderer1";
    const isNext = (event: Event): boolean =>
      event.kind === "step" && event.step === "viewInstalled" && Number(event.facts["view"]) > Number(view);
    return { leader, isNext };
  }

  /** Every orderer stores a block that the peer did not have when it was asked for. */
  async function levelled(): Promise<void> {
    const highest = Math.max(...orderers.flatMap((name) => node(name).events.map(numberOf)));
    await Promise.all(
      orderers.map((name) => node(name).until(`block ${highest + 3}`, (event) => numberOf(event) >= highest + 3)),
    );
  }

  function agreed(names: readonly Orderer[]): void {
    const agreement = new Agreement();
    for (const name of names)
      for (const event of node(name).events) if (event.kind === "block") agreement.observe(event);
    expect(agreement.verdict()).toMatchObject({ verdict: "true" });
  }

  it("refuses what is no way to misbehave, and who is no orderer", async () => {
    const unknown = await node("orderer1").ask({ do: "misbehave", how: "nicely" as Misbehaviour }); // what the types exclude
    expect(unknown).toMatchObject({ good: false });
    expect(JSON.stringify(unknown)).toContain("expected one of silent, crash-prone");
    expect(await node("peer1").ask({ do: "misbehave", how: "silent" })).toMatchObject({ good: false });
  });

  // Of leader 1 only the next leader is deceived, and learns from the others. A next leader who has decided the story refuses
  // the ViewData of those who have not, and it takes view-change timeouts (item 11): so this one comes while orderer1 leads.
  it("an equivocating leader is seen to tell two stories, and is replaced; the correct orderers agree", async () => {
    const { leader, isNext } = await leading();
    const correct = orderers.filter((name) => name !== leader);
    await turn(leader, "equivocate");
    await Promise.all(correct.map((name) => node(name).until("the next view", isNext)));
    await turn(leader, "");
    await levelled();
    const observed = new EquivocationsObserved();
    for (const name of orderers)
      for (const event of node(name).events) if (event.kind === "message") observed.observe(event);
    expect(new Set(observed.all.map(({ who }) => who))).toEqual(new Set([leader]));
    agreed(correct);
  }, 90_000);

  it("a silent leader says nothing, is replaced, and speaks again when it is told to", async () => {
    const { leader, isNext } = await leading();
    const other = leader === "orderer4" ? "orderer3" : "orderer4";
    const at = await turn(leader, "silent");
    expect(await status(leader)).toMatchObject({ misbehaviour: "silent" });
    const installed = await node(other).until("the next view", isNext);
    expect((installed.at - at) / 1_000_000).toBeGreaterThan(3);
    const end = await turn(leader, "");
    const said = node(leader).events.filter((event) => event.kind === "message" && event.direction === "out");
    // What had been asked of a disk or a socket before may still go out for a moment.
    expect(said.filter((event) => event.at > at + seconds(0.5) && event.at < end)).toEqual([]);
    await levelled();
    expect(await status(leader)).toMatchObject({ misbehaviour: "" });
    expect(node(leader).events.some((event) => event.kind === "message" && event.at > end)).toBe(true);
    agreed(orderers);
  }, 90_000);

  it("each way runs on a follower, and new blocks come all the while", async () => {
    for (const how of misbehaviours) {
      await turn("orderer4", how);
      let highest = Math.max(...node("peer1").events.map(numberOf));
      for (let count = 0; count < 3; count++) {
        const isNewer = (event: Event): boolean => numberOf(event) > highest;
        highest = numberOf(await node("peer1").until(`a block under ${how}`, isNewer));
      }
      await turn("orderer4", "");
    }
    await levelled();
    agreed(["orderer1", "orderer2", "orderer3"]);
  }, 240_000);
});

const numberOf = (event: Event): number => (event.kind === "block" ? event.number : -1);
