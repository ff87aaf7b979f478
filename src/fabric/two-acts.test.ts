// Two acts for the machines that read blocks: anything may happen to the orderers, then all is well and progress is due
// within a bound. Throughout, what is committed is the chain itself, each block once and in order.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { after, instant, milliseconds, nodeId, seconds } from "../base/index.js";
import { headOf, type Block } from "./block.js";
import { PeerMachine, type PeerEffect } from "./peer.js";
import { fabricSyncLimits, Synchroniser, type SyncEffect, type SyncOutcome } from "./synchroniser.js";
import { toyChain, toyConsenters, toyGenesis } from "./toy-chain.js";
import { World, type ToyOrderer, type WorldEffect } from "./toy-world.js";

const chain = toyChain(60);
const names = toyConsenters.map(({ name }) => name);

const lies: readonly ((block: Block) => Block)[] = [
  (block) => block,
  (block) => ({ ...block, data: block.data.slice(1) }),
  (block) => ({ ...block, metadata: block.metadata.slice(1) }),
  (block) => ({ ...block, header: { ...block.header, number: block.header.number + 1 } }),
  (block) => ({ ...block, header: { ...block.header, previousHash: new Uint8Array(32) } }),
];

interface Event {
  readonly waitMs: number;
  readonly orderer: number;
  readonly how: ToyOrderer["how"] | "cut";
  readonly lie: number;
  readonly grow: number;
}

const events = fc.array(
  fc.record({
    waitMs: fc.nat(3000),
    orderer: fc.nat(3),
    how: fc.constantFrom<Event["how"][]>("well", "refuse", "hang", "silent", "cut"),
    lie: fc.nat(lies.length - 1),
    grow: fc.nat(4),
  }),
  { maxLength: 30 },
);

/** First act; an orderer's height never shrinks. */
function disturb<E extends WorldEffect>(world: World<E>, script: readonly Event[]): void {
  for (const { waitMs, orderer, how, lie, grow } of script) {
    world.runUntil(after(world.now, milliseconds(waitMs)));
    const name = names[orderer] ?? "";
    if (!world.orderers.has(name)) continue;
    if (how === "cut") world.cut(name);
    else world.orderer(name).how = how;
    world.orderer(name).give = lies[lie] ?? ((block) => block);
    world.grow(name, Math.min(chain.length, world.orderer(name).height + grow));
  }
}

/** Second act: everybody has the whole chain, and keepalives have ended what hung. */
function heal<E extends WorldEffect>(world: World<E>): void {
  for (const name of world.orderers.keys()) {
    world.orderer(name).how = "well";
    world.orderer(name).give = (block) => block;
    world.cut(name);
  }
  world.growAll(chain.length);
}

const settings = { numRuns: 60, seed: 20_261_122 };
const wholeChain = chain.slice(1).map(({ header }) => header.number);

describe("whatever the orderers do", () => {
  test("a peer commits the chain itself, and all of it once they are well", () => {
    fc.assert(
      fc.property(events, (script) => {
        const peer = new PeerMachine({
          consenters: toyConsenters,
          preferred: [],
          head: headOf(toyGenesis),
          committed: [],
          censorshipTimeout: seconds(3),
          connectTimeout: seconds(1),
          backoff: { base: milliseconds(100), max: seconds(2) },
        });
        const committed: number[] = [];
        const world = new World<PeerEffect>(names, chain, peer, (effect) => {
          if (effect.kind !== "commit") return;
          const { number } = effect.block.header;
          expect(headOf(effect.block)).toEqual(headOf(chain[number] ?? toyGenesis));
          committed.push(number);
          world.later(milliseconds(2), () => world.carry(peer.step(world.now, { kind: "committed", number })));
        });
        world.growAll(5);
        world.carry(peer.step(world.now, { kind: "start" }));
        disturb(world, script);
        heal(world);
        // A lie under way, a backoff at its cap, a connection that hangs, and the time to read the chain.
        world.runUntil(after(world.now, seconds(10)));
        expect(committed).toEqual(wholeChain);
      }),
      settings,
    );
  });

  test("a sync appends a piece of the chain, ends within its limit, and a later one has all", () => {
    fc.assert(
      fc.property(events, fc.nat(50), (script, start) => {
        let head = headOf(chain[start] ?? toyGenesis);
        const appended: number[] = [];
        const run = (heights: number, act: (world: World<SyncEffect>) => void): SyncOutcome | undefined => {
          let outcome: SyncOutcome | undefined;
          const self = nodeId(4);
          const sync = new Synchroniser({ self, consenters: toyConsenters, head, limits: fabricSyncLimits });
          const world = new World<SyncEffect>(names.slice(0, 3), chain, sync, (effect) => {
            if (effect.kind === "done") outcome = effect.outcome;
            if (effect.kind !== "append") return;
            head = headOf(effect.block);
            expect(head).toEqual(headOf(chain[head.number] ?? toyGenesis));
            appended.push(head.number);
          });
          world.growAll(heights);
          world.carry(sync.step(world.now, { kind: "start" }));
          act(world);
          world.runUntil(instant(seconds(200)));
          expect(sync.deadline()).toBeUndefined();
          return outcome;
        };
        expect(run(start + 1, (world) => disturb(world, script))).toBeDefined();
        const last = run(chain.length, () => undefined);
        expect(["caughtUp", "nothingNewer"]).toContain(last?.kind);
        expect(appended).toEqual(wholeChain.slice(start));
      }),
      settings,
    );
  });
});
