// A bench of one replica on which the view is being changed: for the tests of view changes, ViewData and NewView, and
// in-flight proposals.
import { view } from "../../src/base/index.js";
import { decodeSavedMessage, type Message, type NewView, type SignedViewData } from "../../src/smartbft/index.js";
import { Bench, type BenchOptions } from "./smartbft-bench.js";

export const vote = (nextView: number): Message => ({ kind: "ViewChange", nextView: view(nextView), reason: "" });
export const kinds = (messages: readonly Message[]): readonly string[] => messages.map(({ kind }) => kind);
export const next = { nextView: view(1) };
export const records = (bench: Bench) =>
  bench.persisted.map((record) => {
    const decoded = decodeSavedMessage(record);
    return decoded.kind === "good" ? decoded.value : decoded;
  });

/** Replica 2, leader of view 1, in the data phase of view 1 with one decision made in view 0. */
export function leaderToBe(options: BenchOptions = {}): Bench {
  const bench = new Bench({ height: 1, ...options }).start();
  for (const id of [3, 4]) bench.from(id, vote(1));
  bench.clear();
  return bench;
}

/** Replica 3, a follower of view 1, likewise. */
export function follower(options: BenchOptions = {}): Bench {
  const bench = new Bench({ height: 1, self: 3, ...options }).start();
  for (const id of [2, 4]) bench.from(id, vote(1));
  bench.clear();
  return bench;
}

export const newView = (...entries: readonly SignedViewData[]): NewView => ({ kind: "NewView", entries });
