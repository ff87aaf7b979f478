// Draws from small pools, where collisions are certain.
import { describe, expect, it } from "vitest";
import { type Draw, drawnFrom } from "./draw.js";

const draws = (count: number): readonly Draw[] =>
  Array.from({ length: count }, (_, index) => ({ name: `n${index}`, seed: `n${index}` }));

describe("drawing", () => {
  it("does not depend on the order in which names are given", () => {
    const pool = { what: "thing", size: 64 };
    const forward = drawnFrom(pool, draws(40));
    const backward = drawnFrom(pool, draws(40).toReversed());
    expect(backward.slots).toEqual(forward.slots);
    expect(backward.collisions).toEqual(forward.collisions);
  });

  it("gives no slot twice, and lets the later name give way", () => {
    const { slots, collisions } = drawnFrom({ what: "thing", size: 64 }, draws(40));
    expect(new Set(slots.values()).size).toBe(40);
    expect(collisions.length).toBeGreaterThan(0);
    for (const { name, holder } of collisions) expect(name > holder).toBe(true);
  });

  it("moves nothing that did not collide when a name is added", () => {
    const pool = { what: "thing", size: 4_096 };
    const before = drawnFrom(pool, draws(30));
    const after = drawnFrom(pool, [...draws(30), { name: "a", seed: "a" }]);
    expect(before.collisions).toEqual([]);
    for (const [name, slot] of before.slots) expect(after.slots.get(name)).toBe(slot);
  });

  it("says which names found no slot", () => {
    const { slots, exhausted } = drawnFrom({ what: "thing", size: 4 }, draws(6));
    expect(slots.size).toBe(4);
    expect(exhausted).toHaveLength(2);
  });
});
