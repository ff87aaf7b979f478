// The open-loop client: intended times, one outcome for each orderer, bounds.
import { describe, expect, test } from "vitest";
import { instant, milliseconds, seconds } from "../base/index.js";
import { ClientMachine, type ClientEffect, type ClientOptions } from "./client.js";
import { toyTransaction } from "./toy-chain.js";

const options = (changes: Partial<ClientOptions> = {}): ClientOptions => ({
  orderers: ["orderer1", "orderer2"],
  transaction: toyTransaction,
  outstandingMax: 100,
  answerTimeout: seconds(5),
  ...changes,
});

const invoked = (effects: readonly ClientEffect[]): readonly number[] =>
  effects.flatMap((effect) => (effect.kind === "invoked" ? [effect.intendedAt] : []));
const sends = (effects: readonly ClientEffect[]): readonly { readonly token: number; readonly orderer: string }[] =>
  effects.flatMap((effect) => (effect.kind === "send" ? [{ token: effect.token, orderer: effect.orderer }] : []));
const outcomes = (effects: readonly ClientEffect[]): readonly string[] =>
  effects.flatMap((effect) =>
    effect.kind === "outcome" ? [`${effect.orderer} ${effect.outcome}: ${effect.detail}`] : [],
  );

describe("a client", () => {
  test("sends one envelope to every orderer at each intended time, and keeps the rate exactly", () => {
    const client = new ClientMachine(options());
    const times = [...invoked(client.step(instant(1_000), { kind: "workload", ratePerSecond: 3 }))];
    for (let count = 0; count < 6; count++) {
      const due = client.deadline();
      if (due === undefined) throw new Error("no deadline");
      const effects = client.step(due, { kind: "deadline" });
      times.push(...invoked(effects));
      expect(sends(effects).map(({ orderer }) => orderer)).toEqual(["orderer1", "orderer2"]);
    }
    expect(times).toEqual([1_000, 334_333, 667_667, 1_001_000, 1_334_333, 1_667_667, 2_001_000]);
  });

  test("a late host sends what was due, with the times that were intended", () => {
    const client = new ClientMachine(options());
    client.step(instant(0), { kind: "workload", ratePerSecond: 10 });
    const effects = client.step(instant(350_000), { kind: "deadline" });
    expect(invoked(effects)).toEqual([100_000, 200_000, 300_000]);
  });

  test("each orderer's answer is an outcome of its own; known requests are ordinary refusals", () => {
    const client = new ClientMachine(options());
    const [first, second] = sends(client.step(instant(0), { kind: "workload", ratePerSecond: 1 }));
    if (first === undefined || second === undefined) throw new Error("not sent");
    const info = "failed to submit request: request already processed";
    expect(outcomes(client.step(instant(1), { kind: "answered", token: first.token, status: 200, info: "" }))).toEqual([
      "orderer1 accepted: ",
    ]);
    expect(outcomes(client.step(instant(2), { kind: "answered", token: second.token, status: 503, info }))).toEqual([
      `orderer2 refused: ${info}`,
    ]);
    // Neither counts twice.
    expect(client.step(instant(3), { kind: "failed", token: second.token, reason: "stream ended" })).toEqual([]);
    expect(client.outstanding).toBe(0);
  });

  test("an answer that does not come, or a broken stream, leaves the request unanswered", () => {
    const client = new ClientMachine(options());
    const [first, second] = sends(client.step(instant(0), { kind: "workload", ratePerSecond: 0.1 }));
    if (first === undefined || second === undefined) throw new Error("not sent");
    expect(outcomes(client.step(instant(1), { kind: "failed", token: first.token, reason: "reset" }))).toEqual([
      "orderer1 unanswered: reset",
    ]);
    expect(client.deadline()).toBe(5_000_000);
    const effects = client.step(instant(5_000_000), { kind: "deadline" });
    expect(effects[0]).toEqual({ kind: "giveUp", token: second.token, orderer: "orderer2" });
    expect(outcomes(effects)).toEqual(["orderer2 unanswered: no answer in time"]);
    expect(client.step(instant(5_000_001), { kind: "answered", token: second.token, status: 200, info: "" })).toEqual(
      [],
    );
  });

  test("an orderer that never answers holds a bounded number of sends and holds back no other", () => {
    const client = new ClientMachine(options({ outstandingMax: 2, answerTimeout: seconds(1) }));
    const all: ClientEffect[] = [...client.step(instant(0), { kind: "workload", ratePerSecond: 100 })];
    for (let at = 10; at <= 50; at += 10) {
      const now = instant(milliseconds(at));
      for (const { token, orderer } of sends(all)) {
        if (orderer === "orderer2") all.push(...client.step(now, { kind: "answered", token, status: 200, info: "" }));
      }
      all.push(...client.step(now, { kind: "deadline" }));
    }
    expect(sends(all).filter(({ orderer }) => orderer === "orderer1").length).toBe(2);
    expect(sends(all).filter(({ orderer }) => orderer === "orderer2").length).toBeGreaterThan(4);
    expect(outcomes(all)).toContain("orderer1 unanswered: not sent: 2 sends wait for this orderer");
  });

  test("after stop nothing new is sent, and answers still count", () => {
    const client = new ClientMachine(options());
    const [first] = sends(client.step(instant(0), { kind: "workload", ratePerSecond: 10 }));
    if (first === undefined) throw new Error("not sent");
    expect(client.step(instant(10), { kind: "stop" })).toEqual([]);
    expect(invoked(client.step(instant(900_000), { kind: "deadline" }))).toEqual([]);
    expect(
      outcomes(client.step(instant(900_001), { kind: "answered", token: first.token, status: 200, info: "" })),
    ).toHaveLength(1);
  });

  test("a host that was stopped for long catches up in steps of bounded length", () => {
    const client = new ClientMachine(options({ outstandingMax: 10_000 }));
    client.step(instant(0), { kind: "workload", ratePerSecond: 1000 });
    const now = instant(1_000_000);
    expect(invoked(client.step(now, { kind: "deadline" })).length).toBe(256);
    expect(client.deadline() ?? now).toBeLessThan(now);
  });
});
