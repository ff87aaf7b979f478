// A peer against orderers in virtual time (fabric-wire.md section 6): order, failover, censorship, duplicates, bounds.
import { describe, expect, test } from "vitest";
import { instant, milliseconds, seconds, type Instant } from "../base/index.js";
import { headOf, withoutData, type Block } from "./block.js";
import { blockResponse, toyChain, toyConsenters, toyGenesis, toyTransaction } from "./toy-chain.js";
import { World } from "./toy-world.js";
import { PeerMachine, type PeerEffect, type PeerOptions } from "./peer.js";

const chain = toyChain(40);

const options = (changes: Partial<PeerOptions> = {}): PeerOptions => ({
  consenters: toyConsenters,
  preferred: ["orderer2"],
  head: headOf(toyGenesis),
  committed: [],
  censorshipTimeout: seconds(30),
  connectTimeout: seconds(3),
  backoff: { base: milliseconds(100), max: seconds(10) },
  ...changes,
});

type Commit = Extract<PeerEffect, { kind: "commit" }>;

interface Run {
  readonly world: World<PeerEffect>;
  readonly peer: PeerMachine;
  readonly commits: (Commit & { readonly at: Instant })[];
  readonly log: string[];
}

function started(prepare: (world: World<PeerEffect>) => void, blocks = chain, changes: Partial<PeerOptions> = {}): Run {
  const peer = new PeerMachine(options(changes));
  const commits: (Commit & { readonly at: Instant })[] = [];
  const log: string[] = [];
  const names = toyConsenters.map(({ name }) => name);
  const world = new World<PeerEffect>(names, blocks, peer, (effect, now) => {
    if (effect.kind === "source") {
      log.push(`${now / 1000} ms ${effect.orderer} ${effect.state}${effect.reason === "" ? "" : `: ${effect.reason}`}`);
    } else if (effect.kind === "commit") {
      commits.push({ ...effect, at: now });
      const { number } = effect.block.header;
      world.later(milliseconds(1), () => world.carry(peer.step(world.now, { kind: "committed", number })));
    }
  });
  prepare(world);
  world.carry(peer.step(world.now, { kind: "start" }));
  return { world, peer, commits, log };
}

const at = (count: number): Instant => instant(seconds(count));
const numbers = (commits: readonly Commit[]): readonly number[] => commits.map(({ block }) => block.header.number);
const upTo = (last: number): readonly number[] => Array.from({ length: last }, (_, index) => index + 1);

describe("a peer", () => {
  test("commits every block in order from its preferred source, and follows the chain", () => {
    const { world, commits, log, peer } = started((prepared) => prepared.growAll(20));
    world.runUntil(at(1));
    expect(numbers(commits)).toEqual(upTo(19));
    expect(new Set(commits.map(({ source }) => source))).toEqual(new Set(["orderer2"]));
    world.growAll(41);
    world.runUntil(at(100));
    expect(numbers(commits)).toEqual(upTo(40));
    expect(log).toEqual(["0 ms orderer2 trying", "2 ms orderer2 pulling"]);
    expect(peer.source).toBe("orderer2");
    expect(commits[0]?.transactions).toEqual([toyTransaction(1).transactionId]);
  });

  test("goes on with the other orderers when its source refuses, hangs or answers a status", () => {
    const { world, commits, log } = started((prepared) => {
      prepared.orderer("orderer2").how = "refuse";
      prepared.orderer("orderer1").how = "hang";
    });
    world.runUntil(at(10));
    expect(numbers(commits)).toEqual(upTo(40));
    expect(log).toEqual([
      "0 ms orderer2 trying",
      "1 ms orderer2 left: connection refused",
      "101 ms orderer1 trying",
      "3101 ms orderer1 left: no connection in time",
      "3201 ms orderer3 trying",
      "3203 ms orderer3 pulling",
    ]);
  });

  test("a source behind the peer answers 404 and is left", () => {
    const { world, log } = started((prepared) => prepared.grow("orderer2", 3), chain, {
      head: headOf(chain[10] ?? toyGenesis),
    });
    world.runUntil(at(1));
    expect(log.slice(0, 3)).toEqual([
      "0 ms orderer2 trying",
      "1 ms orderer2 left: status 404",
      "101 ms orderer1 trying",
    ]);
  });

  test("a bad block costs the source its place, and none of it is committed", () => {
    const { world, commits, log } = started((prepared) => {
      prepared.orderer("orderer2").give = (block) =>
        block.header.number === 7 ? { ...block, metadata: [new Uint8Array(0), ...block.metadata.slice(1)] } : block;
    });
    world.runUntil(at(1));
    expect(numbers(commits)).toEqual(upTo(40));
    expect(commits[6]?.source).toBe("orderer1");
    expect(log[2]).toContain("left: Block 7 has 0 good signatures of distinct consenters, not 3");
  });

  test("the backoff doubles per round through all sources, and is capped", () => {
    const { world, log } = started((prepared) => {
      for (const orderer of prepared.orderers.values()) orderer.how = "refuse";
    });
    world.runUntil(at(60));
    const tries = log.filter((line) => line.endsWith("trying")).map((line) => Number(line.split(" ")[0]));
    const waits = tries.slice(1).map((time, index) => time - (tries[index] ?? 0) - 1);
    expect(waits.slice(0, 13)).toEqual([100, 100, 100, 200, 200, 200, 200, 400, 400, 400, 400, 800, 800]);
    expect(Math.max(...waits)).toBeLessThanOrEqual(10_000);
  });

  test("a source that falls silent while the chain goes on is left one censorship timeout after the first header missed", () => {
    const { world, commits, log } = started((prepared) => prepared.growAll(11));
    world.runUntil(at(5));
    world.orderer("orderer2").how = "silent";
    world.growAll(21);
    world.runUntil(at(6));
    expect(numbers(commits)).toEqual(upTo(10));
    world.runUntil(at(60));
    expect(numbers(commits)).toEqual(upTo(20));
    const left = log.find((line) => line.includes("left"));
    // Headers arrive one hop after the chain grew at 5 s.
    expect(left).toMatch(
      /^35001 ms orderer2 left: censorship: header 11 came from orderer\d 30\.000 s ago, last block is 10$/,
    );
  });

  test("a source that gives the block in time clears the suspicion", () => {
    const { world, log } = started((prepared) => prepared.growAll(11));
    world.runUntil(at(5));
    for (const name of ["orderer1", "orderer3", "orderer4"]) world.grow(name, 21);
    world.runUntil(at(30));
    world.grow("orderer2", 21);
    world.runUntil(at(100));
    expect(log.some((line) => line.includes("left"))).toBe(false);
  });

  test("headers that no quorum signed raise no suspicion", () => {
    const { world, log } = started((prepared) => prepared.growAll(11));
    world.runUntil(at(5));
    for (const name of ["orderer1", "orderer3", "orderer4"]) {
      const unsigned = (block: Block): Block => ({
        ...block,
        metadata: [new Uint8Array(0), ...block.metadata.slice(1)],
      });
      world.orderer(name).give = (block) => unsigned(withoutData(block));
      world.grow(name, 21);
    }
    world.runUntil(at(100));
    expect(log.some((line) => line.includes("left"))).toBe(false);
  });

  test("marks a transaction that was ordered twice, and commits the block", () => {
    const repeated = toyChain(3, (number) => (number === 2 ? [1, 2] : number === 3 ? [3, 2] : [1]));
    const known = [toyTransaction(3).transactionId];
    const { world, commits } = started(() => undefined, repeated, { committed: known });
    world.runUntil(at(1));
    expect(commits.map(({ duplicates }) => duplicates)).toEqual([[], [0], [0, 1]]);
    expect(commits.map(({ block }) => [...(block.metadata[2] ?? [])])).toEqual([[0], [9, 0], [9, 9]]);
  });

  test("changes its source when asked to, at once and without a backoff", () => {
    const { world, commits, log, peer } = started((prepared) => prepared.growAll(11));
    world.runUntil(at(1));
    world.carry(peer.step(world.now, { kind: "prefer", orderer: "orderer4" }));
    world.carry(peer.step(world.now, { kind: "prefer", orderer: "nobody" }));
    world.growAll(21);
    world.runUntil(at(2));
    expect(numbers(commits)).toEqual(upTo(20));
    expect(log.slice(2)).toEqual([
      "1000 ms orderer2 left: asked to",
      "1000 ms orderer4 trying",
      "1002 ms orderer4 pulling",
    ]);
  });

  test("holds its source back while the disk is behind", () => {
    const long = toyChain(80);
    const peer = new PeerMachine(options());
    const opened = peer.step(instant(0), { kind: "start" });
    const open = opened.find((effect) => effect.kind === "open");
    if (open?.kind !== "open") throw new Error("no stream");
    const flow: string[] = [];
    const step = (input: Parameters<PeerMachine["step"]>[1]): void => {
      for (const effect of peer.step(instant(0), input)) {
        if (effect.kind === "pause" || effect.kind === "resume") flow.push(effect.kind);
        else if (effect.kind === "verify")
          step({ kind: "verified", id: effect.id, results: effect.items.map(() => true) });
      }
    };
    for (const block of long.slice(1)) step({ kind: "response", stream: open.stream, bytes: blockResponse(block) });
    expect(flow).toEqual(["pause"]);
    for (let number = 1; number <= 80; number++) step({ kind: "committed", number });
    expect(flow).toEqual(["pause", "resume"]);
  });
});
