// Up and down of nodes and links without daemons, beside the floor, which is the same plan's lines given to bare `ip -batch`, and
// beside Mininet. Hosts that run nothing are networks without a process, as the floor's namespaces are.
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import * as bench from "./shared.mjs";

const mininetScript = `
import sys, json
from mininet.net import Mininet
from mininet.log import setLogLevel
setLogLevel("critical")
pairs = json.loads(sys.argv[1])
net = Mininet(controller=None, build=False, ipBase="10.0.0.0/8")
hosts = [net.addHost("h%d" % number) for number in range(int(sys.argv[2]))]
for left, right in pairs:
    net.addLink(hosts[left], hosts[right])
net.build()
net.start()
print("ready", flush=True)
sys.stdin.readline()
net.stop()
print("stopped", flush=True)
`;

/** Debian's own python3, for which its package is made. */
const python = "/usr/bin/python3";

export async function links({ nodes, links: count, times, withMininet }) {
  const name = `bench-links-${nodes}`;
  const { file, plan } = bench.planOf(name, bench.topologyText(name, { kind: "host", nodes, links: count }));
  const folder = join(bench.work, `batches-${nodes}`);
  mkdirSync(folder);
  bench.batchFiles(folder, plan);
  const floorScript = `set -e; ip -batch ${folder}/namespaces; ip -batch ${folder}/wiring; ${bench.addressesFrom(folder)}
    echo ready; exec sleep infinity`;

  const timed = async (up, down) => {
    const start = bench.now();
    const thing = await up();
    const upSeconds = bench.secondsSince(start);
    const end = bench.now();
    await down(thing);
    bench.allGone();
    return { up: upSeconds, down: bench.secondsSince(end) };
  };
  const contenders = {
    testbed: () =>
      timed(
        () => bench.testbed("up", file, "--runtime", "netns"),
        () => bench.testbed("down", "--lab", name),
      ),
    "ip -batch": () =>
      timed(async () => {
        const child = bench.sandbox(floorScript, ...bench.inPidNamespace);
        await bench.lineOf(child, "ready");
        return child;
      }, bench.kill),
    ...(withMininet ? { Mininet: () => timed(startMininet, stopMininet) } : {}),
  };
  const startMininet = async () => {
    const words = ["-c", mininetScript, JSON.stringify(bench.pairs(nodes, count)), String(nodes)];
    const child = spawn(python, words, { stdio: ["pipe", "pipe", "inherit"] });
    await bench.lineOf(child, "ready");
    return child;
  };
  const stopMininet = async (child) => {
    const stopped = bench.lineOf(child, "stopped");
    child.stdin.write("\n");
    await stopped;
  };
  const measured = await bench.interleaved(times, contenders);
  const of = (who, what) => bench.median(measured[who].map((run) => run[what]));
  return {
    title: `${nodes} nodes, ${count} links, no daemons; median of ${times}`,
    columns: ["", "up, s", "to ip -batch", "down, s", "to ip -batch"],
    rows: Object.keys(contenders).map((who) => [
      who,
      ...["up", "down"].flatMap((what) => [of(who, what).toFixed(2), (of(who, what) / of("ip -batch", what)).toFixed(2)]),
    ]),
  };
}
