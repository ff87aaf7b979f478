// What the containers of a lab are and are not, by looking with the engine's own inspect and from inside: no network but the wires, no
// privilege, labels on everything, an init that reaps, limits as the topology says; and a host with an image of the user's own.
import { readFileSync } from "node:fs";
import Docker from "dockerode";
import { expect, test } from "vitest";
import { textIn } from "../../src/lab/index.js";
import { there, until, waiting, type Look } from "../../src/system/index.js";
import { eventsOf, inside, planFrom } from "../netns/a-lab.js";
import { image, noEngine, onEngine, signal, up } from "./on-engine.js";

onEngine();

const topology = (ownImage: string): string => `format: 1
name: boxes
nodes:
  r1: { kind: router, cpu: 0.5, memory: 96MiB }
  h1: { kind: host, command: [sh, -c, 'cat /etc/greeting; echo "$COLOUR"; exec sleep 1000'], files: { /etc/greeting: "good day\\n" }, environment: { COLOUR: green } }
  h2:
    kind: host
    image: ${ownImage}
    command: [sh, -c, 'cat /etc/greeting; echo "$COLOUR"; exec sleep 1000']
    files: { /etc/greeting: "hello from the topology\\n" }
    environment: { COLOUR: "red; touch /tmp/injected" }
    cpu: 0.25
    memory: 48MiB
links:
  - endpoints: ["h1:eth1", "r1:eth1"]
  - endpoints: ["h2:eth1", "r1:eth2"]
`;

test("containers have no network of the engine's, no privilege, labels, an init, limits; a host has its own image", async ({
  skip,
}) => {
  skip(noEngine !== "", noEngine);
  const engine = new Docker();
  await engine.getImage(image).tag({ repo: "users-own", tag: "1" });
  await using lab = await up(planFrom(topology("users-own:1")));
  const labels = { "testbed.format": "1", "testbed.lab": "boxes" };
  for (const { Id, Labels } of await engine.listContainers({ all: true, filters: { label: ["testbed.lab=boxes"] } })) {
    const { Name, HostConfig, Config } = await engine.getContainer(Id).inspect();
    expect({ Name, Labels }).toMatchObject({ Name, Labels: labels });
    expect([Name, HostConfig.Privileged, HostConfig.PublishAllPorts]).toEqual([Name, false, false]);
    if (Name.endsWith(".own-image")) continue;
    expect([Name, HostConfig.NetworkMode]).toEqual([Name, "none"]);
    expect({ Name, Config }).toMatchObject({ Name, Config: { NetworkDisabled: true } });
  }

  const switchboard = await engine.getContainer("testbed.boxes.switchboard").inspect();
  expect(switchboard.HostConfig.CpuShares).toBeGreaterThan(20 * 1_024); // the agent comes before the nodes
  const router = await engine.getContainer("testbed.boxes.r1").inspect();
  expect(router.Config.Labels).toMatchObject({ ...labels, "testbed.node": "r1", "testbed.role": "node" });
  expect(router.HostConfig).toMatchObject({ Init: true, NanoCpus: 5e8, Memory: 96 * 1_048_576, PidMode: "" });
  expect((router.HostConfig.CapAdd ?? []).toSorted()).toEqual(["NET_ADMIN", "NET_RAW", "SYS_ADMIN"]);
  expect((router.HostConfig.CapDrop ?? []).toSorted()).toEqual(["AUDIT_WRITE", "MKNOD", "SETFCAP", "SYS_CHROOT"]);
  expect((await inside(lab, "r1", "ip", "route", "show", "default")).text).toBe("");
  const interfaces = (await inside(lab, "r1", "sh", "-c", "ls /sys/class/net")).text.split(/\s+/).filter(Boolean);
  expect(interfaces).toEqual(["eth1", "eth2", "lo"]);

  const own = await engine.getContainer("testbed.boxes.h2.own-image").inspect();
  expect(own.Config.Labels).toMatchObject({ ...labels, "testbed.node": "h2", "testbed.role": "own-image" });
  expect(own.HostConfig).toMatchObject({
    Init: true,
    NanoCpus: 2.5e8,
    Memory: 48 * 1_048_576,
    Binds: null,
    CapAdd: null,
  });
  const limit = readFileSync(memoryLimitOf(own.State.Pid), "utf8").trim();
  expect(limit).toBe(String(48 * 1_048_576));
  await saying(lab.folder, "h2", "hello from the topology\nred; touch /tmp/injected\n");
  await saying(lab.folder, "h1", "good day\ngreen\n");
  const { nodes } = await lab.status();
  const loopbackOf = (name: string): string => nodes.find((node) => node.name === name)?.loopback ?? "";
  expect((await inside(lab, "h2", "ping", "-c", "1", "-W", "5", loopbackOf("h1"))).text).toContain("1 received");
  expect((await inside(lab, "h2", "cat", "/etc/greeting")).text).toBe("hello from the topology\n");
  expect((await inside(lab, "h2", "ls", "/tmp/injected")).code).not.toBe(0);
  expect(eventsOf(lab, "process").filter(({ node, state }) => node === "h2" && state === "ended")).toEqual([]);
  await lab.down();
  await engine.getImage("users-own:1").remove();
});

test("a child that its parent has left is reaped in a node", async ({ skip }) => {
  skip(noEngine !== "", noEngine);
  await using lab = await up(
    planFrom("format: 1\nname: orphans\nnodes:\n  h1: { kind: host, command: [sleep, infinity] }\n"),
  );
  // The middle shell ends at once, so that the sleeper is an orphan when it ends.
  await inside(lab, "h1", "sh", "-c", "sh -c 'sleep 0.1 & echo $!' & wait; true");
  const look = async (): Promise<Look<true>> => {
    const { text } = await inside(lab, "h1", "sh", "-c", "ps -eo stat,comm | grep -E '^Z|sleep 0' || true");
    return text.trim() === "" ? there(true) : waiting(text);
  };
  await until(look, { timeoutMs: 5_000, everyMs: 100, signal, what: "no process that waits to be reaped" });
  await lab.down();
});

async function saying(folder: Parameters<typeof textIn>[0], node: string, text: string): Promise<void> {
  const look = async (): Promise<Look<true>> => {
    const said = (await textIn(folder, `nodes/${node}/service.log`)) ?? "";
    return said === text ? there(true) : waiting(JSON.stringify(said));
  };
  await until(look, { timeoutMs: 10_000, everyMs: 50, signal, what: `${node} to print what it should` });
}

/** Path of the file that holds the memory limit of a process, in version 1 or 2 of control groups. */
function memoryLimitOf(pid: number): string {
  const groups = readFileSync(`/proc/${pid}/cgroup`, "utf8");
  const version1 = /^\d+:memory:(.*)$/m.exec(groups)?.[1];
  if (version1 !== undefined) return `/sys/fs/cgroup/memory${version1}/memory.limit_in_bytes`;
  return `/sys/fs/cgroup${/^0::(.*)$/m.exec(groups)?.[1] ?? ""}/memory.max`;
}
