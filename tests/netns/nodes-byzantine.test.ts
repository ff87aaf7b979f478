// Byzantine orderers as real processes, switched on and off over their control sockets: the same wrappers as in virtual time
// (tests/pure/byzantine.test.ts), here with real signatures, streams and disks.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { seconds } from "../../src/base/index.js";
import { misbehaviours, type Event, type Misbehaviour } from "../../src/boundary/index.js";
import { Agreement, EquivocationsObserved } from "../../src/checks/index.js";
import { now } from "../../src/system/index.js";
import { LoopbackCluster, type RunningNode } from "./loopback-cluster.js";

const orderers = ["orderer1", "orderer2", "orderer3", "orderer4"] as const;
type Orderer = (typeof orderers)[number];

describe("Byzantine orderers", () => {
  let cluster: LoopbackCluster;
  const node = (name: string): RunningNode => cluster.node(name);

  beforeAll(async () => {
    cluster = await LoopbackCluster.prepare({ orderers: 4, octet: 20 + (process.pid % 200) });
    await cluster.start();
    await node("client1").ask({ do: "start-workload", workload: { ratePerSecond: 20, sizeBytes: 200 } });
    await node("peer1").until("a block", (event) => event.kind === "block");
  }, 60_000);

  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
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

  const isViewOne = (event: Event): boolean =>
    event.kind === "step" && event.step === "viewInstalled" && event.facts["view"] === 1;

  /** Every orderer stores a block that the peer did not have when it was asked for. */
  async function levelled(): Promise<void> {
    const highest = Math.max(...orderers.flatMap((name) => node(name).events.map(numberOf)));
    await Promise.all(
      orderers.map((name) => node(name).until(`block ${highest + 3}`, (event) => numberOf(event) >= highest + 3)),
    );
  }

  function agreed(names: readonly Orderer[]): void {
    const agreement = new Agreement();
    for (const name of names) for (const event of node(name).events) agreement.observe(event);
    expect(agreement.verdict()).toMatchObject({ verdict: "true" });
  }

  it("refuses what is no way to misbehave, and who is no orderer", async () => {
    const unknown = await node("orderer1").ask({ do: "misbehave", how: "nicely" as Misbehaviour }); // what the types exclude
    expect(unknown).toMatchObject({ good: false });
    expect(JSON.stringify(unknown)).toContain("expected one of silent, crash-prone");
    expect(await node("peer1").ask({ do: "misbehave", how: "silent" })).toMatchObject({ good: false });
  });

  it("a silent leader says nothing, is replaced, and speaks again when it is told to", async () => {
    const at = await turn("orderer1", "silent");
    expect(await status("orderer1")).toMatchObject({ misbehaviour: "silent" });
    const installed = await node("orderer2").until("view 1", isViewOne);
    expect((installed.at - at) / 1_000_000).toBeGreaterThan(1.5);
    const end = await turn("orderer1", "");
    const said = node("orderer1").events.filter((event) => event.kind === "message" && event.direction === "out");
    expect(said.filter((event) => event.at > at + seconds(0.2) && event.at < end)).toEqual([]);
    await levelled();
    expect(await status("orderer1")).toMatchObject({ misbehaviour: "" });
    expect(node("orderer1").events.some((event) => event.kind === "message" && event.at > end)).toBe(true);
    agreed(orderers);
  }, 60_000);

  it("an equivocating leader is seen to tell two stories, and is replaced; the correct orderers agree", async () => {
    const { leader: id, view } = await status("orderer4");
    const leader = orderers.find((name) => name === `orderer${String(id)}`) ?? "orderer1";
    const correct = orderers.filter((name) => name !== leader);
    await turn(leader, "equivocate");
    const isNext = (event: Event): boolean =>
      event.kind === "step" && event.step === "viewInstalled" && Number(event.facts["view"]) > Number(view);
    await Promise.all(correct.map((name) => node(name).until(`a view after ${String(view)}`, isNext)));
    await turn(leader, "");
    await levelled();
    const observed = new EquivocationsObserved();
    for (const name of orderers)
      for (const event of node(name).events) if (event.kind === "message") observed.observe(event);
    expect(new Set(observed.all.map(({ who }) => who))).toEqual(new Set([leader]));
    agreed(correct);
  }, 60_000);

  it("each way runs on a follower, and new blocks come all the while", async () => {
    for (const how of misbehaviours) {
      await turn("orderer4", how);
      const from = node("peer1").events.length;
      const since = now();
      // Four blocks that were begun under it: views may change meanwhile.
      for (let block = 0; block < 4; block++)
        await node("peer1").until(
          `a block under ${how}`,
          (event) => numberOf(event) > 0 && event.at > since,
          from + block,
        );
      await turn("orderer4", "");
    }
    await levelled();
    agreed(["orderer1", "orderer2", "orderer3"]);
  }, 120_000);
});

const numberOf = (event: Event): number => (event.kind === "block" ? event.number : -1);
