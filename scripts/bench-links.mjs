// bench-links.mjs NODES LINKS TIMES [--mininet]: up and down of NODES hosts with LINKS links and no daemons, interleaved with
// the floor, which is the same plan's lines given to bare `ip -batch`, and with Mininet. Root: the floor and the barrier that
// tells when the last veth has gone make namespaces of their own.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [nodes, links, times] = [...process.argv.slice(2).filter((word) => !word.startsWith("--")), 5].map(Number);
const withMininet = process.argv.includes("--mininet");
const work = mkdtempSync("/tmp/testbed-bench.");
process.on("exit", () => rmSync(work, { recursive: true, force: true }));
const environment = { ...process.env, TESTBED_STATE: join(work, "state") };

/** A ring, and chords of growing length until there are enough. */
function pairs() {
  const found = [];
  for (let step = 1; found.length < links; step = step * 2 + 1) {
    for (let node = 0; node < nodes && found.length < links; node++) found.push([node, (node + step) % nodes]);
  }
  return found;
}

function topology() {
  const ports = Array.from({ length: nodes }, () => 0);
  const end = (node) => `"h${node}:eth${++ports[node]}"`;
  return [
    "format: 1",
    "name: bench-links",
    "routing: { protocol: none }",
    "nodes:",
    ...Array.from({ length: nodes }, (_, node) => `  h${node}: { kind: host, command: [sleep, infinity] }`),
    "links:",
    ...pairs().map(([left, right]) => `  - endpoints: [${end(left)}, ${end(right)}]`),
    "",
  ].join("\n");
}

const file = join(work, "bench-links.yaml");
writeFileSync(file, topology());
const planFile = join(work, "plan.json");
execFileSync("sh", ["-c", `bin/testbed plan "$1" -f json > "$2"`, "sh", file, planFile], { env: environment });
const { steps } = JSON.parse(readFileSync(planFile, "utf8"));

/** The floor's input: batches as files, and a script that gives them to `ip` inside fresh namespaces. */
writeFileSync(join(work, "namespaces"), `${steps.namespaces.map((name) => `netns add ${name}`).join("\n")}\n`);
writeFileSync(join(work, "wiring"), `${steps.wiring.map(({ line }) => line).join("\n")}\n`);
const addressing = new Map();
for (const { namespace, line } of steps.addressing) addressing.set(namespace, [...(addressing.get(namespace) ?? []), line]);
for (const [namespace, lines] of addressing) writeFileSync(join(work, `address.${namespace}`), `${lines.join("\n")}\n`);
// Addresses two at a time: one batch for each namespace, as `ip` enters one namespace for a batch.
const floorScript = `
set -e
mount -t tmpfs tmpfs /run; mkdir /run/netns
ip -batch ${work}/namespaces
ip -batch ${work}/wiring
cd ${work}; ls | grep '^address\\.' | xargs -P 2 -I F sh -c 'name=F; ip -n "\${name#address.}" -batch F'
echo ready
exec sleep infinity
`;


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

const secondsSince = (start) => Number(process.hrtime.bigint() - start) / 1e9;
const now = () => process.hrtime.bigint();

/** Waits for a line that begins with `word` on a child's stdout. */
function line(child, word) {
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (chunk) => {
      text += chunk;
      if (text.split("\n").some((each) => each.startsWith(word))) resolve();
    });
    child.once("exit", (code) => reject(new Error(`${child.spawnargs.join(" ")} ended with ${code} before "${word}"`)));
  });
}

/**
 * Waits until the kernel has unmade every namespace that died before this call: it takes them in the order of their death, so
 * a veth into a namespace that dies now is gone when all of theirs are. Nothing here is in the host's own namespace.
 */
function allGone() {
  const probe = spawn("unshare", ["--net", "--", "sleep", "infinity"], { stdio: "ignore" });
  const own = readlinkSync("/proc/self/ns/net");
  for (let there = ""; there === "" || there === own; ) {
    try {
      there = readlinkSync(`/proc/${probe.pid}/ns/net`);
    } catch (error) {
      if (error.code !== "ENOENT") throw error;
    }
  }
  const add = ["link", "add", "name", "barrier", "type", "veth", "peer", "name", "far", "netns", String(probe.pid)];
  execFileSync("ip", add);
  process.kill(probe.pid, "SIGKILL");
  while (readFileSync("/proc/net/dev", "utf8").includes("barrier:"));
}

async function ours() {
  const name = `bench${process.pid}`;
  const testbed = (...words) => execFileSync("bin/testbed", words, { env: environment, stdio: ["ignore", "ignore", "pipe"] });
  const start = now();
  testbed("up", file, "--name", name, "--runtime", "netns");
  const up = secondsSince(start);
  const end = now();
  testbed("down", "--lab", name);
  allGone();
  return { up, down: secondsSince(end) };
}

async function floor() {
  const start = now();
  const sandbox = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--", "sh", "-c", floorScript];
  const child = spawn("unshare", sandbox, { stdio: ["ignore", "pipe", "inherit"] });
  await line(child, "ready");
  const up = secondsSince(start);
  const end = now();
  child.kill("SIGKILL");
  await new Promise((resolve) => child.once("exit", resolve));
  allGone();
  return { up, down: secondsSince(end) };
}

async function mininet() {
  const start = now();
  // Debian's own python3, for which its package is made.
  const words = ["-c", mininetScript, JSON.stringify(pairs()), String(nodes)];
  const child = spawn("/usr/bin/python3", words, { stdio: ["pipe", "pipe", "inherit"] });
  await line(child, "ready");
  const up = secondsSince(start);
  const end = now();
  const stopped = line(child, "stopped");
  child.stdin.write("\n");
  await stopped;
  allGone();
  return { up, down: secondsSince(end) };
}

const contenders = { testbed: ours, "ip -batch": floor, ...(withMininet ? { Mininet: mininet } : {}) };
const measured = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
for (let time = 0; time < times; time++) {
  for (const [name, run] of Object.entries(contenders)) measured[name].push(await run());
}
const median = (values) => values.toSorted((left, right) => left - right)[Math.floor((values.length - 1) / 2)];
console.log(`${nodes} nodes, ${links} links, median of ${times}   up, s   ratio   down, s   ratio`);
const bare = { up: median(measured["ip -batch"].map(({ up }) => up)), down: median(measured["ip -batch"].map(({ down }) => down)) };
for (const [name, runs] of Object.entries(measured)) {
  const up = median(runs.map((run) => run.up));
  const down = median(runs.map((run) => run.down));
  const cells = [up.toFixed(2), (up / bare.up).toFixed(2), down.toFixed(2), (down / bare.down).toFixed(2)];
  console.log(name.padEnd(32) + cells.map((cell) => cell.padStart(9)).join(""));
}
