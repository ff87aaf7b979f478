// run: one run, a repetition or a sweep, from up to down; owns the results folder.
export type { Execute, ExecuteOptions } from "./port.js";
export { reportOn } from "./report.js";
export { eventsOf, runsIn, type Manifest } from "./results-folder.js";
export { finishRepetition, runExperiment, type RunRequest } from "./run.js";
