// Who waits for whom, in both kinds of ingress.
import { describe, expect, it } from "vitest";
import { nodeId } from "../base/index.js";
import { Ingress, type IngressKind } from "./ingress.js";

const [flooder, honest] = [nodeId(4), nodeId(2)] as const;

/** How many others are taken before the honest sender's item, which comes after `flood` of the flooder's. */
function wait(kind: IngressKind, { flood, limit }: { readonly flood: number; readonly limit: number }): number {
  const ingress = new Ingress<string>(kind, limit);
  for (let index = 0; index < flood; index++) ingress.push(flooder, `flood ${index}`);
  ingress.push(honest, "honest");
  for (let before = 0; ; before++) if (ingress.take()?.from === honest) return before;
}

describe("ingress", () => {
  it("shared: who comes late waits for all that came before, and never for more than the queue and the doors", () => {
    expect(wait("shared", { flood: 3, limit: 5 })).toBe(3);
    expect(wait("shared", { flood: 1000, limit: 5 })).toBe(6);
  });

  it("per-sender: nobody waits for more than one of each other sender", () => {
    expect(wait("per-sender", { flood: 3, limit: 5 })).toBe(1);
    expect(wait("per-sender", { flood: 1000, limit: 5 })).toBe(1);
  });

  it.each(["shared", "per-sender"] as const)(
    "%s: what one sender sends stays in order, and nothing is lost",
    (kind) => {
      const ingress = new Ingress<number>(kind, 3);
      for (let index = 0; index < 20; index++) ingress.push(index % 3 === 0 ? honest : flooder, index);
      const taken = Array.from({ length: 20 }, () => ingress.take());
      expect(ingress.take()).toBeUndefined();
      for (const from of [honest, flooder]) {
        const items = taken.filter((each) => each?.from === from).map((each) => each?.item ?? -1);
        expect(items).toEqual(items.toSorted((left, right) => left - right));
      }
      expect(new Set(taken.map((each) => each?.item)).size).toBe(20);
    },
  );

  it("holds back who has no room: at the shared door everybody, at one's own queue oneself", () => {
    const shared = new Ingress<number>("shared", 2);
    const own = new Ingress<number>("per-sender", 2);
    for (const ingress of [shared, own]) {
      for (let index = 0; index < 3; index++) ingress.push(flooder, index);
      ingress.push(honest, 9);
    }
    expect([shared.isHeldBack(flooder), shared.isHeldBack(honest)]).toEqual([true, true]);
    expect([own.isHeldBack(flooder), own.isHeldBack(honest)]).toEqual([true, false]);
    shared.take();
    shared.take();
    expect([shared.isHeldBack(flooder), shared.isHeldBack(honest)]).toEqual([false, false]);
  });
});
