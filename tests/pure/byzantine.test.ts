// Each way to misbehave, in virtual time: what the node says, what the correct ones make of it, and that they stay safe; and
// live, where the protocol promises it with one of four. No test passes when the wrapper does nothing. docs/byzantine.md
// tells the same in words.
import { describe, expect, it } from "vitest";
import { milliseconds, nodeId, seconds, type Instant, type NodeId } from "../../src/base/index.js";
import { EquivocationProofs } from "../../src/checks/index.js";
import { Cluster, disagreements, Evidence, largestGap, stepsOf } from "../../src/sim/index.js";
import {
  decodeMessage,
  misbehaviours,
  proposalDigest,
  type Fidelity,
  type Message,
  type Misbehaviour,
  type Proposal,
} from "../../src/smartbft/index.js";
import type { ClusterOptions } from "../../src/sim/index.js";

/** Timers of profile `fast`: forward plus complain is 2 s. */
const fast = {
  requestForwardTimeout: milliseconds(500),
  requestComplainTimeout: milliseconds(1500),
  leaderHeartbeatTimeout: seconds(5),
  leaderHeartbeatCount: 5,
  viewChangeTimeout: seconds(5),
  viewChangeResendInterval: seconds(1),
  collectTimeout: milliseconds(200),
  tickInterval: milliseconds(100),
};
const [one, two, three, four] = [nodeId(1), nodeId(2), nodeId(3), nodeId(4)] as const;

interface Said {
  readonly at: Instant;
  readonly to: NodeId;
  readonly message: Message;
}

type AttackOptions = Partial<ClusterOptions> & {
  /** Requests a second, at every node. */
  readonly load?: number;
  /** Whether messages are looked at on their way. */
  readonly evidence?: boolean;
};

/** A cluster of four under load in which one node is about to misbehave, and what is heard of it. */
class Attacked {
  readonly cluster: Cluster;
  readonly who: NodeId;
  readonly said: Said[] = [];
  /** Decisions of the others on what it said. */
  readonly heard: string[] = [];
  readonly evidence = new Evidence();
  readonly proofs = new EquivocationProofs();
  since: Instant;

  constructor(who: NodeId, { load = 10, evidence = true, ...options }: AttackOptions = {}) {
    this.who = who;
    const times = { linkDelay: milliseconds(1), fsync: milliseconds(1), syncTime: milliseconds(5) };
    this.cluster = new Cluster({ size: 4, seed: 1, ...times, ...options, protocol: { ...fast, ...options.protocol } });
    this.since = this.cluster.now;
    this.cluster.tamper = (bytes, { source, target }) => {
      const decoded = evidence ? decodeMessage(bytes) : undefined;
      if (decoded?.kind !== "good") return bytes;
      const message = decoded.value;
      for (const statement of this.evidence.statementsIn(message)) this.proofs.observe(statement);
      if (source === who) this.said.push({ at: this.cluster.now, to: target, message });
      return bytes;
    };
    this.cluster.onTrace = ({ trace }) => {
      if (trace.kind === "received" && trace.from === who) this.heard.push(trace.decision);
    };
    this.cluster.start();
    if (load > 0) this.cluster.load(load, seconds(120));
    this.cluster.run(seconds(2));
  }

  get correct(): readonly NodeId[] {
    return this.cluster.nodes.filter((id) => id !== this.who);
  }

  misbehave(how: Misbehaviour): void {
    this.said.length = 0;
    this.heard.length = 0;
    this.since = this.cluster.now;
    this.cluster.misbehave(this.who, how);
  }

  /** The correct nodes' applications want another leader: a view change without a fault. */
  changeView(): void {
    for (const id of this.correct) this.cluster.complain(id);
  }

  height(id: NodeId): number {
    return this.cluster.ledger(id).height;
  }

  heights(): readonly number[] {
    return this.correct.map((id) => this.height(id));
  }

  of<K extends Message["kind"]>(kind: K): readonly (Said & { readonly message: Extract<Message, { kind: K }> })[] {
    return this.said.filter((said): said is Said & { readonly message: Extract<Message, { kind: K }> } => {
      return said.message.kind === kind;
    });
  }

  views(): readonly number[] {
    return this.correct.map((id) => this.cluster.replica(id).status().view);
  }
}

function safe({ cluster, correct }: Attacked): void {
  expect(disagreements(cluster, correct)).toEqual([]);
}

/** Honest again: everybody is level, and decides. */
function recovers(attack: Attacked): void {
  const { cluster, who } = attack;
  cluster.misbehave(who, "");
  const goal = Math.max(...attack.heights()) + 5;
  const level = (): boolean => cluster.nodes.every((id) => attack.height(id) >= goal);
  cluster.runUntil("everybody decides again", level, seconds(60));
  expect(disagreements(cluster)).toEqual([]);
}

describe("silent", () => {
  it("a follower that says nothing costs nothing, and follows", () => {
    const attack = new Attacked(four);
    const before = attack.height(four);
    attack.misbehave("silent");
    attack.cluster.run(seconds(10));
    expect(attack.said).toEqual([]);
    expect(largestGap(attack.cluster, attack.since, attack.correct)).toBeLessThan(milliseconds(200));
    expect(attack.height(four)).toBeGreaterThan(before + 80);
    safe(attack);
    recovers(attack);
  });

  it("a silent leader is replaced after the forward and complain timeouts", () => {
    const attack = new Attacked(one);
    attack.misbehave("silent");
    attack.cluster.run(seconds(10));
    const gap = largestGap(attack.cluster, attack.since, attack.correct);
    expect(gap).toBeGreaterThan(seconds(1.9));
    expect(gap).toBeLessThan(seconds(2.4));
    expect(attack.views()).toEqual([1, 1, 1]);
    safe(attack);
    recovers(attack);
  });
});

describe("crash-prone", () => {
  const lives = (seed: number): readonly Instant[] => {
    const attack = new Attacked(four, { seed });
    attack.misbehave("crash-prone");
    attack.cluster.run(seconds(15));
    safe(attack);
    expect(largestGap(attack.cluster, attack.since, attack.correct)).toBeLessThan(milliseconds(300));
    const restarts = stepsOf(attack.cluster, "restored", { since: attack.since, nodes: [four] });
    recovers(attack);
    return restarts.map(({ at }) => at);
  };

  it("a follower dies and comes back from its log, at instants that the seed draws; the others go on", () => {
    const first = lives(1);
    expect(first.length).toBeGreaterThan(3);
    expect(lives(1)).toEqual(first);
    expect(lives(2)).not.toEqual(first);
  });

  it("comes back as a member of the cluster that its ledger knows of: decisions carry the larger quorum's signatures", () => {
    const attack = new Attacked(one, { spare: 1 });
    const { cluster } = attack;
    attack.misbehave("crash-prone");
    cluster.order("add-5");
    cluster.runUntil("the fifth is a member", () => cluster.ledger(one).configuration.nodes.length === 5, seconds(5));
    cluster.join(nodeId(5));
    const joined = cluster.ledger(one).height;
    const lives = stepsOf(cluster, "restored", { nodes: [one] }).length;
    cluster.run(seconds(10));
    expect(stepsOf(cluster, "restored", { nodes: [one] }).length).toBeGreaterThan(lives + 3);
    const since = cluster.ledger(one).decisions.slice(joined);
    expect(since.length).toBeGreaterThan(50);
    expect(new Set(since.map(({ signatures }) => signatures.length))).toEqual(new Set([4]));
    safe(attack);
  });

  it("a dead node answers its clients with a refusal, and a leader that is dead for short is not replaced for it", () => {
    const attack = new Attacked(one, { load: 0 });
    attack.misbehave("crash-prone");
    attack.cluster.run(seconds(1));
    const outcomes = new Set<string>();
    for (let second = 0; second < 10; second++) {
      const [token = -1] = attack.cluster.submit(`probe-${second}`, [one]);
      attack.cluster.run(seconds(1));
      outcomes.add(attack.cluster.outcomes.get(token)?.kind ?? "none");
    }
    expect([...outcomes].toSorted()).toEqual(["accepted", "refused"]);
    safe(attack);
  });
});

describe("equivocate", () => {
  it("a leader tells two stories; one is decided by some, nobody decides the other, and its signatures prove it", () => {
    const attack = new Attacked(one);
    attack.misbehave("equivocate");
    attack.cluster.run(seconds(10));
    const proposals = attack.of("PrePrepare");
    const digestOf = ({ message }: { readonly message: { readonly proposal?: Proposal | undefined } }): string =>
      message.proposal === undefined ? "" : proposalDigest(message.proposal);
    const digests = (sequence: number): readonly string[] =>
      proposals.filter(({ message }) => message.sequence === sequence).map(digestOf);
    const doubled = proposals.find(({ message }) => new Set(digests(message.sequence)).size === 2)?.message.sequence;
    const stories = proposals.filter(({ message }) => message.sequence === doubled);
    const [truth = "", lie = "", ...rest] = stories.map(digestOf);
    expect(stories.map(({ to }) => to)).toEqual([two, three, four]);
    expect(rest).toEqual([lie]);
    expect(truth).not.toBe(lie);
    expect(attack.proofs.all).toMatchObject([{ what: "commit", who: one, view: 0, sequence: doubled }]);
    // The larger part has decided the lie with the leader's help; the view change brought it to the rest.
    const decided = attack.cluster.ledger(two).decisions[Number(doubled) - 1];
    expect(decided === undefined ? "" : proposalDigest(decided.proposal)).toBe(lie);
    expect(attack.views()).toEqual([1, 1, 1]);
    expect(largestGap(attack.cluster, attack.since, [two])).toBeGreaterThan(seconds(1.9));
    safe(attack);
    recovers(attack);
  });

  it("honest nodes are proved nothing, whatever the view change", () => {
    const attack = new Attacked(one);
    attack.cluster.run(seconds(5));
    attack.changeView();
    attack.cluster.run(seconds(5));
    expect(attack.views()).toEqual([1, 1, 1]);
    expect(attack.proofs.all).toEqual([]);
  });
});

describe("twins", () => {
  it("two leaders of one name propose different things to different parts; one part decides, and brings the rest along", () => {
    const attack = new Attacked(one);
    const before = Math.min(...attack.heights());
    attack.misbehave("twins");
    attack.cluster.run(seconds(20));
    const told = new Map<string, Set<string>>();
    for (const { message } of attack.of("PrePrepare")) {
      const key = `${message.view}/${message.sequence}`;
      if (message.proposal === undefined) continue;
      told.set(key, (told.get(key) ?? new Set()).add(proposalDigest(message.proposal)));
    }
    expect([...told.values()].filter(({ size }) => size === 2).length).toBeGreaterThan(3);
    expect(Math.min(...attack.heights())).toBeGreaterThan(before + 50);
    safe(attack);
    recovers(attack);
  });
});

describe("censor", () => {
  it("a leader that does not hear a client is replaced, and until then serves the others", () => {
    const attack = new Attacked(one, { load: 0 });
    attack.misbehave("censor");
    const { cluster } = attack;
    cluster.submit("a1", cluster.nodes, "alice");
    const [token = -1] = cluster.submit("a2", [one], "alice");
    for (let index = 0; index < 15; index++) {
      cluster.submit(`b${index}`, cluster.nodes, "bob");
      cluster.run(milliseconds(100));
    }
    const payloads = (): string =>
      cluster
        .ledger(two)
        .decisions.map(({ proposal }) => new TextDecoder().decode(proposal.payload))
        .join("\n");
    expect(cluster.outcomes.get(token)?.kind).toBe("accepted");
    expect(payloads()).toContain("bob/b14");
    expect(payloads()).not.toContain("alice");
    cluster.run(seconds(3));
    expect(attack.views()).toEqual([1, 1, 1]);
    expect(payloads()).toContain("alice/a1");
    // What only the censor was told stays with it.
    expect(payloads()).not.toContain("alice/a2");
    safe(attack);
  });
});

describe("slow-drip", () => {
  it("a leader takes as long as it may: no timer runs out, and every decision comes 0.8 s late", () => {
    const attack = new Attacked(one);
    const before = attack.height(two);
    attack.misbehave("slow-drip");
    attack.cluster.run(seconds(20));
    const decided = attack.height(two) - before;
    expect(decided).toBeGreaterThan(20);
    expect(decided).toBeLessThan(26);
    expect(stepsOf(attack.cluster, "complaint")).toEqual([]);
    expect(attack.views()).toEqual([0, 0, 0]);
    safe(attack);
    recovers(attack);
  });
});

describe("stale-replay", () => {
  it("a follower says again what it said in earlier views: dropped", () => {
    const attack = new Attacked(four);
    attack.misbehave("stale-replay");
    attack.cluster.run(seconds(2));
    attack.changeView();
    attack.cluster.run(seconds(10));
    expect(attack.views()).toEqual([1, 1, 1]);
    const stale = attack.heard.filter((decision) => decision === "dropped: view 0, expected 1");
    expect(stale.length).toBeGreaterThan(1000);
    const settled = stepsOf(attack.cluster, "viewInstalled", { nodes: attack.correct }).at(-1)?.at ?? attack.since;
    expect(largestGap(attack.cluster, settled, attack.correct)).toBeLessThan(milliseconds(300));
    safe(attack);
    recovers(attack);
  });

  it("a leader that speaks of an earlier view is complained about at once", () => {
    const attack = new Attacked(two);
    attack.misbehave("stale-replay");
    attack.cluster.run(seconds(2));
    attack.changeView();
    attack.cluster.run(seconds(10));
    const reasons = stepsOf(attack.cluster, "complaint", { since: attack.since, nodes: attack.correct });
    expect(reasons.map(({ facts }) => facts["reason"])).toContain("wrongView");
    expect(Math.min(...attack.views())).toBeGreaterThan(1);
    safe(attack);
    recovers(attack);
  });
});

describe("replay-flood", () => {
  it("aims at the leader, twenty thousand a second, and at the next one after a view change", () => {
    const attack = new Attacked(four);
    attack.misbehave("replay-flood");
    attack.cluster.run(seconds(1));
    const before = attack.said.filter(({ to }) => to === one).length;
    expect(before).toBeGreaterThan(19_000);
    expect(attack.said.filter(({ to }) => to === two).length).toBeLessThan(200);
    attack.changeView();
    attack.cluster.run(seconds(1), () => Math.min(...attack.views()) === 1);
    attack.said.length = 0;
    attack.cluster.run(seconds(1));
    expect(attack.said.filter(({ to }) => to === two).length).toBeGreaterThan(19_000);
    safe(attack);
    recovers(attack);
  });

  /** Mean time from a request to its decision at the leader, who stands behind its own ingress, in milliseconds. */
  function meanLatency(ingress: "shared" | "per-sender", how: Misbehaviour | undefined): number {
    // 20 000 messages of 60 µs each are more than the leader's processor has time for.
    const attack = new Attacked(four, { ingress, handleTime: milliseconds(0.06), load: 0 });
    if (how !== undefined) attack.misbehave(how);
    attack.cluster.load(20, seconds(1));
    attack.cluster.run(seconds(1)); // the queue fills
    const since = attack.cluster.now;
    attack.cluster.load(20, seconds(2));
    attack.cluster.run(seconds(3));
    safe(attack);
    // Requests are decided in the order in which they came, some of them together.
    const decided = stepsOf(attack.cluster, "delivered", { since, nodes: [one] }).flatMap(({ at, facts }) =>
      Array.from({ length: Number(facts["count"]) }, () => Number(at)),
    );
    const latencies = decided.slice(-40).map((at, index) => at - (since + (index + 1) * 50_000));
    expect(latencies).toHaveLength(40);
    return latencies.reduce((sum, each) => sum + each, 0) / latencies.length / 1_000;
  }

  it("makes everybody wait for a shared queue, and the flooder alone where each sender has its own", () => {
    const quiet = meanLatency("shared", undefined);
    const shared = meanLatency("shared", "replay-flood");
    const perSender = meanLatency("per-sender", "replay-flood");
    expect(meanLatency("per-sender", undefined)).toBeCloseTo(quiet, 3);
    // 200 messages of 60 µs stand before each of the two votes that the leader waits for.
    expect(shared - quiet).toBeGreaterThan(15);
    expect(perSender - quiet).toBeLessThan(1);
  });
});

describe("endless-sync", () => {
  it("pulls everybody's chain again and again, and asks for their state; they go on", () => {
    const attack = new Attacked(four);
    attack.misbehave("endless-sync");
    attack.cluster.run(seconds(10));
    for (const id of attack.correct)
      expect(attack.cluster.pulledBlocks.get(id) ?? 0).toBeGreaterThan(500 * attack.height(id) * 0.2);
    expect(attack.of("StateTransferRequest").length).toBeGreaterThan(2_000);
    expect(attack.heard.filter((decision) => decision === "answered").length).toBeGreaterThan(2_000);
    expect(largestGap(attack.cluster, attack.since, attack.correct)).toBeLessThan(milliseconds(200));
    safe(attack);
    recovers(attack);
  });
});

describe("conflicting-view-data", () => {
  it("a follower tells the new leader two stories of its past: the first is taken, two signatures prove it", () => {
    const attack = new Attacked(four);
    attack.misbehave("conflicting-view-data");
    attack.changeView();
    attack.cluster.run(seconds(5));
    const told = attack.of("ViewData");
    expect(told.map(({ to }) => to)).toEqual([two, two]);
    expect(attack.proofs.all).toMatchObject([{ what: "view-data", who: four, view: 1 }]);
    expect(attack.views()).toEqual([1, 1, 1]);
    safe(attack);
    recovers(attack);
  });

  it("a new leader tells two stories of its own past in the NewView: the view is installed, or given up for the next", () => {
    const attack = new Attacked(two);
    attack.misbehave("conflicting-view-data");
    attack.changeView();
    attack.cluster.run(seconds(20));
    expect(attack.of("NewView").length).toBeGreaterThan(0);
    expect(new Set(attack.proofs.all.map(({ what, who }) => `${what} of ${who}`))).toEqual(new Set(["view-data of 2"]));
    expect(Math.min(...attack.views())).toBeGreaterThan(0);
    safe(attack);
    recovers(attack);
  });
});

describe("corrupt-signatures", () => {
  it("votes that do not verify do not count, and the others are enough", () => {
    const attack = new Attacked(four);
    attack.misbehave("corrupt-signatures");
    attack.cluster.run(seconds(5));
    const bad = stepsOf(attack.cluster, "badVote", { since: attack.since, nodes: attack.correct });
    expect(bad.length).toBeGreaterThan(100);
    expect(new Set(bad.map(({ facts }) => facts["reason"]))).toEqual(new Set(["Commit with a bad signature"]));
    for (const { signatures } of attack.cluster.ledger(two).decisions.slice(-50))
      expect(signatures.map(({ signer }) => signer)).not.toContain(four);
    attack.changeView();
    attack.cluster.run(seconds(5));
    const refused = stepsOf(attack.cluster, "viewDataRefused", { since: attack.since, nodes: [two] });
    expect(refused.map(({ facts }) => facts["from"])).toContain(four);
    expect(attack.views()).toEqual([1, 1, 1]);
    expect(attack.proofs.all).toEqual([]);
    safe(attack);
    recovers(attack);
  });
});

describe("forged-sender", () => {
  it("votes for the next view in others' names are believed: nobody complained, and the view changes and changes", () => {
    const attack = new Attacked(four);
    const before = attack.height(two);
    attack.misbehave("forged-sender");
    attack.cluster.run(seconds(10));
    expect(stepsOf(attack.cluster, "complaint")).toEqual([]);
    expect(Math.min(...attack.views())).toBeGreaterThan(10);
    // Each is a view change in good order, and between two of them there is time to decide.
    expect(attack.height(two)).toBeGreaterThan(before + 60);
    safe(attack);
    recovers(attack);
  });
});

describe("every way to misbehave, in two acts", () => {
  const cases = misbehaviours.flatMap((how) => [
    ...[one, two, four].map((who) => ({ how, fidelity: "library" as const, who })),
    { how, fidelity: "improved" as const, who: two },
  ]);
  it.each(cases)(
    "$how by node $who, $fidelity: safe while it lasts, everybody decides after it",
    ({ how, fidelity, who }) => {
      twoActs(how, fidelity, who);
    },
  );

  function twoActs(how: Misbehaviour, fidelity: Fidelity, who: NodeId): void {
    const attack = new Attacked(who, { seed: `${how}/${who}`, evidence: false, protocol: { fidelity } });
    const { cluster } = attack;
    for (const source of cluster.nodes)
      for (const target of cluster.nodes) cluster.links.link(source, target).jitter = milliseconds(5);
    attack.misbehave(how);
    const act = how === "replay-flood" ? seconds(0.3) : seconds(3);
    cluster.run(act);
    safe(attack);
    attack.changeView();
    cluster.run(act);
    safe(attack);
    recovers(attack);
  }
});
