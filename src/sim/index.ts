// sim: replicas in virtual time. Pure. Start with cluster.ts.
export { Cluster, type ClusterOptions, type LogEntry } from "./cluster.js";
export { signedStatements } from "./evidence.js";
export type { Write } from "./host.js";
export { Ledger, type Configuration } from "./ledger.js";
export { Links } from "./links.js";
export { disagreements, largestGap, stepsOf, type SeenStep, type StepQuery } from "./observe.js";
export { Scheduler } from "./scheduler.js";
export { tinyApplication, tinyRequest, tinyVerification } from "./tiny-application.js";
