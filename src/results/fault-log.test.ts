// Whether a faulty node's votes can be heard: a Byzantine one is heard, but for the silent.
import { expect, it } from "vitest";
import type { Instant } from "../base/index.js";
import type { FaultEvent } from "../boundary/index.js";
import { castOf } from "./cast.js";
import { FaultLog } from "./fault-log.js";
import { contextFor } from "./story-context.js";

const at = 1 as Instant; // brand constructor

function isCutOff(what: FaultEvent["what"], how: FaultEvent["how"]): boolean {
  const faults = new FaultLog(castOf(contextFor().plan));
  const target = "orderer1";
  const fault = { kind: "fault", at, node: target, fault: 1, what, how, target, asked: "leader", detail: "" } as const;
  faults.fault({ ...fault, state: "requested" }, "orderer1");
  faults.fault({ ...fault, state: "effective" }, "orderer1");
  expect(faults.isCutOff("orderer2")).toBe(false);
  return faults.isCutOff("orderer1");
}

it("a killed, paused or silent orderer is not heard; one that misbehaves aloud is", () => {
  expect(isCutOff("process-kill", "")).toBe(true);
  expect(isCutOff("process-pause", "")).toBe(true);
  expect(isCutOff("byzantine", "silent")).toBe(true);
  expect(isCutOff("byzantine", "equivocate")).toBe(false);
  expect(isCutOff("byzantine", "slow-drip")).toBe(false);
});
