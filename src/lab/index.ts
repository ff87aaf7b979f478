// lab: Plan → running lab. The netns runtime, what a machine can do, and the contract of a running lab.
export type {
  AgentAnswer,
  AgentRequest,
  Beginning,
  EndTruth,
  FaultStatus,
  LabStatus,
  LabSummary,
  LinkStatus,
  NodeStatus,
  Progress,
  RunningLab,
  RunningPlan,
  Runtime,
  Session,
  TruthRow,
  UpOptions,
} from "./contract.js";
export { isAlive as stillThere, processHere, type HostProcess } from "./netns/host-process.js";
export { textIn, type LabFolder } from "./lab-folder.js";
export { buildNodeImage, dockerRuntime, engineFitness, noEngineIsThere } from "./docker/entrance.js";
export type { Fitness } from "./docker/fitness.js";
export { netnsRuntime } from "./netns/runtime.js";
export { demandOf, type Demand } from "./probes/room.js";
export { smartbftGo } from "./smartbft-go.js";
export { missingPackages } from "./probes/packages.js";
export { examineMachine, type Capability } from "./probes/machine.js";
export { programs } from "./programs.js";
