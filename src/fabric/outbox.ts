// Sends of a replica to the others, in the order it asked for. `parallel`: a target that is slow to connect holds up nobody.
// `sequential`: as SmartBFT's loop, send k is complete (taken by the stream, refused, or given up after connectTimeout)
// before send k+1 begins; so a dead node stalls those behind it for as long as its connection is being tried.
//
// The library has several such loops, one per goroutine that sends; while one is stalled the others find the channel
// connecting and are refused at once (fabric-wire.md 7.3). Hence a lane for each, told apart by the message's type.
import { assert, type NodeId } from "../base/index.js";
import type { TransportSettings } from "../boundary/index.js";
import type { ClusterLink, SendResult } from "./cluster-link.js";

export interface OutgoingMessage {
  readonly to: NodeId;
  readonly lane: Lane;
  readonly bytes: Uint8Array;
  /** Called once, when the send is complete. */
  readonly done: (result: SendResult) => void;
}

export type Lane = "view" | "viewChanger" | "heartbeat" | "controller" | "pool";

/** Sends one lane may keep waiting. Beyond it the newest are dropped: the library's goroutine would not have made them. */
const waitingCountMax = 10_000;

export class Outbox {
  readonly #links: ReadonlyMap<NodeId, Pick<ClusterLink, "send">>;
  readonly #broadcast: TransportSettings["broadcast"];
  readonly #waiting = new Map<Lane, OutgoingMessage[]>();

  constructor(links: ReadonlyMap<NodeId, Pick<ClusterLink, "send">>, broadcast: TransportSettings["broadcast"]) {
    this.#links = links;
    this.#broadcast = broadcast;
  }

  send(message: OutgoingMessage): void {
    const waiting = this.#waiting.get(message.lane);
    if (waiting === undefined) this.#start(message);
    else if (waiting.length < waitingCountMax) waiting.push(message);
    else message.done({ kind: "dropped", reason: "outbox full" });
  }

  #start(message: OutgoingMessage): void {
    const link = this.#links.get(message.to);
    assert(link !== undefined, `Send to ${message.to}: no such consenter`);
    const { lane, bytes, done } = message;
    const isSequential = this.#broadcast === "sequential";
    let waits: boolean | undefined;
    link.send(bytes, lane === "pool" ? "transaction" : "consensus", (result) => {
      done(result);
      if (waits === true && isSequential) this.#release(lane);
      waits = false;
    });
    if (waits === false) return;
    waits = true;
    if (isSequential) this.#waiting.set(lane, []);
  }

  /** The lane moves on, up to the next send that has to wait. */
  #release(lane: Lane): void {
    const waiting = this.#waiting.get(lane) ?? [];
    this.#waiting.delete(lane);
    for (const message of waiting) this.send(message);
  }
}

/** The lane of an encoded consensus message, by the number of its one field (smartbft.md 1.2). */
export function laneOf(message: Uint8Array): Lane {
  const field = (message[0] ?? 0) >> 3;
  if (field >= 1 && field <= 3) return "view";
  if (field >= 4 && field <= 6) return "viewChanger";
  return field === 7 || field === 8 ? "heartbeat" : "controller";
}
