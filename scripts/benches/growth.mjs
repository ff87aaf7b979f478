// How up, down and the agent's processor time grow with the size of a ring without daemons, from 10 to 1000 nodes: medians, the
// exponent of a straight line through them on logarithmic axes, and a plot beside docs/performance.md.
import { writeFileSync } from "node:fs";
import { plotOf } from "./plot.mjs";
import { isAgent, processesOf, processorSeconds } from "./processes.mjs";
import * as bench from "./shared.mjs";

const sizes = [10, 32, 100, 316, 1000];
/** Below this the start of programs is all there is to see: the exponent is of what comes with the nodes. */
const exponentFrom = 100;
const plotFile = "docs/performance-growth.svg";

export async function growth({ times }) {
  const contenders = Object.fromEntries(sizes.map((nodes) => [nodes, () => grown(nodes)]));
  const measured = await bench.interleaved(times, contenders);
  const quantities = { "up, s": "up", "down, s": "down", "agent's processor time, s": "agent" };
  const lines = Object.entries(quantities).map(([label, what]) => {
    const points = sizes.map((nodes) => [nodes, bench.median(measured[nodes].map((run) => run[what]))]);
    return { label, points, exponent: exponentOf(points.filter(([nodes]) => nodes >= exponentFrom)) };
  });
  writeFileSync(plotFile, plotOf(lines, { x: "nodes", title: "A ring without daemons" }));
  return {
    title: `A ring of 10 to 1000 nodes, no daemons; median of ${times}`,
    columns: ["", ...sizes.map((nodes) => `${nodes} nodes`), `exponent from ${exponentFrom}`],
    rows: lines.map(({ label, points, exponent }) => [label, ...points.map(([, value]) => value.toFixed(2)), exponent.toFixed(2)]),
  };
}

async function grown(nodes) {
  const name = `bench-growth-${nodes}`;
  const { file } = bench.planOf(name, bench.topologyText(name, { kind: "host", nodes }));
  const start = bench.now();
  bench.testbed("up", file, "--runtime", "netns");
  const up = bench.secondsSince(start);
  const agent = processorSeconds(processesOf(name).find(isAgent).pid);
  const end = bench.now();
  bench.testbed("down", "--lab", name);
  bench.allGone();
  return { up, down: bench.secondsSince(end), agent };
}

/** Slope of the least-squares line through the logarithms. */
function exponentOf(points) {
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)]);
  const mean = (index) => logs.reduce((sum, each) => sum + each[index], 0) / logs.length;
  const [x, y] = [mean(0), mean(1)];
  const covariance = logs.reduce((sum, [a, b]) => sum + (a - x) * (b - y), 0);
  return covariance / logs.reduce((sum, [a]) => sum + (a - x) ** 2, 0);
}
