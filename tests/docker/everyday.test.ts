// Everyday commands over a lab of containers: what is shown of netns in tests/netns/cli-inside and cli-reconcile is so here too.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import Docker from "dockerode";
import { execa } from "execa";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { there, until, waiting, type Look } from "../../src/system/index.js";
import { CliBench, program, type RunningCommand } from "../netns/cli-bench.js";

const noEngine = inject("noEngine");
const environment = { DOCKER_HOST: inject("engine") };
const bench = new CliBench();
const { signal } = new AbortController();

const start = (...words: readonly string[]): RunningCommand => bench.start(words, { environment });

async function good(...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await start(...words).ended();
  if (code !== 0) throw new Error(`testbed ${words.join(" ")}: exit code ${code}\n${stdout}${stderr}`);
  return stdout;
}

const topology = (rate: string, more: string, link: string): string => `format: 1
name: everyday
profile: fast
routing: { protocol: ospf, hello: 1s, dead: 4s }
nodes:
  r1: { kind: router }
  r2: { kind: router }
${more}links:
  - { endpoints: ["r1:eth1", "r2:eth1"], rate: ${rate} }
${link}`;

beforeAll(async () => {
  if (noEngine !== "") return;
  process.env["DOCKER_HOST"] = environment.DOCKER_HOST;
  bench.write("small.yaml", topology("10mbit", "", ""));
  bench.write(
    "grown.yaml",
    topology("20mbit", "  r3: { kind: router }\n", '  - { endpoints: ["r2:eth2", "r3:eth1"] }\n'),
  );
  await good("up", "small.yaml", "--runtime", "docker");
}, 600_000);
afterAll(async () => {
  if (noEngine === "") await start("down").ended();
  bench.dispose();
});

const containers = async (): Promise<readonly string[]> =>
  (await new Docker().listContainers({ all: true })).flatMap(({ Names }) => Names).toSorted();

/** Processes with this word on their command line in any container: the engine of the tests is on this machine. */
function running(word: string): readonly number[] {
  return bench.everyProcess().filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes(word);
    } catch {
      return false; // it has gone
    }
  });
}

async function untilGone(word: string): Promise<void> {
  const look = (): Look<true> => (running(word).length === 0 ? there(true) : waiting(`${word} runs`));
  await until(look, { timeoutMs: 15_000, everyMs: 50, signal, what: `${word} to be gone` });
}

test("a capture is pcap with nanoseconds, and Ctrl-C ends it in its container", async ({ skip }) => {
  skip(noEngine !== "", noEngine);
  await good("capture", "r1:eth1", "-w", "ospf.pcap", "-c", "3", "--", "proto", "89");
  const pcap = readFileSync(join(bench.folder, "ospf.pcap"));
  expect(pcap.readUInt32LE(0).toString(16)).toBe("a1b23c4d");
  expect(pcap[24 + 16 + 23]).toBe(89);
  // The word is what tells this tcpdump from another lab's on this machine.
  const command = start("capture", "r1:eth1", "-w", "whole.pcap", "--", "not", "port", "64123");
  await command.says("listening on eth1");
  command.kill("SIGINT");
  const { stderr } = await command.ended();
  expect(stderr).toMatch(/packets? captured/);
  await untilGone("64123");
  const script = '"$0" capture r1:eth1 -w - -- not port 64124 | head -c 24 | od -A n -t x4 -N 4';
  const { stdout } = await execa("bash", ["-c", script, program], {
    cwd: bench.folder,
    env: { TESTBED_STATE: bench.state, ...environment },
  });
  expect(stdout).toBe(" a1b23c4d");
  await untilGone("64124");
});

const signals = ["SIGINT", "SIGKILL"] as const;
test.for(signals)("%s to the command line ends what runs in the container", async (name, { skip }) => {
  skip(noEngine !== "", noEngine);
  const word = name === "SIGINT" ? "82001" : "82002";
  const command = start("exec", "r1", "--", "sh", "-c", `echo begun; sleep ${word}; echo never`);
  await command.prints("begun");
  command.kill(name);
  await command.ended();
  await untilGone(word);
});

test("up on the running lab adds a container and changes a rate, and touches no other; then takes it away", async ({
  skip,
}) => {
  skip(noEngine !== "", noEngine);
  const engine = new Docker();
  const startOf = async (): Promise<readonly string[]> =>
    Promise.all(
      ["r1", "r2"].map(
        async (node) => (await engine.getContainer(`testbed.everyday.${node}`).inspect()).State.StartedAt,
      ),
    );
  const before = await startOf();
  await good("up", "grown.yaml", "--runtime", "docker");
  expect(await containers()).toContain("/testbed.everyday.r3");
  const status = JSON.parse(await good("status", "-f", "json")) as { nodes: { name: string; loopback: string }[] };
  const r3 = status.nodes.find(({ name }) => name === "r3")?.loopback ?? "";
  expect(await good("exec", "r1", "--", "ping", "-c", "1", "-W", "5", r3)).toContain("1 received");
  expect(await good("link", "r1", "r2", "-f", "json")).not.toContain('"differs": true');
  await good("up", "small.yaml", "--runtime", "docker");
  expect(await containers()).not.toContain("/testbed.everyday.r3");
  expect(await startOf()).toEqual(before);
});
