// Events as the tests of this room write them, and the verdict on some.
import { seconds, type Instant } from "../base/index.js";
import type { Event, EventOf } from "../boundary/index.js";
import { isHeard, type Check, type CheckContext, type CheckVerdict } from "./check.js";

export const context: CheckContext = {
  orderers: ["orderer1", "orderer2", "orderer3", "orderer4"],
  peers: ["peer1"],
  fidelity: "library",
  patience: seconds(10),
  faultsExpected: 1,
};

export const at = (second: number): Instant => (second * 1_000_000) as Instant; // integer microseconds

export function verdictOf(check: Check, ...events: readonly Event[]): CheckVerdict {
  for (const event of events) if (isHeard(event.kind, check)) check.observe(event);
  return check.verdict();
}

export function block(node: string, number: number, more: Partial<EventOf<"block">> = {}): Event {
  return {
    kind: "block",
    at: at(number),
    node,
    role: node.startsWith("peer") ? "peer" : "orderer",
    number,
    hash: `h${number}`,
    previousHash: `h${number - 1}`,
    view: 0,
    bytes: 100,
    transactions: [`tx${number}`],
    duplicates: [],
    source: "decision",
    ...more,
  };
}

export function request(
  transaction: string,
  state: EventOf<"request">["state"],
  orderer = "",
  second = 1,
  detail = "",
): Event {
  const stamp = { at: at(second), node: "client1" };
  return { kind: "request", ...stamp, transaction, state, intendedAt: at(second), orderer, detail };
}

export function step(node: string, name: EventOf<"step">["step"], facts: EventOf<"step">["facts"], second = 1): Event {
  return { kind: "step", at: at(second), node, component: "controller", step: name, facts };
}

export function fault(state: EventOf<"fault">["state"], more: Partial<EventOf<"fault">> = {}): Event {
  return {
    kind: "fault",
    at: at(5),
    node: "orderer1",
    state,
    fault: 1,
    what: "interface-down",
    how: "admin",
    target: "orderer1:eth1",
    asked: "leader",
    detail: "",
    ...more,
  };
}
