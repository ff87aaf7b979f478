// Restarts: every tail the log can have (TestStateRestore), the library's surprises on the way (section 15, items 3, 5, 6,
// 7 and 14) and what improved fidelity makes of them, and a crash on either side of every write of a whole story.
import { describe, expect, it } from "vitest";
import { after, milliseconds, nodeId, seconds, sequence, view, type NodeId } from "../../src/base/index.js";
import { Cluster, disagreements, stepsOf, type Write } from "../../src/sim/index.js";
import {
  decodeMessage,
  decodeViewData,
  encodeMessage,
  encodeSavedMessage,
  type Fidelity,
  type Message,
  type ProtocolOptions,
  type SavedMessage,
} from "../../src/smartbft/index.js";
import { Bench, garbage } from "./smartbft-bench.js";

const kinds = (messages: readonly Message[]): readonly string[] => messages.map(({ kind }) => kind);
const [one, two, three, four] = [nodeId(1), nodeId(2), nodeId(3), nodeId(4)];

/** Records as node 2 would have written them: for sequence `at` of view `viewNumber`. */
function record(kind: SavedMessage["kind"], at: number, viewNumber = 0, decisions = at - 1): Uint8Array {
  const bench = new Bench({ height: at - 1 });
  const place = { view: viewNumber, sequence: at };
  const proposal = bench.proposal({ ...place, decisions }, `request ${at}`);
  switch (kind) {
    case "proposed":
      return encodeSavedMessage({
        kind,
        prePrepare: bench.prePrepare(proposal, place),
        prepare: bench.prepare(proposal, place),
      });
    case "commit":
      return encodeSavedMessage({ kind, commit: bench.commit(2, proposal, place) });
    case "newView": {
      const metadata = { view: view(viewNumber), sequence: sequence(at), decisions: 0, blacklist: [] };
      return encodeSavedMessage({ kind, metadata: { ...metadata, previousSignatureDigest: new Uint8Array(0) } });
    }
    case "viewChange":
      return encodeSavedMessage({
        kind,
        viewChange: { kind: "ViewChange", nextView: view(viewNumber), reason: "" },
      });
  }
}

interface Tail {
  readonly wal: readonly Uint8Array[];
  /** Decisions in the ledger, all of `ledgerView` (0 unless it says otherwise). */
  readonly height: number;
  readonly ledgerView?: number;
  readonly fidelity?: Fidelity;
}
const restarted = ({ wal, height, ledgerView = 0, fidelity = "library" }: Tail): Bench =>
  new Bench({ height, view: ledgerView, self: 2, walEntries: wal, protocol: { fidelity } }).start();

describe("the log's tail (TestStateRestore)", () => {
  const cases: readonly [string, Tail, string, object, readonly string[]][] = [
    ["empty", { wal: [], height: 2 }, "nothing", { phase: "committed", view: 0, sequence: 2 }, []],
    [
      "a proposal, then a crash before Prepares",
      { wal: [record("proposed", 3)], height: 2 },
      "proposed",
      { phase: "proposed", sequence: 2 },
      ["Prepare"],
    ],
    [
      "its Prepares too",
      { wal: [record("proposed", 3), record("commit", 3)], height: 2 },
      "commit",
      { phase: "prepared", sequence: 2 },
      ["Commit"],
    ],
    [
      "the same, and the ledger holds the decision",
      { wal: [record("proposed", 3), record("commit", 3)], height: 3 },
      "nothing",
      { phase: "committed", sequence: 3 },
      [],
    ],
    [
      "a view change after a decision",
      { wal: [record("proposed", 2), record("commit", 2), record("viewChange", 1, 0)], height: 2 },
      "viewChange",
      { nextView: 1, realView: 0, active: false },
      ["ViewChange"],
    ],
    [
      "a view change that the ledger has left behind",
      { wal: [record("viewChange", 1, 0)], height: 2, ledgerView: 1 },
      "nothing",
      { nextView: 1, realView: 1, sequence: 2, active: true },
      [],
    ],
    [
      "a new view",
      { wal: [record("proposed", 2), record("viewChange", 1, 0), record("newView", 2, 1)], height: 2 },
      "newView",
      { view: 1, realView: 1, phase: "committed", sequence: 2, leader: 2 },
      [],
    ],
    [
      "a new view before the ledger's last decision",
      { wal: [record("newView", 1, 1)], height: 2 },
      "nothing",
      { view: 0, sequence: 2 },
      [],
    ],
  ];
  it.each(cases)("%s", (_name, tail, from, status, sent) => {
    for (const fidelity of ["library", "improved"] as const) {
      const bench = restarted({ ...tail, fidelity });
      expect(bench.steps("restored")).toMatchObject([{ from }]);
      expect(bench.replica.status()).toMatchObject(status);
      expect(kinds(bench.sent())).toEqual(sent);
    }
  });

  it.each<[string, readonly Uint8Array[], string]>([
    ["bytes that are no record", [Uint8Array.of(0xff)], "Expected a record"],
    ["a commit without its proposal", [record("commit", 1)], "Expected a proposed record"],
    ["a record ahead of the ledger", [record("proposed", 5)], "The log is at sequence 5, the ledger expects 1"],
    [
      "a proposal without metadata",
      [
        encodeSavedMessage({
          kind: "proposed",
          prePrepare: {
            kind: "PrePrepare",
            view: view(0),
            sequence: sequence(1),
            proposal: { ...garbage },
            previousSignatures: [],
          },
          prepare: { kind: "Prepare", view: view(0), sequence: sequence(1), digest: "", assist: false },
        }),
      ],
      "readable metadata",
    ],
  ])("refuses %s", (_name, wal, message) => {
    expect(() => restarted({ wal, height: 0 })).toThrow(message);
  });
});

/** What is in flight, as the node's ViewData tells. */
function offered(bench: Bench): string {
  for (const message of bench.sent()) {
    if (message.kind !== "ViewData") continue;
    const data = decodeViewData(message.raw);
    if (data.kind === "bad") continue;
    const { inFlightProposal, inFlightPrepared } = data.value;
    return inFlightProposal === undefined ? "nothing" : `a proposal${inFlightPrepared ? ", prepared" : ""}`;
  }
  return "no ViewData";
}

describe("the library's surprises", () => {
  it.each([
    ["library", "nothing"],
    ["improved", "a proposal, prepared"],
  ] as const)("item 3: what was prepared before the restart in a view change: %s tells of %s", (fidelity, told) => {
    const wal = [record("proposed", 2), record("commit", 2), record("viewChange", 1, 0)];
    const bench = new Bench({ height: 1, self: 3, walEntries: wal, protocol: { fidelity } }).start();
    expect(offered(bench)).toBe(told);
  });

  it.each(["library", "improved"] as const)("item 6: a proposed record that the ledger is past, %s", (fidelity) => {
    const bench = restarted({ wal: [record("proposed", 2)], height: 3, fidelity });
    const fresh = bench.proposal({ sequence: 4 }, "a");
    expect(bench.replica.status().phase).toBe(fidelity === "library" ? "proposed" : "committed");
    expect(kinds(bench.sent())).toEqual(fidelity === "library" ? ["Prepare"] : []);
    // The library waits for Prepares of the ancient proposal: it cannot take the fresh one, and refuses votes for it.
    expect(bench.from(1, bench.prePrepare(fresh, { sequence: 4 }))).toBe(
      fidelity === "library" ? "dropped: second pre-prepare" : "stored",
    );
    for (const id of [1, 3]) bench.from(id, bench.prepare(fresh, { sequence: 4 }));
    expect(bench.steps("badVote")).toHaveLength(fidelity === "library" ? 2 : 0);
    expect(kinds(bench.sent())).toEqual(fidelity === "library" ? [] : ["Prepare", "Commit"]);
    if (fidelity === "improved") return;
    // It heals two decisions later, by the Commits of others.
    for (const id of [3, 4]) bench.from(id, bench.commit(id, fresh, { sequence: 6 }));
    bench.pass(seconds(1));
    expect(bench.replica.status()).toMatchObject({ phase: "committed", active: true });
  });

  it.each([
    ["library", 0, 1, 1],
    ["improved", 1, 2, 2],
  ] as const)(
    "item 7: a restart in a new view before its first decision: %s believes in view %i, leader %i, and votes for %i",
    (fidelity, viewNumber, leader, nextView) => {
      const bench = restarted({ wal: [record("proposed", 3, 1, 0)], height: 2, fidelity });
      expect(bench.replica.status()).toMatchObject({ view: viewNumber, leader, phase: "proposed" });
      expect(bench.sent()).toMatchObject([{ kind: "Prepare", view: 1, sequence: 3 }]);
      bench.input({ kind: "complain", view: view(viewNumber), stopView: true });
      expect(bench.sent()).toMatchObject([{ kind: "ViewChange", nextView }]);
    },
  );

  it.each(["library", "improved"] as const)(
    "item 5: the log's old entries are read again at a reconfiguration, %s",
    (fidelity) => {
      const bench = restarted({ wal: [record("proposed", 2)], height: 1, fidelity });
      const proposal = bench.proposal({ sequence: 2 }, "request 2");
      for (const id of [1, 3]) bench.from(id, bench.prepare(proposal, { sequence: 2 }));
      for (const id of [1, 3]) bench.from(id, bench.commit(id, proposal, { sequence: 2 }));
      expect(bench.replica.status()).toMatchObject({ phase: "committed", sequence: 2 });
      bench.reconfigure = { nodes: bench.nodes };
      bench.decide(3, "the reconfiguration");
      expect(bench.replica.status()).toMatchObject({
        phase: fidelity === "library" ? "proposed" : "committed",
        sequence: 3,
        view: 0,
      });
      bench.reconfigure = undefined;
      bench.decide(4, "the next");
      expect(bench.ledger.height).toBe(fidelity === "library" ? 3 : 4);
    },
  );

  it.each([
    ["nothing else", [record("viewChange", 2, 4)], 0],
    ["the view that was entered last", [record("newView", 1, 3), record("viewChange", 2, 4)], 3],
    ["a vote in it", [record("proposed", 2, 3), record("viewChange", 2, 3), record("viewChange", 2, 4)], 3],
  ])("surprise 44: on its way from view 4 to 5, with %s in its log, it says where it is", (_name, wal, entered) => {
    const told = (fidelity: Fidelity): readonly Message[] => {
      const bench = restarted({ wal, height: 1, fidelity });
      bench.clear();
      bench.from(3, { kind: "StateTransferRequest" });
      return bench.sentTo().map(({ message }) => message);
    };
    const answer = { kind: "StateTransferResponse", sequence: sequence(2) };
    expect(told("library")).toEqual([{ ...answer, view: view(4) }]);
    expect(told("improved")).toEqual([{ ...answer, view: view(entered) }]);
  });

  it("item 14: SyncOnStart hears nobody, and costs the whole CollectTimeout; what others' ledgers hold counts", () => {
    const bench = new Bench({ height: 1, self: 2, protocol: { syncOnStart: true } });
    bench.beyond = [bench.decision(2, { view: 2, decisions: 0 })];
    bench.start();
    expect(kinds(bench.sent())).toEqual(["StateTransferRequest"]);
    for (const id of [1, 3, 4]) {
      const bytes = encodeMessage({ kind: "StateTransferResponse", view: view(5), sequence: sequence(3) });
      bench.input({ kind: "message", from: nodeId(id), bytes });
    }
    bench.submit("waits");
    bench.pass(milliseconds(999));
    expect(bench.effects).toEqual([]);
    expect(bench.replica.status().active).toBe(false);
    bench.pass(milliseconds(1));
    expect(bench.replica.status()).toMatchObject({ view: 2, sequence: 2, active: true, poolCount: 1 });
    const heard = bench.effects.flatMap((effect) =>
      effect.kind === "trace" && effect.trace.kind === "received" ? [effect.trace.decision] : [],
    );
    expect(heard).toEqual(Array.from({ length: 3 }, () => "dropped: not collecting"));
  });

  it("item 14, improved: the View runs meanwhile, and others are heard", () => {
    const bench = new Bench({ height: 1, self: 2, protocol: { syncOnStart: true, fidelity: "improved" } }).start();
    expect(bench.replica.status().active).toBe(true);
    for (const id of [1, 3]) bench.from(id, { kind: "StateTransferResponse", view: view(5), sequence: sequence(2) });
    expect(bench.replica.status()).toMatchObject({ view: 5, sequence: 1 });
  });
});

interface StoryOptions {
  readonly fidelity: Fidelity;
  readonly decisionsPerLeader: number;
}

/** Two requests, the leader is cut off, a view change, two more, and it comes back. */
const story = (
  { fidelity, decisionsPerLeader }: StoryOptions,
  onWrite: (cluster: Cluster, write: Write) => void,
): Cluster => {
  const protocol: Partial<ProtocolOptions> = {
    requestForwardTimeout: milliseconds(100),
    requestComplainTimeout: milliseconds(400),
    requestBatchMaxInterval: milliseconds(10),
    viewChangeTimeout: seconds(3),
    viewChangeResendInterval: seconds(1),
    leaderHeartbeatTimeout: seconds(5),
    numOfTicksBehindBeforeSyncing: 3,
    collectTimeout: milliseconds(200),
    tickInterval: milliseconds(500),
    fidelity,
    leaderRotation: decisionsPerLeader > 0,
    decisionsPerLeader,
  };
  const cluster = new Cluster({ size: 4, seed: "story", linkDelay: milliseconds(1), fsync: milliseconds(1), protocol });
  cluster.onWrite = (write) => onWrite(cluster, write);
  cluster.start();
  cluster.submit("a");
  cluster.run(milliseconds(200));
  cluster.submit("b");
  cluster.run(milliseconds(200));
  const { leader } = cluster.isRunning(three) ? cluster.replica(three).status() : { leader: one };
  cluster.links.cut(leader);
  cluster.submit("c");
  cluster.run(seconds(2));
  cluster.submit("d");
  cluster.run(milliseconds(500));
  cluster.links.heal(leader);
  cluster.run(seconds(3));
  return cluster;
};

/** Notes every vote that leaves a node; a second one with another digest is a lie that no crash excuses. */
function watchVotes(cluster: Cluster): { readonly lies: string[] } {
  const lies: string[] = [];
  const votes = new Map<string, string>();
  cluster.tamper = (bytes, { source }) => {
    const decoded = decodeMessage(bytes);
    if (decoded.kind === "good" && (decoded.value.kind === "Prepare" || decoded.value.kind === "Commit")) {
      const { kind, view: votedView, sequence: voted, digest } = decoded.value;
      const key = `${source} ${kind} ${votedView} ${voted}`;
      if ((votes.get(key) ?? digest) !== digest) lies.push(key);
      votes.set(key, digest);
    }
    return bytes;
  };
  return { lies };
}

describe("a crash at every write", () => {
  const all: readonly (StoryOptions & { readonly node: NodeId })[] = (["library", "improved"] as const).flatMap(
    (fidelity) =>
      [0, 2].flatMap((decisionsPerLeader) => [two, four].map((node) => ({ fidelity, decisionsPerLeader, node }))),
  );

  it.each(all)("of node $node, $fidelity, $decisionsPerLeader decisions a leader", ({ node, ...options }) => {
    let writes = 0;
    story(options, (_cluster, write) => void (writes += write.node === node ? 1 : 0));
    expect(writes).toBeGreaterThan(20);
    for (let fatal = 0; fatal < writes; fatal++) {
      let seen = 0;
      let watched: { readonly lies: readonly string[] } | undefined;
      const cluster = story(options, (running, write) => {
        // Before the first write nobody has voted.
        watched ??= watchVotes(running);
        if (write.node !== node || seen++ !== fatal) return;
        running.crash(node);
        running.scheduler.at(after(running.now, milliseconds(50)), () => running.start([node]));
      });
      const where = `write ${fatal >> 1}, ${fatal % 2 === 0 ? "before" : "after"} it`;
      expect(disagreements(cluster), `at ${where}`).toEqual([]);
      const before = Math.max(...cluster.nodes.map((id) => cluster.ledger(id).height));
      cluster.load(5, seconds(60));
      cluster.runUntil(
        `${where}: decides again everywhere`,
        () => cluster.nodes.every((id) => cluster.ledger(id).height >= before + 4),
        seconds(70),
      );
      expect(disagreements(cluster), `at ${where}`).toEqual([]);
      // The library forgets its votes at a sync (item 21), so only improved is held to its word.
      const lies = options.fidelity === "improved" ? watched?.lies : [];
      expect(lies, `at ${where}`).toEqual([]);
    }
  });
});

it("a restarted node never votes twice, whatever it is asked: its log holds every vote before it leaves", () => {
  const cluster = new Cluster({ size: 4, seed: "votes", fsync: milliseconds(5), linkDelay: milliseconds(1) });
  cluster.start();
  cluster.submit("a");
  cluster.run(milliseconds(52));
  // Its own proposal is still being written, so nobody has seen it: after the crash it may propose anew.
  cluster.crash(one);
  cluster.start([one]);
  expect(stepsOf(cluster, "prePrepared", { nodes: [two] })).toEqual([]);
  cluster.submit("b", [one]);
  cluster.run(seconds(1));
  expect(cluster.ledger(two).height).toBe(1);
  expect(disagreements(cluster)).toEqual([]);
});
