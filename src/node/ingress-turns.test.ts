// The ingress of a process: bounded work in a turn of the event loop, and senders held back until there is room.
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, it } from "vitest";
import { nodeId } from "../base/index.js";
import { IngressTurns } from "./ingress-turns.js";

const [flooder, honest] = [nodeId(4), nodeId(2)] as const;

it("hands over at once what is little, and no more than 64 in one turn of the loop", async () => {
  const taken: number[] = [];
  using ingress = new IngressTurns<number>({ kind: "shared", limit: 200 }, (item) => taken.push(item));
  for (let item = 0; item < 100; item++) expect(ingress.offer(flooder, item)).toBeUndefined();
  expect(taken).toHaveLength(64);
  await nextTurn();
  expect(taken).toEqual(Array.from({ length: 100 }, (_, item) => item));
});

it("holds the flooder back until there is room, and nobody else where each sender has a queue", async () => {
  const taken: string[] = [];
  using ingress = new IngressTurns<string>({ kind: "per-sender", limit: 10 }, (item) => taken.push(item));
  for (let item = 0; item < 73; item++) expect(ingress.offer(flooder, "flood")).toBeUndefined();
  // Two streams of one sender: both are held back, and both go on.
  const held = Promise.all([ingress.offer(flooder, "flood"), ingress.offer(flooder, "flood")]);
  expect(ingress.offer(honest, "honest")).toBeUndefined();
  await nextTurn();
  await held;
  expect(taken.indexOf("honest")).toBeLessThan(66);
  expect(taken).toHaveLength(76);
});

it("lets everybody go when it ends, and takes nothing more", async () => {
  const taken: string[] = [];
  const ingress = new IngressTurns<string>({ kind: "shared", limit: 1 }, (item) => taken.push(item));
  let held: Promise<void> | undefined;
  for (let item = 0; held === undefined; item++) held = ingress.offer(flooder, `flood ${item}`);
  ingress[Symbol.dispose]();
  await held;
  await nextTurn();
  expect(taken).toHaveLength(64);
  expect(ingress.offer(flooder, "late")).toBeUndefined();
  expect(taken).toHaveLength(64);
});
