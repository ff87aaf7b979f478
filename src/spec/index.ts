// spec: what people write, parsed with positions. Pure.
export type { Assertion, Experiment, FaultSpec, Target, TimelineEntry } from "./experiment.js";
export type {
  BfdTimers,
  EndpointName,
  Impairment,
  NodeKind,
  OspfTimers,
  PeerTimers,
  Profile,
  ProfileName,
  Routing,
  StaticRoute,
  Topology,
  TopologyLink,
  TopologyNode,
} from "./topology.js";
