// Hostile input to one replica: whatever bytes come, from whomever the transport says, no step throws or hangs, what is
// kept of them is bounded, and no vote is lost: neither a promise of its own nor what honest nodes have said to it.
import { describe, expect, it } from "vitest";
import { milliseconds, nodeId, randomFrom, sequence, view, type Random } from "../../src/base/index.js";
import {
  encodeMessage,
  encodePreparesFrom,
  encodeSavedMessage,
  encodeViewData,
  decodeSavedMessage,
  libraryOptions,
  proposalDigest,
  type Fidelity,
  type Message,
  type Proposal,
  type SignedViewData,
} from "../../src/smartbft/index.js";
import { Bench, emptyProposal, garbage } from "./smartbft-bench.js";

/** Seeds and rounds: HOSTILE_EFFORT=50 for a long run. */
const effort = Number(process.env["HOSTILE_EFFORT"] ?? 1);

/** Messages near the state of the bench: right ones, nearly right ones, and nonsense. */
class Inventor {
  readonly #bench: Bench;
  readonly #random: Random;
  readonly #proposals: readonly Proposal[];

  constructor(bench: Bench, random: Random) {
    this.#bench = bench;
    this.#random = random;
    const here = [1, 2, 3, 4].map((at) => bench.proposal({ sequence: at }, `request ${at}`));
    const later = [1, 2].map((viewNumber) => bench.proposal({ view: viewNumber, sequence: 2, decisions: 0 }, "later"));
    this.#proposals = [...here, ...later, garbage, emptyProposal];
  }

  bytes(from: number): Uint8Array {
    const random = this.#random;
    if (random.integer(0, 9) === 0) return this.#noise(random.integer(0, 40));
    const bytes = encodeMessage(this.#message(from));
    if (random.integer(0, 3) > 0) return bytes;
    const index = random.integer(0, Math.max(0, bytes.length - 1));
    if (bytes.length > 0) bytes[index] = random.integer(0, 255);
    return random.integer(0, 1) === 0 ? bytes : bytes.subarray(0, random.integer(0, bytes.length));
  }

  #noise(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.#random.integer(0, 255));
  }

  #message(from: number): Message {
    const random = this.#random;
    const at = { view: view(this.#number(3)), sequence: sequence(this.#number(5)) };
    const proposal = this.#proposal();
    const digest = random.integer(0, 3) === 0 ? "no digest" : proposalDigest(proposal);
    const signer = random.integer(0, 2) === 0 ? random.integer(0, 5) : from;
    const signature = this.#bench.signed(Math.max(1, signer), proposal);
    const assist = random.integer(0, 3) === 0;
    switch (random.integer(0, 9)) {
      case 0: {
        const previousSignatures = random.integer(0, 1) === 0 ? [] : [signature, signature];
        return {
          kind: "PrePrepare",
          ...at,
          proposal: random.integer(0, 5) === 0 ? undefined : proposal,
          previousSignatures,
        };
      }
      case 1:
        return { kind: "Prepare", ...at, digest, assist };
      case 2: {
        const message = encodePreparesFrom([random.integer(0, 9), 2 ** 31]);
        const odd = { ...signature, message: random.integer(0, 1) === 0 ? message : this.#noise(9) };
        return { kind: "Commit", ...at, digest, signature: random.integer(0, 5) === 0 ? undefined : odd, assist };
      }
      case 3:
        return { kind: "ViewChange", nextView: at.view, reason: "" };
      case 4:
        return this.#viewData(from);
      case 5:
        return {
          kind: "NewView",
          entries: Array.from({ length: random.integer(0, 9) }, () => this.#viewData(random.integer(1, 5))),
        };
      case 6:
        return { kind: "HeartBeat", ...at };
      case 7:
        return { kind: "HeartBeatResponse", view: at.view };
      case 8:
        return { kind: "StateTransferRequest" };
      default:
        return { kind: "StateTransferResponse", ...at };
    }
  }

  #viewData(from: number): SignedViewData {
    const random = this.#random;
    const honest = this.#bench.viewData(from, {
      nextView: view(this.#number(3)),
      ...(random.integer(0, 1) === 0 ? {} : { lastDecision: this.#proposal() }),
      ...(random.integer(0, 1) === 0
        ? {}
        : { lastDecisionSignatures: [1, 1, 2, 3].map((id) => this.#bench.signed(id, this.#proposal())) }),
      inFlightProposal: random.integer(0, 1) === 0 ? undefined : this.#proposal(),
      inFlightPrepared: random.integer(0, 1) === 0,
    });
    if (random.integer(0, 4) > 0) return honest;
    const raw = random.integer(0, 1) === 0 ? this.#noise(12) : encodeViewData({ ...noViewData, nextView: view(1) });
    return { ...honest, raw };
  }

  #proposal(): Proposal {
    const chosen = this.#proposals[this.#random.integer(0, this.#proposals.length - 1)] ?? emptyProposal;
    return this.#random.integer(0, 5) === 0 ? { ...chosen, metadata: this.#noise(7) } : chosen;
  }

  /** Mostly small; now and then as large as a number can be. */
  #number(below: number): number {
    return this.#random.integer(0, 30) === 0 ? Number.MAX_SAFE_INTEGER : this.#random.integer(0, below - 1);
  }
}

const noViewData = {
  lastDecision: undefined,
  lastDecisionSignatures: [],
  inFlightProposal: undefined,
  inFlightPrepared: false,
};
const hear = (bench: Bench, from: number, bytes: Uint8Array): void =>
  bench.input({ kind: "message", from: nodeId(from), bytes });

/** What others can make a replica hold, at most: a view changer's queue, and early messages of each member. */
const heldMax = libraryOptions.incomingMessageBufferSize + 4 * 6 + 8;

describe.each<Fidelity>(["library", "improved"])("%s", (fidelity) => {
  it("anything from anybody: no step throws, and what is kept is bounded", {
    timeout: 60_000 * Math.max(1, effort),
  }, () => {
    for (let round = 0; round < 60 * effort; round++) {
      const random = randomFrom(`hostile ${fidelity} ${round}`);
      const bench = new Bench({
        height: random.integer(0, 2),
        self: random.integer(1, 4),
        protocol: { fidelity, speedUpViewChange: round % 3 === 0 },
      }).start();
      const inventor = new Inventor(bench, random);
      for (let index = 0; index < 80; index++) {
        const from = random.integer(0, 5);
        hear(bench, from, inventor.bytes(from));
        if (random.integer(0, 9) === 0) bench.pass(milliseconds(random.integer(0, 3000)));
        expect(bench.replica.status().held, `round ${round}`).toBeLessThanOrEqual(heldMax);
        if (bench.effects.length > 5000) bench.clear();
      }
    }
  });

  it("anything from one of four: what honest nodes said still counts, and the decisions are made", {
    timeout: 60_000 * Math.max(1, effort),
  }, () => {
    for (let round = 0; round < 60 * effort; round++) {
      const random = randomFrom(`one liar ${fidelity} ${round}`);
      const bench = new Bench({ height: 1, self: 2, protocol: { fidelity } }).start();
      const inventor = new Inventor(bench, random);
      const lies = (): void => {
        for (let count = random.integer(0, 6); count > 0; count--) hear(bench, 4, inventor.bytes(4));
      };
      for (let at = 2; at <= 4; at++) {
        const place = { sequence: at };
        const proposal = bench.proposal(place, `honest ${at}`);
        lies();
        bench.from(1, bench.prePrepare(proposal, place));
        for (const id of [1, 3]) {
          lies();
          bench.from(id, bench.prepare(proposal, place));
        }
        for (const id of [1, 3]) {
          lies();
          bench.from(id, bench.commit(id, proposal, place));
        }
        expect(bench.ledger.height, `round ${round}, sequence ${at}`).toBe(at);
      }
    }
  });

  it("whatever it hears, it votes for one proposal at a place, and its log holds the vote", {
    timeout: 60_000 * Math.max(1, effort),
  }, () => {
    for (let round = 0; round < 60 * effort; round++) {
      const random = randomFrom(`promises ${round}`);
      const bench = new Bench({ height: 1, self: 2, protocol: { fidelity } }).start();
      const inventor = new Inventor(bench, random);
      const voted = new Map<string, string>();
      let starts = 0;
      for (let index = 0; index < 60; index++) {
        const from = random.integer(1, 4);
        hear(bench, from, inventor.bytes(from));
        // The library forgets its votes when a sync starts the View again (surprise 21): from there on it promises nothing.
        starts += bench.steps("viewStarting").length;
        if (fidelity === "library" && starts > 1) break;
        const again = bench.sent().flatMap((message) => {
          if (message.kind !== "Prepare" && message.kind !== "Commit") return [];
          const key = `${message.kind} ${message.view} ${message.sequence}`;
          const before = voted.get(key);
          voted.set(key, message.digest);
          const logged = bench.persisted.some((bytes) =>
            JSON.stringify(decodeSavedMessage(bytes)).includes(message.digest),
          );
          if (before === undefined && !logged && !message.assist) return [`${key}: not in the log`];
          return before !== undefined && before !== message.digest ? [`${key}: twice`] : [];
        });
        expect(again, `round ${round}`).toEqual([]);
      }
    }
  });
});

describe("records of a log", () => {
  it("that were tampered with are refused with a reason, or are another record: never a hang or a strange error", () => {
    const bench = new Bench({ height: 1 });
    const proposal = bench.proposal({ sequence: 2 }, "a");
    const place = { sequence: 2 };
    const proposed = encodeSavedMessage({
      kind: "proposed",
      prePrepare: bench.prePrepare(proposal, place),
      prepare: bench.prepare(proposal, place),
    });
    const random = randomFrom("records");
    const errors = new Set<string>();
    for (let round = 0; round < 400 * effort; round++) {
      const bytes = proposed.slice(
        0,
        random.integer(0, 3) === 0 ? random.integer(0, proposed.length) : proposed.length,
      );
      for (let flips = random.integer(1, 3); flips > 0 && bytes.length > 0; flips--)
        bytes[random.integer(0, bytes.length - 1)] = random.integer(0, 255);
      try {
        new Bench({ height: 1, walEntries: [bytes] }).start();
      } catch (error) {
        errors.add(error instanceof Error ? error.name : String(error));
      }
    }
    expect([...errors]).toEqual(["AssertionError"]);
  });
});
