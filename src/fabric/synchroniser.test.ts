// An orderer's catch-up against orderers in virtual time (fabric-wire.md section 6).
import { describe, expect, test } from "vitest";
import { instant, nodeId, seconds, toHex } from "../base/index.js";
import { encodeBlock, headOf, type Block } from "./block.js";
import { toyChain, toyConsenters } from "./toy-chain.js";
import { World } from "./toy-world.js";
import { fabricSyncLimits, Synchroniser, type SyncEffect, type SyncOutcome } from "./synchroniser.js";

const chain = toyChain(130);
const blockOf = (number: number): Block => {
  const block = chain[number];
  if (block === undefined) throw new Error(`no block ${number}`);
  return block;
};

interface Run {
  readonly world: World<SyncEffect>;
  readonly synchroniser: Synchroniser;
  readonly appended: Block[];
  readonly log: string[];
  readonly outcomes: SyncOutcome[];
}

/** Orderer 4, which has blocks 0 to `number`. */
function syncFrom(number: number, prepare: (world: World<SyncEffect>) => void): Run {
  const head = headOf(blockOf(number));
  const synchroniser = new Synchroniser({ self: nodeId(4), consenters: toyConsenters, head, limits: fabricSyncLimits });
  const appended: Block[] = [];
  const log: string[] = [];
  const outcomes: SyncOutcome[] = [];
  const world = new World<SyncEffect>(["orderer1", "orderer2", "orderer3"], chain, synchroniser, (effect, now) => {
    if (effect.kind === "append") appended.push(effect.block);
    else if (effect.kind === "left") log.push(`${effect.orderer}: ${effect.reason}`);
    else if (effect.kind === "done") {
      outcomes.push(effect.outcome);
      log.push(`done after ${now / 1000} ms`);
    }
  });
  prepare(world);
  world.carry(synchroniser.step(world.now, { kind: "start" }));
  world.runUntil(instant(seconds(100)));
  return { world, synchroniser, appended, log, outcomes };
}

const numbers = (blocks: readonly Block[]): readonly number[] => blocks.map(({ header }) => header.number);
const range = (first: number, last: number): readonly number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

describe("a synchroniser", () => {
  test("fetches what is missing, verified and unchanged, in windows, and ends", () => {
    const { appended, outcomes, synchroniser } = syncFrom(0, () => undefined);
    expect(outcomes).toEqual([{ kind: "caughtUp", count: 130, target: 131 }]);
    expect(numbers(appended)).toEqual(range(1, 130));
    expect(appended.map((block) => toHex(encodeBlock(block)))).toEqual(
      chain.slice(1).map((block) => toHex(encodeBlock(block))),
    );
    expect(synchroniser.deadline()).toBeUndefined();
    expect(synchroniser.step(instant(0), { kind: "deadline" })).toEqual([]);
  });

  test("aims at the second greatest of the heights (F = 1): one boaster moves nothing", () => {
    const { outcomes, appended } = syncFrom(10, (world) => {
      world.orderer("orderer1").height = 131;
      world.orderer("orderer2").height = 21;
      world.orderer("orderer3").height = 16;
    });
    expect(outcomes).toEqual([{ kind: "caughtUp", count: 10, target: 21 }]);
    expect(numbers(appended)).toEqual(range(11, 20));
  });

  test("aims at the lowest when fewer than F+1 answer, after waiting for the others", () => {
    const { outcomes, log } = syncFrom(10, (world) => {
      world.orderer("orderer1").how = "hang";
      world.orderer("orderer2").how = "silent";
      world.orderer("orderer3").height = 16;
    });
    expect(outcomes).toEqual([{ kind: "caughtUp", count: 5, target: 16 }]);
    expect(log).toEqual(["done after 5006 ms"]);
  });

  test("does not wait for those that fail at once", () => {
    const { log } = syncFrom(125, (world) => {
      world.orderer("orderer1").how = "refuse";
    });
    expect(log).toEqual(["orderer1: connection refused", "done after 7 ms"]);
  });

  test("ends at once when nobody is further, and when nobody answers", () => {
    expect(syncFrom(130, () => undefined).outcomes).toEqual([{ kind: "nothingNewer", count: 0, target: 131 }]);
    const refusing = syncFrom(10, (world) => {
      for (const orderer of world.orderers.values()) orderer.how = "refuse";
    });
    expect(refusing.outcomes).toEqual([{ kind: "noAnswers", count: 0, target: 11 }]);
  });

  test("takes the next source when one gives a bad block, and keeps what was good", () => {
    const { outcomes, appended, log } = syncFrom(100, (world) => {
      world.orderer("orderer1").give = (block) =>
        block.header.number === 105 ? { ...block, data: blockOf(104).data } : block;
    });
    expect(outcomes).toEqual([{ kind: "caughtUp", count: 30, target: 131 }]);
    expect(numbers(appended)).toEqual(range(101, 130));
    expect(log[0]).toBe("orderer1: Data of block 105 does not have the hash in its header");
  });

  test("takes the next source when one falls silent, after the block timeout and a backoff", () => {
    const { log, outcomes } = syncFrom(128, (world) => {
      // It answers the probe, gives one of two blocks, and is gone.
      world.later(milliseconds2, () => {
        world.orderer("orderer1").how = "silent";
      });
    });
    expect(outcomes[0]?.kind).toBe("caughtUp");
    expect(log).toEqual(["orderer1: no block in time", "done after 5105 ms"]);
  });

  test("gives up when its time is over, with what it has", () => {
    const { outcomes, log } = syncFrom(100, (world) => {
      for (const orderer of world.orderers.values()) {
        orderer.give = (block) => (block.header.number === 110 ? { ...block, metadata: [] } : block);
      }
    });
    expect(outcomes).toEqual([{ kind: "outOfTime", count: 9, target: 131 }]);
    expect(log.at(-1)).toBe("done after 60000 ms");
  });

  test("an orderer alone in its channel is done at once", () => {
    const [first] = toyConsenters;
    if (first === undefined) throw new Error("no consenter");
    const head = headOf(blockOf(0));
    const alone = new Synchroniser({ self: first.id, consenters: [first], head, limits: fabricSyncLimits });
    expect(alone.step(instant(0), { kind: "start" })).toEqual([
      { kind: "done", outcome: { kind: "noAnswers", count: 0, target: 1 } },
    ]);
  });
});

const milliseconds2 = seconds(0.002);
