// Draws numbers from pools by hash of a name, so that a thing keeps its number whatever else the topology holds: adding a
// node moves nothing. Two names that hash to one slot are settled by order of name: the later one is drawn again, and
// the plan says so (design 6.15). Only such a collision can move a value when a node is added.
import { sha256, utf8 } from "../base/index.js";

export interface Pool {
  /** What is drawn, for messages and as part of the hash: `loopback address`. */
  readonly what: string;
  /** Count of slots, at most 2^48. */
  readonly size: number;
}

export interface Draw {
  /** Unique in the pool; decides who gives way. */
  readonly name: string;
  /** What is hashed: the name, or what `id:` put in its place. */
  readonly seed: string;
}

export interface Collision {
  readonly what: string;
  readonly name: string;
  /** The name that holds the slot which `name` was first drawn. */
  readonly holder: string;
}

export interface Drawn {
  /** Slot from 0 of every name; a name for which none was found is absent and listed in `exhausted`. */
  readonly slots: ReadonlyMap<string, number>;
  readonly collisions: readonly Collision[];
  readonly exhausted: readonly string[];
}

/** Draws for one name: in a pool that is half full, one name in 2^64 finds no slot. */
const attemptsMax = 64;

export function drawnFrom(pool: Pool, draws: readonly Draw[]): Drawn {
  const slots = new Map<string, number>();
  const holders = new Map<number, string>();
  const collisions: Collision[] = [];
  const exhausted: string[] = [];
  for (const draw of draws.toSorted(byName)) {
    const first = slotOf(pool, draw, 0);
    const holder = holders.get(first);
    const slot = holder === undefined ? first : freeSlot(pool, draw, holders);
    if (slot === undefined) {
      exhausted.push(draw.name);
      continue;
    }
    if (holder !== undefined) collisions.push({ what: pool.what, name: draw.name, holder });
    holders.set(slot, draw.name);
    slots.set(draw.name, slot);
  }
  return { slots, collisions, exhausted };
}

/** Order of code units: the same on every machine, unlike a locale's. */
export const byName = (left: { readonly name: string }, right: { readonly name: string }): number =>
  left.name < right.name ? -1 : left.name === right.name ? 0 : 1;

/** After the first was taken. */
function freeSlot(pool: Pool, draw: Draw, holders: ReadonlyMap<number, string>): number | undefined {
  for (let attempt = 1; attempt < attemptsMax; attempt++) {
    const slot = slotOf(pool, draw, attempt);
    if (!holders.has(slot)) return slot;
  }
  return undefined;
}

/** The first 48 bits of the hash, modulo the size: exact in a number, and biased by less than 2^-8 in the largest pool. */
function slotOf(pool: Pool, draw: Draw, attempt: number): number {
  const digest = sha256(utf8(`${pool.what}\n${draw.seed}\n${attempt}`));
  let value = 0;
  for (const byte of digest.subarray(0, 6)) value = value * 256 + byte;
  return value % pool.size;
}
