// The ingress of a process: bounded work in a turn of the event loop, and senders held back until there is room.
import { expect, it } from "vitest";
import { nodeId } from "../base/index.js";
import { IngressTurns } from "./ingress-turns.js";

const [flooder, honest] = [nodeId(4), nodeId(2)] as const;
const nobody = (): void => undefined;

/** An ingress whose turns the test takes. */
function ingressOf(kind: "shared" | "per-sender", limit: number) {
  const taken: string[] = [];
  const turns: (() => void)[] = [];
  const options = { kind, limit, nextTurn: (turn: () => void) => void turns.push(turn) };
  const ingress = new IngressTurns<string>(options, (item) => taken.push(item));
  const turn = (): void => {
    for (const each of turns.splice(0)) each();
  };
  return { ingress, taken, turn };
}

it("hands over at once what is little, and no more than 64 in one turn of the loop", () => {
  const { ingress, taken, turn } = ingressOf("shared", 200);
  for (let item = 0; item < 100; item++) expect(ingress.offer(flooder, `${item}`, nobody)).toBe(true);
  expect(taken).toHaveLength(64);
  turn();
  expect(taken).toEqual(Array.from({ length: 100 }, (_, item) => `${item}`));
});

it("holds the flooder back until there is room, and nobody else where each sender has a queue", () => {
  const { ingress, taken, turn } = ingressOf("per-sender", 10);
  for (let item = 0; item < 73; item++) expect(ingress.offer(flooder, "flood", nobody)).toBe(true);
  // Two streams of one sender: both are held back, and both go on.
  let gone = 0;
  for (const stream of [1, 2]) expect(ingress.offer(flooder, `stream ${stream}`, () => gone++)).toBe(false);
  expect(ingress.offer(honest, "honest", nobody)).toBe(true);
  expect(gone).toBe(0);
  turn();
  expect(gone).toBe(2);
  expect(taken.indexOf("honest")).toBeLessThan(66);
  expect(taken).toHaveLength(76);
});

it("lets everybody go when it ends, and takes nothing more", () => {
  const { ingress, taken, turn } = ingressOf("shared", 1);
  let gone = false;
  while (ingress.offer(flooder, "flood", () => (gone = true)));
  expect(gone).toBe(false);
  ingress.stop();
  expect(gone).toBe(true);
  turn();
  expect(ingress.offer(flooder, "late", nobody)).toBe(true);
  expect(taken).toHaveLength(64);
});
