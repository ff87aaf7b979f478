// What the benches share: a folder and a state of their own, the testbed's command line, the kernel's word on when everything has
// gone, medians.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";

export const work = mkdtempSync(join(tmpdir(), "testbed-bench."));
const environment = { ...process.env, TESTBED_STATE: join(work, "state") };
// Where it is set, Node 20 reads all these certificates before it runs anything, for 0.1 s; nothing that is measured here needs one.
delete environment.NODE_EXTRA_CA_CERTS;
/** Ends of the commands that were started and still run, by their processes. */
const running = new Map();

/** Told to end: the process then ends without a word on errors. */
export class Interrupted extends Error {}

/** What `bench` answers. Whatever comes of it, nothing of it stays: its labs are ended before the folder that knows of them goes. */
export async function toItsEnd(bench) {
  const interrupted = new Promise((_, reject) => {
    for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => reject(new Interrupted(signal)));
  });
  try {
    return await Promise.race([bench(), interrupted]);
  } finally {
    for (const child of running.keys()) child.kill("SIGTERM");
    await Promise.allSettled(running.values());
    const labs = join(work, "state", "labs");
    for (const lab of existsSync(labs) ? readdirSync(labs) : []) testbed("down", "--lab", lab);
    rmSync(work, { recursive: true });
  }
}

/** Runs a command of ours to its end; answers what it printed on both outputs. */
export function testbed(...words) {
  const quoted = 'exec bin/testbed "$@" 2>&1';
  const options = { env: environment, stdio: ["ignore", "pipe", "inherit"], encoding: "utf8", maxBuffer: 1e9 };
  try {
    return execFileSync("sh", ["-c", quoted, "sh", ...words], options);
  } catch (error) {
    throw new Error(`testbed ${words.join(" ")} ended with ${error.status}:\n${error.stdout}`);
  }
}

/** Starts a command of ours. `line(word)` waits for a line that holds the word; `end` for its end, good (0) or with a check failed (1). */
export function started(...words) {
  const child = spawn("bin/testbed", words, { env: environment, stdio: ["ignore", "ignore", "pipe"] });
  let text = "";
  const waiters = [];
  child.stderr.on("data", (chunk) => {
    text += chunk;
    for (const waiter of waiters) if (text.includes(waiter.word)) waiter.resolve();
  });
  const end = new Promise((resolve, reject) => {
    child.once("exit", (code) => {
      running.delete(child);
      if (code === 0 || code === 1) resolve();
      else reject(new Error(`testbed ${words.join(" ")} ended with ${code}:\n${text}`));
    });
  });
  running.set(child, end);
  end.catch(() => undefined); // for who waits for it; nobody may be
  const line = (word) => Promise.race([new Promise((resolve) => waiters.push({ word, resolve })), end]);
  return { line, end };
}

/** Seconds of a phase that `up` told, like "every node has every route". */
export function phaseSeconds(progress, phase) {
  const found = progress.split("\n").find((line) => line.includes(phase));
  const seconds = /([\d.]+) s$/.exec(found ?? "")?.[1];
  if (seconds === undefined) throw new Error(`up told of no phase "${phase}":\n${progress}`);
  return Number(seconds);
}

/** Writes a topology and answers its file and its plan. */
export function planOf(name, text) {
  const file = join(work, `${name}.yaml`);
  writeFileSync(file, text);
  const options = { env: environment, encoding: "utf8", maxBuffer: 1e9 };
  return { file, plan: JSON.parse(execFileSync("bin/testbed", ["plan", file, "-f", "json"], options)) };
}

/** A ring, and chords of growing length until there are enough links. */
export function pairs(nodes, links) {
  const found = [];
  for (let step = 1; found.length < links; step = step * 2 + 1) {
    for (let node = 0; node < nodes && found.length < links; node++) found.push([node, (node + step) % nodes]);
  }
  return found;
}

/** Topology of routers with OSPF, or of hosts that run nothing: networks alone, without a process. */
export function topologyText(name, { kind, nodes, links = nodes }) {
  const [routing, node] = kind === "router" ? ["ospf", "{ kind: router }"] : ["none", "{ kind: host, command: [] }"];
  const ports = Array.from({ length: nodes }, () => 0);
  const end = (node) => `"n${node}:eth${++ports[node]}"`;
  return [
    "format: 1",
    `name: ${name}`,
    `routing: { protocol: ${routing} }`,
    "nodes:",
    ...Array.from({ length: nodes }, (_, index) => `  n${index}: ${node}`),
    "links:",
    ...pairs(nodes, links).map(([left, right]) => `  - endpoints: [${end(left)}, ${end(right)}]`),
    "",
  ].join("\n");
}

/** The plan's lines as files for bare `ip -batch`, in `folder`; address.NODE for each namespace, as ip enters one for a batch. */
export function batchFiles(folder, { steps }) {
  const lines = (each) => `${each.join("\n")}\n`;
  writeFileSync(join(folder, "namespaces"), lines(steps.namespaces.map((name) => `netns add ${name}`)));
  writeFileSync(join(folder, "wiring"), lines(steps.wiring.map(({ line }) => line)));
  const addressing = new Map();
  for (const { namespace, line } of steps.addressing) {
    addressing.set(namespace, [...(addressing.get(namespace) ?? []), line]);
  }
  for (const [namespace, each] of addressing) writeFileSync(join(folder, `address.${namespace}`), lines(each));
}

/** Lines of sh that give those files to bare `ip`, two namespaces at a time. */
export const addressesFrom = (folder) =>
  `cd ${folder}; ls | grep '^address\\.' | xargs -P 2 -I F sh -c 'name=F; exec ip -n "\${name#address.}" -batch F'`;

export const now = () => process.hrtime.bigint();
export const secondsSince = (start) => Number(process.hrtime.bigint() - start) / 1e9;

/** The folder of a lab that runs. */
export const labFolder = (name) => join(work, "state", "labs", name);

/** Waits for a line that begins with `word` on a child's stdout; answers the line. */
export function lineOf(child, word) {
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (chunk) => {
      text += chunk;
      const found = text.split("\n").slice(0, -1).find((each) => each.startsWith(word));
      if (found !== undefined) resolve(found);
    });
    child.once("exit", (code) => reject(new Error(`${child.spawnargs.join(" ")} ended with ${code} before "${word}"`)));
  });
}

/** Runs a script of sh in fresh namespaces; the caller waits for its lines and ends it. */
export function sandbox(script, ...more) {
  const words = ["--net", "--mount", ...more, "--", "sh", "-c", `mount -t tmpfs tmpfs /run; mkdir /run/netns\n${script}`];
  return spawn("unshare", words, { stdio: ["pipe", "pipe", "inherit"] });
}

export const inPidNamespace = ["--pid", "--fork", "--kill-child"];

export async function kill(child) {
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
}

/**
 * Waits until the kernel has unmade every namespace that died before this call: it takes them in the order of their death, so a veth
 * into a namespace that dies now is gone when all of theirs are. In a namespace of the bench's own (scripts/bench).
 */
export function allGone() {
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

export function median(values) {
  const sorted = values.toSorted((left, right) => left - right);
  return (sorted[Math.ceil(sorted.length / 2) - 1] + sorted[Math.floor(sorted.length / 2)]) / 2;
}
export function quantile(values, share) {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

/** Runs the contenders in turn, `times` times; answers each one's results by its name. */
export async function interleaved(times, contenders) {
  const measured = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
  for (let time = 1; time <= times; time++) {
    for (const [name, run] of Object.entries(contenders)) {
      const result = await run();
      await setImmediate(); // signals are heard between two turns of the loop
      measured[name].push(result);
      process.stderr.write(`  ${time}/${times} ${name}: ${JSON.stringify(result)}\n`);
    }
  }
  return measured;
}
