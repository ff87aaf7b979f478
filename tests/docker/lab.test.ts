// Labs of containers on an engine of the tests' own: they come up, are entered, broken, healed, found by label, and leave nothing.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import Docker from "dockerode";
import { expect, test } from "vitest";
import { buildNodeImage, dockerRuntime, netnsRuntime } from "../../src/lab/index.js";
import { placesOf } from "../../src/lab/agent/node-files.js";
import { nodeContainer, removeLabContainers, switchboardContainer } from "../../src/lab/docker/containers.js";
import { there, until, waiting, type Look } from "../../src/system/index.js";
import { endOf, eventsOf, inside, lineOfRouters, lineWithBranch, planFrom } from "../netns/a-lab.js";
import { brokenAndHealed, wholeAgain, wholeNodeFaults } from "../netns/whole-nodes.js";
import { noEngine, onEngine, signal, up } from "./on-engine.js";

onEngine();

const containers = async (): Promise<readonly string[]> =>
  (await new Docker().listContainers({ all: true })).flatMap(({ Names }) => Names).toSorted();

const volumes = async (): Promise<readonly string[]> =>
  (await new Docker().listVolumes()).Volumes.map(({ Name }) => Name).toSorted();

const labsLeft = (): readonly string[] => {
  const folder = join(process.env["TESTBED_STATE"] ?? "", "labs");
  return existsSync(folder) ? readdirSync(folder) : [];
};

test("a lab of containers comes up, is entered and found, and leaves nothing", async ({ skip }) => {
  skip(noEngine !== "", noEngine);
  await using lab = await up(lineOfRouters("life", 3));
  expect(await containers()).toEqual([
    "/testbed.life.r1",
    "/testbed.life.r2",
    "/testbed.life.r3",
    "/testbed.life.switchboard",
  ]);
  expect((await dockerRuntime.list()).map((each) => [each.name, each.runtime, each.alive])).toEqual([
    ["life", "docker", true],
  ]);
  expect(await netnsRuntime.list()).toEqual([]);
  await using again = await dockerRuntime.attach("life");
  const status = await again.status();
  expect([status.runtime, status.links.every((link) => link.up)]).toEqual(["docker", true]);
  const route = await inside(again, "r1", "ip", "-4", "route", "get", status.nodes[2]?.loopback ?? "");
  expect(route.text).toContain(`src ${status.nodes[0]?.loopback ?? ""}`);
  expect((await inside(again, "r1", "ip", "route", "show", "default")).text).toBe("");
  expect((await inside(again, "r1", "false")).code).toBe(1);
  expect(eventsOf(lab, "environment")).toMatchObject([{ runtime: "docker" }]);
  expect(eventsOf(lab, "process").filter((event) => event.state === "started")).toHaveLength(6);
  await lab.down();
  expect([await containers(), await volumes(), labsLeft()]).toEqual([[], [], []]);
});

test("a node has no way to the engine, and may not change the kernel's settings", async ({ skip }) => {
  skip(noEngine !== "", noEngine);
  await using lab = await up(lineOfRouters("rights", 2));
  const facts = await new Docker().getContainer("testbed.rights.r1").inspect();
  expect(facts.HostConfig.Binds?.filter((bind) => bind.includes(".sock"))).toEqual([]);
  expect((await inside(lab, "r1", "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")).code).not.toBe(0);
  await lab.down();
});

test("an interface goes down in four ways and comes back, each read back", async ({ skip }) => {
  skip(noEngine !== "", noEngine);
  await using lab = await up(lineOfRouters("downs", 2));
  for (const how of ["admin", "carrier", "blackhole", "one-way"] as const) {
    await lab.fault({ do: "fault", what: "interface-down", how, target: "r1:eth2", healAfterUs: 0 });
    const end = await endOf(lab, "r1", "eth2");
    expect([how, end.adminUp, end.carrier]).toEqual([how, how !== "admin", how !== "admin" && how !== "carrier"]);
    expect((await lab.heal(0)).at(-1)).toMatchObject({ how, state: "healed" });
    expect(await endOf(lab, "r1", "eth2")).toMatchObject({ adminUp: true, carrier: true });
  }
  await lab.down();
});

test("a service is killed and started again in its container, and paused; FRR beside it goes on", async ({ skip }) => {
  skip(noEngine !== "", noEngine);
  const nodes =
    "nodes:\n  o1: { kind: orderer }\n  o2: { kind: orderer }\n  o3: { kind: orderer }\n  o4: { kind: orderer }\n  s: { kind: switch }\n";
  const links =
    'links:\n  - endpoints: ["o1:eth1", s]\n  - endpoints: ["o2:eth1", s]\n  - endpoints: ["o3:eth1", s]\n  - endpoints: ["o4:eth1", s]\n';
  const routing = "routing: { protocol: ospf, hello: 1s, dead: 4s }\n";
  await using lab = await up(planFrom(`format: 1\nname: services\nprofile: fast\n${routing}${nodes}${links}`));
  for (const what of ["process-kill", "process-pause"] as const) {
    const [fault] = await lab.fault({ do: "fault", what, how: "", target: "o2", healAfterUs: 0 });
    expect(fault).toMatchObject({ what, state: "effective" });
    expect((await inside(lab, "o2", "vtysh", "-c", "show daemons")).text.trim()).toBe("zebra ospfd");
    expect((await lab.heal(fault?.fault ?? 0)).at(-1)).toMatchObject({ what, state: "healed" });
  }
  for (const what of ["node-kill", "node-pause"] as const) {
    const [fault] = await lab.fault({ do: "fault", what, how: "", target: "o2", healAfterUs: 0 });
    expect((await lab.heal(fault?.fault ?? 0)).at(-1)).toMatchObject({ what, state: "healed" });
  }
  // A second fault while the first is healed hits the service that is there, or nothing: never the container's first process.
  const pid = (await new Docker().getContainer("testbed.services.o2").inspect()).State.Pid;
  const kill = { do: "fault", what: "process-kill", how: "", target: "o2", healAfterUs: 0 } as const;
  const [first] = await lab.fault(kill);
  const healing = lab.heal(first?.fault ?? 0);
  for (let hits = 0; hits < 5; hits++) await lab.fault(kill);
  await healing;
  expect((await new Docker().getContainer("testbed.services.o2").inspect()).State.Pid).toBe(pid);
  await lab.down();
});

test("whole nodes and FRR: each fault is effective, read back, healed, and the node is whole again", async ({
  skip,
}) => {
  skip(noEngine !== "", noEngine);
  await using lab = await up(lineOfRouters("whole", 3));
  for (const what of wholeNodeFaults) await brokenAndHealed(lab, what);
  await lab.down();
});

test("a node whose wires have changed while it ran waits, when it begins again, for those that it has", async ({
  skip,
}) => {
  skip(noEngine !== "", noEngine);
  await using lab = await up(lineWithBranch("branch"));
  await lab.reconcile(lineOfRouters("branch", 3), () => undefined);
  await brokenAndHealed(lab, "node-restart");
  await new Docker().getContainer("testbed.branch.r2").restart({ t: 10 });
  await until(() => (eventsOf(lab, "observed").at(-1)?.state === "up" ? there(true) : waiting("it is not back")), {
    timeoutMs: 60_000,
    everyMs: 50,
    signal,
    what: "r2 to be back",
  });
  await wholeAgain(lab);
  await lab.down();
});

test("docker pause and docker stop behind our back are observed, and docker start brings the node back", async ({
  skip,
}) => {
  skip(noEngine !== "", noEngine);
  await using lab = await up(lineOfRouters("behind", 3));
  const container = new Docker().getContainer("testbed.behind.r2");
  const observed = async (...states: readonly string[]): Promise<void> => {
    const look = (): Look<true> => {
      const said = eventsOf(lab, "observed").map(({ node, what, state }) => `${node} ${what} ${state}`);
      return JSON.stringify(said) === JSON.stringify(states) ? there(true) : waiting(said.join(", "));
    };
    await until(look, { timeoutMs: 30_000, everyMs: 50, signal, what: states.join(", ") });
  };
  await container.pause();
  await observed("r2 node-pause down");
  await container.unpause();
  await observed("r2 node-pause down", "r2 node-pause up");
  await container.stop({ t: 10 });
  await observed("r2 node-pause down", "r2 node-pause up", "r2 node-stop down");
  await container.start();
  await observed("r2 node-pause down", "r2 node-pause up", "r2 node-stop down", "r2 node-stop up");
  await wholeAgain(lab);
  await lab.down();
});

test("a host with an image of its own ends and begins again with its node, by a fault and behind our back", async ({
  skip,
}) => {
  skip(noEngine !== "", noEngine);
  const image = await buildNodeImage({ signal, progress: () => undefined });
  const nodes = `nodes:\n  r1: { kind: router }\n  h1: { kind: host, image: "${image}", command: [sleep, infinity] }\n`;
  const links = 'links:\n  - endpoints: ["r1:eth1", "h1:eth1"]\n';
  const routing = "routing: { protocol: ospf, hello: 1s, dead: 4s }\n";
  await using lab = await up(planFrom(`format: 1\nname: own\nprofile: fast\n${routing}${nodes}${links}`));
  const engine = new Docker();
  const router = (await lab.status()).nodes.find((node) => node.name === "r1")?.loopback ?? "";
  const isBack = async (): Promise<Look<true>> => {
    const { code, text } = await inside(lab, "h1", "ping", "-c", "1", "-W", "1", router);
    return code === 0 ? there(true) : waiting(text);
  };
  const back = { timeoutMs: 30_000, everyMs: 100, signal, what: "h1 to reach r1" };
  await until(isBack, back);
  const [killed] = await lab.fault({ do: "fault", what: "node-kill", how: "", target: "h1", healAfterUs: 0 });
  expect(killed?.state).toBe("effective");
  expect((await containers()).filter((name) => name.startsWith("/testbed.own.h1"))).toEqual(["/testbed.own.h1"]);
  expect((await lab.heal(killed?.fault ?? 0)).at(-1)).toMatchObject({ state: "healed" });
  await until(isBack, back);
  const before = (await engine.getContainer("testbed.own.h1.own-image").inspect()).State.Pid;
  await engine.getContainer("testbed.own.h1").restart({ t: 10 });
  await until(() => (eventsOf(lab, "observed").at(-1)?.state === "up" ? there(true) : waiting("it is not back")), {
    ...back,
    what: "h1 to be back",
  });
  await until(isBack, back);
  expect((await engine.getContainer("testbed.own.h1.own-image").inspect()).State.Pid).not.toBe(before);
  await lab.down();
});

test("a container that the engine is still making is waited for and removed", async ({ skip }) => {
  skip(noEngine !== "", noEngine);
  const engine = new Docker();
  const [image = ""] = (await engine.listImages({ filters: { label: ["testbed.program"] } })).flatMap(
    ({ RepoTags }) => RepoTags ?? [],
  );
  const plan = lineOfRouters("in-flight", 4);
  const directory = "/nowhere";
  const place = { lab: "in-flight", owner: "/nowhere", directory, image, containerRuntime: "" };
  const members = plan.nodes.map((node) => node.name);
  const switchboard = switchboardContainer(place, { volume: "unused", engineSocket: "/nowhere", sysctls: [], members });
  await engine.createContainer({ ...switchboard, HostConfig: { NetworkMode: "none" } });
  const making = plan.nodes.map((node) => {
    const wanted = nodeContainer(place, node, { places: placesOf(directory, node.name), sysctls: [] });
    return engine.createContainer(wanted);
  });
  const { removed } = await removeLabContainers(engine, place);
  // Each was made and removed, or was refused its name for the moment in which the engine was asked for it.
  await Promise.allSettled(making);
  expect(await containers()).toEqual([]);
  expect(removed.length).toBeGreaterThan(1);
});

test("when the agent is killed, clean finds the containers by label and touches no other", async ({ skip }) => {
  skip(noEngine !== "", noEngine);
  const lab = await up(lineOfRouters("killed", 2));
  await lab[Symbol.asyncDispose]();
  const engine = new Docker();
  const [image = ""] = (await engine.getContainer("testbed.killed.r1").inspect()).Config.Image.split(" ");
  const foreign = await engine.createContainer({ name: "foreign", Image: image, Cmd: ["true"], NetworkDisabled: true });
  await engine.getContainer("testbed.killed.switchboard").kill();
  const look = async (): Promise<ReturnType<typeof waiting> | ReturnType<typeof there<true>>> => {
    const [found] = await dockerRuntime.list();
    return found?.alive === false ? there(true) : waiting("it is still alive");
  };
  await until(look, { timeoutMs: 5_000, everyMs: 20, signal, what: "the lab to be dead" });
  await expect(dockerRuntime.attach("killed")).rejects.toThrow(/Lab "killed" is dead/);
  await engine.createVolume({ Name: "foreign" });
  expect((await dockerRuntime.clean()).toSorted()).toEqual([
    "container testbed.killed.r1",
    "container testbed.killed.r2",
    "container testbed.killed.switchboard",
    expect.stringMatching(/^volume testbed-[0-9a-f]{12}$/),
  ]);
  expect([await containers(), await volumes()]).toEqual([["/foreign"], ["foreign"]]);
  await foreign.remove();
  await engine.getVolume("foreign").remove();
});
