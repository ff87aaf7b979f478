// Faults of a timeline in a lab that orders transactions: how late each is in effect, read back, after the instant it was due, beside
// the floor, a raw write to netlink until the kernel's RTM_NEWLINK, taken by a process of its own in the same seconds. 200 interface
// faults, half at nodes' own ends, half at their carriers, and then ten at one instant, of each kind, five times.
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as bench from "./shared.mjs";

const faultCount = 200;
const everyMs = 100;
const togetherCount = 10;
const togetherTimes = 5;
const togetherEveryMs = 500;
const kinds = ["admin", "carrier"];
const lateUs = 5_000;

/** Four orderers under load, and two routers beside them that are joined by ten cables, which is where things break. */
function topology() {
  const members = ["orderer1", "orderer2", "orderer3", "orderer4", "peer1", "client1"];
  const cables = Array.from({ length: togetherCount }, (_, index) => index + 1);
  return [
    "format: 1",
    "name: bench-faults",
    "profile: fast",
    "routing: { protocol: ospf }",
    "nodes:",
    ...members.map((name) => `  ${name}: { kind: ${name.replace(/\d$/, "")} }`),
    "  sw1: { kind: switch }",
    "  a: { kind: router }",
    "  b: { kind: router }",
    "links:",
    ...[...members, "a", "b"].map((name) => `  - { endpoints: ["${name}:eth0", "sw1"] }`),
    ...cables.map((cable) => `  - { endpoints: ["a:eth${cable}", "b:eth${cable}"] }`),
    "",
  ].join("\n");
}

function experiment() {
  const entry = (ms, how, cable) => `  - { at: ${ms}ms, fault: interface-down, how: ${how}, target: "a:eth${cable}", for: 50ms }`;
  const one = Array.from({ length: faultCount }, (_, index) => entry(everyMs * (index + 1), kinds[index % 2], (index % togetherCount) + 1));
  const afterwards = everyMs * (faultCount + 10);
  const together = Array.from({ length: kinds.length * togetherTimes }, (_, time) =>
    Array.from({ length: togetherCount }, (_, cable) => entry(afterwards + togetherEveryMs * time, kinds[time % kinds.length], cable + 1)),
  ).flat();
  return [
    "format: 1",
    "name: bench-faults",
    "topology: bench-faults.yaml",
    "workload: { rate: 100/s, size: 200B }",
    "warm-up: 2s",
    "timeline:",
    ...one,
    ...together,
    `duration: ${afterwards + togetherEveryMs * kinds.length * togetherTimes + 2_000}ms`,
    "drain: 2s",
    "phase: 0s",
    "repetitions: 1",
    'seed: "1"',
    "assert: []",
    "",
  ].join("\n");
}

async function floorFor(seconds) {
  const child = spawn("unshare", ["--net", "--", "node", "scripts/benches/netlink-floor.mjs", String(seconds)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  return JSON.parse(await bench.lineOf(child, "["));
}

function effects(folder) {
  const events = readFileSync(join(folder, "run-01", "events.ndjson"), "utf8").split("\n").filter((line) => line.startsWith('{"kind":"fault"'));
  const all = events.map((line) => JSON.parse(line));
  const failed = all.filter(({ state }) => state === "failed");
  if (failed.length > 0) throw new Error(`${failed.length} faults failed: ${failed[0].detail}`);
  const requestedAt = new Map(all.filter(({ state }) => state === "requested").map(({ fault, at }) => [fault, at]));
  return all.filter(({ state }) => state === "effective").map((effective) => ({ ...effective, requestedAt: requestedAt.get(effective.fault) }));
}

const inMs = (us) => (us / 1_000).toFixed(2);

export async function faults({ runtime, times }) {
  bench.planOf("bench-faults", topology());
  const file = join(bench.work, "experiment.yaml");
  writeFileSync(file, experiment());
  const byKind = () => new Map(kinds.map((how) => [how, []]));
  const [lateness, floor, apart, whole] = [byKind(), [], byKind(), byKind()];
  for (let time = 1; time <= times; time++) {
    const output = join(bench.work, `run-${time}`);
    mkdirSync(output);
    const seconds = (everyMs * faultCount) / 1_000;
    const words = ["run", file, "--runtime", runtime, "--output", join(output, "results"), "--no-message-trace"];
    const running = bench.started(...words);
    await running.line("timeline-started");
    floor.push(...(await floorFor(seconds)));
    await running.end;
    const found = effects(join(output, "results"));
    const single = found.filter(({ fault }) => fault <= faultCount);
    for (const { how, lateness: us } of single) lateness.get(how).push(us);
    for (let first = faultCount + 1; first <= faultCount + kinds.length * togetherTimes * togetherCount; first += togetherCount) {
      const ten = found.filter(({ fault }) => fault >= first && fault < first + togetherCount);
      const last = Math.max(...ten.map(({ at }) => at));
      apart.get(ten[0].how).push(last - Math.min(...ten.map(({ at }) => at)));
      whole.get(ten[0].how).push(last - Math.min(...ten.map(({ requestedAt }) => requestedAt)));
    }
  }
  const floorUs = bench.median(floor);
  const all = [...lateness.values()].flat();
  const late = all.filter((us) => us > lateUs).length;
  const row = (label, values) => [
    label,
    values.length,
    inMs(bench.median(values)),
    inMs(bench.median(values) - floorUs),
    inMs(bench.quantile(values, 0.99)),
    values.filter((us) => us > lateUs).length,
  ];
  const ten = (label, spans) => [label, `${spans.length} × ${togetherCount}`, inMs(bench.median(spans)), "", inMs(bench.quantile(spans, 0.99)), ""];
  return {
    title: `${faultCount} faults of links in a run at 100 tx/s, runtime ${runtime}; ${times === 1 ? "one run" : `${times} runs`}`,
    columns: ["due until read back", "faults", "median, ms", "over the floor", "p99, ms", "later than 5 ms"],
    rows: [
      ...kinds.map((how) => row(`interface-down, ${how}`, lateness.get(how))),
      row("all", all),
      ["floor: write until RTM_NEWLINK", floor.length, inMs(floorUs), "0.00", inMs(bench.quantile(floor, 0.99)), floor.filter((us) => us > lateUs).length],
      ...kinds.map((how) => ten(`ten at one instant, ${how}: first to last read back`, apart.get(how))),
      ...kinds.map((how) => ten(`the same, ${how}: first begun to last read back`, whole.get(how))),
    ],
    notes: [
      `Ten at the floor, one write after the other: ${inMs(togetherCount * floorUs)} ms.`,
      `Late: ${((100 * late) / all.length).toFixed(1)} %; each is an event with its lateness, and marks its run.`,
    ],
  };
}
