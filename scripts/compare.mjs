// compare.mjs rewrite EXPERIMENT IMPLEMENTATION FOLDER [TOPOLOGY [RATE]]: the experiment and its topology, or another, with every
// orderer of that kind.
// compare.mjs table PREFIX RUNS: both implementations side by side, from the folders PREFIX-IMPLEMENTATION-RUN.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { parse, stringify } from "yaml";

const implementations = ["testbed", "smartbft-go"];
const [verb, ...words] = process.argv.slice(2);
if (verb === "rewrite") rewrite(...words);
else if (verb === "table") table(words[0], Number(words[1]));
else throw new Error("compare.mjs rewrite|table …");

function rewrite(experimentFile, implementation, folder, topologyFile, rate) {
  const experiment = parse(readFileSync(experimentFile, "utf8"));
  if (rate) experiment.workload.rate = rate;
  const topology = parse(readFileSync(topologyFile || resolve(dirname(experimentFile), experiment.topology), "utf8"));
  for (const node of Object.values(topology.nodes)) if (node.kind === "orderer") node.implementation = implementation;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "topology.yaml"), stringify(topology));
  writeFileSync(join(folder, basename(experimentFile)), stringify({ ...experiment, topology: "topology.yaml" }));
}

function table(prefix, runs) {
  const rows = new Map(implementations.map((name) => [name, rowsOf(prefix, name, runs)]));
  const profile = rows.get("testbed")[0].profile;
  const columns = [
    ["outage, ms", "outage_ms"],
    ["  detection", "detection_ms"],
    ["  failed attempts", "failed_attempts_ms"],
    ["  view change", "view_change_ms"],
    ["  in flight", "in_flight_ms"],
    ["  first decision", "first_decision_ms"],
    ["  first commit", "first_commit_ms"],
    ["view changes", "view_changes"],
    ["outages", "outages"],
    ["syncs", "syncs"],
    ["lost", "lost"],
    ["duplicated", "duplicated"],
  ];
  console.log(`profile ${profile}, ${runs} pairs of runs: median (lowest to highest)`);
  console.log(`${"".padEnd(20)}${implementations.map((name) => name.padStart(30)).join("")}`);
  for (const [label, column] of columns) {
    const cells = implementations.map((name) => spread(rows.get(name).map((row) => row[column])));
    console.log(`${label.padEnd(20)}${cells.map((cell) => cell.padStart(30)).join("")}`);
  }
  const phases = implementations.map((name) => new Set(rows.get(name).map(phasesOf)));
  console.log(`phases that took time: ${implementations.map((name, index) => `${name}: ${[...phases[index]].join(" or ")}`).join("; ")}`);
  const [ours, theirs] = implementations.map((name) => median(rows.get(name).map((row) => Number(row.outage_ms))));
  const tickMs = { fabric: 1_000, library: 1_000, fast: 100 }[profile];
  const verdict = Math.abs(ours - theirs) <= tickMs ? "within" : "NOT within";
  console.log(`median outages differ by ${(ours - theirs).toFixed(1)} ms, ${verdict} one tick (${tickMs} ms)\n`);
}

function rowsOf(prefix, name, runs) {
  return Array.from({ length: runs }, (_, index) => {
    const text = readFileSync(join(`${prefix}-${name}-${index + 1}`, "runs.csv"), "utf8");
    const [header, row] = text.split("\n").map((line) => line.split(","));
    return Object.fromEntries(header.map((column, at) => [column, row[at]]));
  });
}

function phasesOf(row) {
  const names = ["detection", "failed_attempts", "view_change", "in_flight", "first_decision", "first_commit"];
  return names.filter((name) => Number(row[`${name}_ms`]) > 0).join("+");
}

function spread(cells) {
  const values = cells.filter((cell) => cell !== "").map(Number);
  if (values.length === 0) return "unknown";
  const text = (value) => (Number.isInteger(value) ? String(value) : value.toFixed(1));
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return `${text(median(values))} (${text(low)} to ${text(high)})`;
}

function median(values) {
  const sorted = values.toSorted((left, right) => left - right);
  return (sorted[Math.ceil(sorted.length / 2) - 1] + sorted[Math.floor(sorted.length / 2)]) / 2;
}
