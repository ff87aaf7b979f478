// sim: replicas in virtual time. Pure. Start with cluster.ts.
export { Cluster, type ClusterOptions, type LogEntry } from "./cluster.js";
export { Evidence } from "./evidence.js";
export { alarmCodes, type Alarm, type AlarmCode } from "./fuzz/alarm.js";
export { asExperiment } from "./fuzz/as-experiment.js";
export { DiagramRecorder, eventText } from "./fuzz/diagram.js";
export { plotNameOf, scheduleOf, type Choices } from "./fuzz/draw.js";
export { plotNames, type PlotName } from "./fuzz/plots.js";
export { fuzzRun, type FuzzResult } from "./fuzz/run.js";
export type { Event, Fault, Schedule, Setting, Trigger } from "./fuzz/schedule.js";
export { parseSeedFile, seedFileFormat, seedFileText, type SeedFile } from "./fuzz/seed-file.schema.js";
export { progressBound } from "./fuzz/setting.js";
export { shrunk } from "./fuzz/shrink.js";
export { absentSurprises, explanationsOf, surprises, type Surprise } from "./fuzz/surprises.js";
export { behaviourNames } from "./fuzz/ways.js";
export type { Write } from "./host.js";
export { Ledger, type Configuration } from "./ledger.js";
export { Links } from "./links.js";
export { disagreements, largestGap, stepsOf, type SeenStep, type StepQuery } from "./observe.js";
export { Scheduler } from "./scheduler.js";
export { tinyApplication, tinyRequest, tinyVerification } from "./tiny-application.js";
export {
  calibratedCosts,
  costsFormat,
  defaultCosts,
  noCosts,
  type Costs,
  type Measured,
} from "./world/costs.js";
export { costsFrom } from "./world/costs.schema.js";
export { refusalsFor, type Refusal } from "./world/refusals.js";
export { eventsIn, World, type WorldOptions } from "./world/world.js";
