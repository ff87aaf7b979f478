// bench-trace.mjs FOLDER PAIRS: what the trace of messages costs, from the runs that scripts/bench made in FOLDER.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const [folder, pairs] = process.argv.slice(2);
const rowOf = (name) => {
  const [header, row] = readFileSync(join(folder, name, "runs.csv"), "utf8").split("\n").map((line) => line.split(","));
  return Object.fromEntries(header.map((column, index) => [column, row[index]]));
};
const eventsOf = (name) => readFileSync(join(folder, name, "run-01", "events.ndjson"), "utf8").split("\n").length - 1;
const median = (values) => values.toSorted((left, right) => left - right)[Math.floor((values.length - 1) / 2)];

const figures = {
  "throughput, tx/s": (name) => Number(rowOf(name).throughput_before_tx_per_s),
  "latency p50, ms": (name) => Number(rowOf(name).latency_before_p50_ms),
  "latency p99, ms": (name) => Number(rowOf(name).latency_before_p99_ms),
  "events": eventsOf,
};
console.log(`median of ${pairs} interleaved pairs     with   without     ratio`);
for (const [label, figure] of Object.entries(figures)) {
  const values = (mode) => Array.from({ length: Number(pairs) }, (_, index) => figure(`${mode}-${index + 1}`));
  const [traced, bare] = [median(values("with")), median(values("without"))];
  console.log(`${label.padEnd(28)} ${traced.toFixed(0).padStart(9)} ${bare.toFixed(0).padStart(9)} ${(traced / bare).toFixed(2).padStart(9)}`);
}
