// The message trace as a table: what `testbed messages DIR --node orderer2 --type ViewChange --view 1` prints. Each row is one
// message in or out of a replica, with the decision taken on it and its effects.
import type { Event, MessageEvent } from "../boundary/index.js";
import { cellsOf, column, type Cell } from "./csv.js";

export interface MessageFilter {
  /** Absent means any. `node` is the replica that saw the message. */
  readonly node?: string;
  readonly other?: string;
  readonly type?: string;
  readonly view?: number;
  readonly sequence?: number;
  readonly direction?: "in" | "out";
}

const columns = [
  column<MessageEvent>("at_us", (event) => event.at),
  column<MessageEvent>("node", (event) => event.node),
  column<MessageEvent>("direction", (event) => event.direction),
  column<MessageEvent>("other", (event) => event.other),
  column<MessageEvent>("type", (event) => event.type),
  column<MessageEvent>("view", (event) => event.view),
  column<MessageEvent>("sequence", (event) => event.sequence),
  column<MessageEvent>("assist", (event) => (event.assist === undefined ? undefined : String(event.assist))),
  column<MessageEvent>("decision", (event) => event.decision),
  column<MessageEvent>("effects", (event) => event.effects?.join("; ")),
];

/** `at_us` is the instant on the run's clock, in microseconds. */
export const messageHeader: readonly string[] = columns.map((each) => each.name);

/** Whether the event is a message that every stated part of the filter fits. */
export function messagesMatching(filter: MessageFilter): (event: Event) => event is MessageEvent {
  const { node, other, type, view, sequence, direction } = filter;
  return (event): event is MessageEvent =>
    event.kind === "message" &&
    (node === undefined || event.node === node) &&
    (other === undefined || event.other === other) &&
    (type === undefined || event.type.toLowerCase() === type.toLowerCase()) &&
    (view === undefined || event.view === view) &&
    (sequence === undefined || event.sequence === sequence) &&
    (direction === undefined || event.direction === direction);
}

export const messageCells = (event: MessageEvent): readonly Cell[] => cellsOf(columns, event);
