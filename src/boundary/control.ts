// Control messages into a node: one JSON object a line on its control socket, each answered by one line; events come out
// on the same connection as lines `{"event": …}`. Everything a node has emitted since its start is sent, in order.
import type { Fact, Misbehaviour } from "../smartbft/index.js";

export interface Workload {
  /** Transactions per second, open loop: sends happen at their intended times whatever came of earlier ones. */
  readonly ratePerSecond: number;
  /** Bytes of payload data in one transaction. */
  readonly sizeBytes: number;
}

export type ControlRequest =
  | { readonly id: number; readonly do: "status" }
  | { readonly id: number; readonly do: "start-workload"; readonly workload: Workload }
  | { readonly id: number; readonly do: "stop-workload" }
  | { readonly id: number; readonly do: "peer-source"; readonly orderer: string }
  /** An orderer becomes Byzantine in one of the ways of smartbft/byzantine, or honest again with "". Answers { at }. */
  | { readonly id: number; readonly do: "misbehave"; readonly how: Misbehaviour | "" }
  | { readonly id: number; readonly do: "clock" }
  | { readonly id: number; readonly do: "stop" };

export type ControlAnswer =
  | { readonly id: number; readonly good: true; readonly facts: Readonly<Record<string, Fact>> }
  | { readonly id: number; readonly good: false; readonly error: string };
