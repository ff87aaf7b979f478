// boundary: what crosses between the testbed and a node. Pure.
export type { ControlAnswer, ControlRequest, Workload } from "./control.js";
export {
  eventFormat,
  faultKinds,
  type BlockEvent,
  type EnvironmentEvent,
  type Event,
  type EventKind,
  type EventOf,
  type FaultEvent,
  type FaultHow,
  type FaultKind,
  type HowDown,
  type LinkEvent,
  type LogEvent,
  type MessageEvent,
  type NodeFaultKind,
  type ObservedEvent,
  type PhaseEvent,
  type ProbeEvent,
  type ProcessEvent,
  type RequestEvent,
  type RouteEvent,
  type SocketEvent,
  type SourceEvent,
  type StepEvent,
  type StreamEvent,
} from "./event.js";
/** Part of the vocabulary of faults. */
export { misbehaviours, type Misbehaviour } from "../smartbft/index.js";
export { eventFromLine, eventKinds, type ReadEvent } from "./event-line.js";
export type {
  ClientConfig,
  ClientIdentity,
  Consenter,
  Implementation,
  NodeConfig,
  OrdererConfig,
  PeerConfig,
} from "./node-config.js";
export type { TransportSettings } from "./transport.js";
