// spec: what people write, parsed with positions. Pure.
export { defaultProfile } from "./defaults.js";
export { parseExperiment } from "./experiment-file.js";
export {
  applyExperiment,
  checkAgainst,
  settingProblems,
  withProfile,
  type ExperimentText,
  type ProfileChoice,
} from "./experiment-on-topology.js";
export type { Assertion, Experiment, FaultSpec, Target, TimelineEntry } from "./experiment.js";
export { fileKindOf } from "./file-kind.js";
export { experimentSchema, topologySchema, type JsonSchema } from "./json.schema.js";
export { naturalOrder, topologyNameFault } from "./names.js";
export { profileNames, profiles } from "./profiles.js";
export { parseTarget, type ParsedTarget } from "./target.js";
export { parseTopology, placesIn } from "./topology-file.js";
export type {
  BfdTimers,
  EndpointName,
  HostSettings,
  Impairment,
  NodeKind,
  NodeLimits,
  OspfTimers,
  Overrides,
  PeerTimers,
  Profile,
  ProfileName,
  Routing,
  StaticRoute,
  Topology,
  TopologyLink,
  TopologyNode,
} from "./topology.js";
export {
  durationFrom,
  durationText,
  expectedUnit,
  frequencyFrom,
  percentFrom,
  rateKbitFrom,
  sizeFrom,
} from "./units.js";
