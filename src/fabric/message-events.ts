// `message` events: what a replica made of a message that came in, and what became of one that it sent. The same facts
// wherever the replica lives.
import type { MessageEvent } from "../boundary/index.js";
import type { SentTrace, Trace } from "../smartbft/index.js";
import type { SendResult } from "./cluster-link.js";

type Facts = Omit<MessageEvent, "at" | "node">;

export function receivedEvent(trace: Extract<Trace, { kind: "received" }>, other: string): Facts {
  const { decision, effects } = trace;
  return { kind: "message", direction: "in", other, ...outlineOf(trace), decision, effects };
}

export function sentEvent(told: SentTrace, other: string, result: SendResult): Facts {
  const lost = result.kind === "dropped" ? { decision: `dropped: ${result.reason}` } : {};
  return { kind: "message", direction: "out", other, ...outlineOf(told), ...lost };
}

/** Bytes that are no step of the cluster's protocol: dropped, as data that anybody may send. */
export function rejectedEvent(other: string, reason: string): Facts {
  return { kind: "message", direction: "in", other, type: "unknown", decision: `rejected: ${reason}`, effects: [] };
}

interface Outline<T extends string> {
  readonly type: T;
  readonly view?: number;
  readonly sequence?: number;
  readonly assist?: boolean;
  readonly digest?: string;
}

/** What both directions say of a message; parts that it does not have are absent. */
function outlineOf<T extends string>({ type, view, sequence, assist, digest }: Outline<T>): Outline<T> {
  return {
    type,
    ...(view === undefined ? {} : { view }),
    ...(sequence === undefined ? {} : { sequence }),
    ...(assist === undefined ? {} : { assist }),
    ...(digest === undefined ? {} : { digest }),
    ...(digest === undefined ? {} : { digest }),
  };
}
