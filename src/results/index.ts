// results: events → measurements, verdicts, statistics, CSV, text. Pure. Start with run-fold.ts.
export { csvLine, type Cell } from "./csv.js";
export { csvFiles, csvFormat, type CsvFile } from "./csv-files.js";
export { messageCells, messageHeader, messagesMatching, type MessageFilter } from "./messages.js";
export { phaseNames, residualShareMax, type PhaseName, type Phases } from "./phases.js";
export { RunFold, timeseriesBucket } from "./run-fold.js";
export type {
  LatencySummary,
  MeasuredOutage,
  MeasuredViewChange,
  RunContext,
  RunResult,
} from "./run-result.js";
export { spreadOf, type Spread } from "./statistics.js";
export { summaryText } from "./summary.js";
export { timelineSvg } from "./timeline-svg.js";
export { spreadsOf, verdictFormat, verdictOf, type RunVerdict, type Verdict } from "./verdict.js";
