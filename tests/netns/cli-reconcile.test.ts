// `up` on a running lab: it says what changes, changes that and nothing else, and a TCP stream across it all goes on.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { there, until, waiting } from "../../src/system/index.js";
import { CliBench, type RunningCommand } from "./cli-bench.js";

const bench = new CliBench();
const { signal } = new AbortController();

interface Written {
  readonly rate?: string;
  readonly more?: readonly string[];
  readonly links?: readonly string[];
  readonly profile?: string;
}

const line = ({ rate = "10mbit", more = [], links = [], profile = "fast" }: Written): string => `format: 1
name: grow
profile: ${profile}
routing: { protocol: ospf, hello: 1s, dead: 4s }
nodes:
  r1: { kind: router }
  r2: { kind: router }
  r3: { kind: router }
${more.map((each) => `  ${each}\n`).join("")}links:
  - { endpoints: ["r1:eth1", "r2:eth1"], rate: ${rate} }
  - { endpoints: ["r2:eth2", "r3:eth1"] }
${links.map((each) => `  - ${each}\n`).join("")}`;

/** Receives numbered lines, and says how many came over how many connections, and the longest time between two. */
const server = `let connections = 0, count = 0, last = 0, gap = 0;
require("node:net").createServer((socket) => {
  connections++;
  let rest = "";
  socket.on("error", (error) => console.log("error " + error.code));
  socket.on("data", (chunk) => {
    const lines = (rest + chunk).split("\\n");
    rest = lines.pop();
    for (const line of lines) {
      if (Number(line) !== count) console.log("wrong: " + line + " after " + count);
      count++;
      const at = performance.now();
      if (last > 0) gap = Math.max(gap, at - last);
      last = at;
      console.log("got " + count + " on " + connections + ", gap " + Math.round(gap) + " ms");
    }
  });
}).listen(7000, () => console.log("listening"));`;
const client = `const socket = require("node:net").connect(7000, process.argv[1]);
let number = 0;
socket.on("error", (error) => { console.error(error.code); process.exit(1); });
setInterval(() => socket.write(number++ + "\\n"), 10);`;

interface Status {
  readonly nodes: readonly {
    readonly name: string;
    readonly loopback: string;
    readonly pid: number;
    readonly state: string;
  }[];
  readonly links: readonly { readonly ends: readonly [string, string]; readonly up: boolean }[];
}
const status = async (): Promise<Status> => JSON.parse(await bench.good("status -f json")) as Status;

async function stream(
  from: string,
  to: string,
): Promise<{ readonly receiver: RunningCommand; readonly sender: RunningCommand }> {
  const address = (await status()).nodes.find((node) => node.name === to)?.loopback ?? "";
  const receiver = bench.start(["exec", to, "--", process.execPath, "-e", server]);
  await receiver.prints("listening");
  const sender = bench.start(["exec", from, "--", process.execPath, "-e", client, address]);
  await receiver.prints("got 50 ");
  return { receiver, sender };
}

/** Pids of everything that a node runs, as its own files tell: they stay as long as nobody touches it. */
const daemonsOf = (node: string): Promise<string> =>
  bench.good(`exec ${node} -- tail -n +1 /run/frr/zebra.pid /run/frr/ospfd.pid`);

beforeAll(async () => {
  bench.write("small.yaml", line({}));
  bench.write(
    "grown.yaml",
    line({ rate: "20mbit", more: ["r4: { kind: router }"], links: ['{ endpoints: ["r3:eth2", "r4:eth1"] }'] }),
  );
  bench.write("fabric.yaml", line({ profile: "fabric" }));
  await bench.good("up small.yaml");
});
afterAll(() => bench.dispose());

describe("up on a running lab", () => {
  test("has nothing to do where the file says what is there", async () => {
    expect(await bench.run("up small.yaml")).toEqual({
      code: 0,
      stdout: "lab grow is as the file says: nothing to change\n",
      stderr: "",
    });
  });

  test("refuses by name what cannot change in place, and says what to do", async () => {
    const { code, stdout, stderr } = await bench.run("up fabric.yaml");
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toBe(
      'testbed: Cannot change lab "grow": profile: is "fast" in the lab and "fabric" in the file, and every process was told at its start; end the lab and start it again: testbed down, then testbed up\n',
    );
    expect((await bench.run("up small.yaml --seed 7")).stderr).toContain('runs with seed "1": cannot change it to "7"');
    expect((await bench.run("up small.yaml --runtime docker")).stderr).toContain(
      "runs in runtime netns: cannot move it",
    );
  });

  test("--dry-run says what would be done, command by command, and does nothing", async () => {
    const before = await status();
    const text = await bench.good("up grown.yaml --dry-run");
    expect(text).toContain("  add node r4\n  add link r3:eth2 - r4:eth1\n");
    expect(text).toContain("tc qdisc change dev r1.eth1 root handle 1: tbf rate 20000kbit");
    expect(text).toContain("in r3: vtysh interface eth2");
    expect(JSON.parse(await bench.good("up grown.yaml --dry-run -f json"))).toMatchObject({
      nodesAdded: ["r4"],
      refused: [],
      linksChanged: [{ link: "r1:eth1 - r2:eth1", what: "rateKbit", from: 10_000, to: 20_000 }],
    });
    expect(await status()).toEqual(before);
  });

  test("refuses while a fault is in effect, and names it", async () => {
    await bench.good("fault interface-down r3:eth1 --how blackhole");
    const { code, stderr } = await bench.run("up grown.yaml");
    expect(code).toBe(2);
    expect(stderr).toContain('Cannot change lab "grow" while faults are in effect: 1 (r3:eth1)\n  → testbed heal');
    await bench.good("heal");
  });

  test("adds a node and its link and changes a rate, while a stream across them goes on", async () => {
    const { receiver, sender } = await stream("r1", "r3");
    const before = { pids: (await status()).nodes.map(({ pid }) => pid), daemons: await daemonsOf("r2") };
    const got = (): number => Number([...receiver.stdout.matchAll(/^got (\d+) /gm)].at(-1)?.[1] ?? 0);
    const { code, stdout, stderr } = await bench.run("up grown.yaml");
    expect([code, stdout], `${stderr}`).toEqual([
      0,
      "lab grow:\n  add node r4\n  add link r3:eth2 - r4:eth1\n  change link r1:eth1 - r2:eth1: rate 10000 kbit/s → 20000 kbit/s\n",
    ]);
    expect(stderr).toContain("lab grow is as the file says\n");
    await receiver.prints(`got ${got() + 100} on 1,`);
    expect(receiver.stdout).not.toMatch(/wrong|error/);
    // What the stream noticed: printed, because it is what one wants to know, and far below what a reconnect would take.
    const gapMs = Number(/gap (\d+) ms\n$/.exec(receiver.stdout)?.[1]);
    console.log(`longest time between two of the stream's lines, 10 ms apart: ${gapMs} ms`);
    expect(gapMs).toBeLessThan(2_000);
    // Nothing else was touched: the same processes, and the lab knows its new member.
    const after = await status();
    expect(after.nodes.map(({ name, state }) => `${name} ${state}`)).toEqual(
      ["r1", "r2", "r3", "r4"].map((name) => `${name} running`),
    );
    expect(after.nodes.slice(0, 3).map(({ pid }) => pid)).toEqual(before.pids);
    expect(await daemonsOf("r2")).toBe(before.daemons);
    expect(after.links.map(({ ends, up }) => [ends.join(" "), up])).toEqual([
      ["r1:eth1 r2:eth1", true],
      ["r2:eth2 r3:eth1", true],
      ["r3:eth2 r4:eth1", true],
    ]);
    sender.kill("SIGINT");
    receiver.kill("SIGINT");
    expect([(await sender.ended()).code, (await receiver.ended()).code]).toEqual([130, 130]);
  });

  test("what came later is like what was there: reached, seen by link and graph, broken, healed", async () => {
    const r4 = (await status()).nodes.find((node) => node.name === "r4")?.loopback ?? "";
    expect(await bench.good(`exec r1 -- ping -c 1 -W 5 ${r4}`)).toContain("1 received");
    await bench.good("fault node-pause r4");
    await bench.good("heal");
    const [truth] = await bench.rows<{ ends: { rows: { what: string; kernel: string; differs: boolean }[] }[] }>(
      "link r1 r2",
    );
    const rows = truth?.ends.flatMap((end) => end.rows) ?? [];
    expect(rows.filter((row) => row.differs)).toEqual([]);
    expect(rows.filter((row) => row.what === "port queue").map((row) => row.kernel)).toEqual([
      "rate 20000 kbit/s",
      "rate 20000 kbit/s",
    ]);
    await bench.good("fault interface-down r4:eth1 --how carrier");
    expect((await status()).links.at(-1)).toMatchObject({ up: false });
    expect(await bench.good("graph grow")).toContain("interface-down (carrier) at r4:eth1");
    const [broken] = await bench.rows<{ faults: number[]; ends: { rows: { what: string; differs: boolean }[] }[] }>(
      "link r4:eth1 r3",
    );
    expect(broken?.faults).toHaveLength(1);
    expect(
      broken?.ends
        .flatMap((end) => end.rows)
        .filter((row) => row.differs)
        .map((row) => row.what),
    ).toContain("carrier");
    await bench.good("heal");
    expect((await status()).links.at(-1)).toMatchObject({ up: true });
  });

  test("takes the node and its link away again, and the lab's own record follows", async () => {
    const { receiver, sender } = await stream("r1", "r3");
    await bench.good("up small.yaml");
    const after = await status();
    expect(after.nodes.map(({ name }) => name)).toEqual(["r1", "r2", "r3"]);
    expect((await bench.run("exec r3 -- ip link show dev eth2")).code).not.toBe(0);
    const { stdout: running } = await bench.start(["exec", "r3", "--", "vtysh", "-c", "show running-config"]).ended();
    expect(running).toContain("interface eth1");
    expect(running).not.toContain("interface eth2");
    expect((await bench.run("fault interface-down r4:eth1")).stderr).toContain('"r4:eth1" is nothing in this lab now');
    const record = JSON.parse(readFileSync(join(bench.state, "labs", "grow", "plan.json"), "utf8")) as {
      nodes: { name: string }[];
    };
    expect(record.nodes.map(({ name }) => name)).toEqual(["r1", "r2", "r3"]);
    const events = (await bench.good("events grow --kind observed log -f json")).trim().split("\n");
    const said = events.map((each) => JSON.parse(each) as { kind: string; text?: string });
    // The agent's own changes are nobody else's, and what was done is on record.
    expect(said.filter(({ kind }) => kind === "observed")).toEqual([]);
    expect(said.map(({ text = "" }) => text)).toContain(
      "lab grow:\n  remove node r4\n  remove link r3:eth2 - r4:eth1\n  change link r1:eth1 - r2:eth1: rate 20000 kbit/s → 10000 kbit/s",
    );
    const got = Number([...receiver.stdout.matchAll(/^got (\d+) /gm)].at(-1)?.[1]);
    await receiver.prints(`got ${got + 50} on 1,`);
    for (const command of [sender, receiver]) command.kill("SIGTERM");
    await Promise.all([sender.ended(), receiver.ended()]);
    await bench.good("down");
    await bench.untilNothingIsLeft();
  });
});

test("a peer and a host join orderers on a switch with written routes; the peer gets the chain", async () => {
  const star = (names: readonly (readonly [string, string])[]): string => {
    const nodes = names.map(([name, kind]) => {
      const routes = names.filter(([other]) => other !== name).map(([other]) => `{ to: ${other}, via: ${other} }`);
      return `  ${name}: { kind: ${kind}, routes: [${routes.join(", ")}] }`;
    });
    const links = names.map(([name]) => `  - { endpoints: ["${name}:eth1", sw1] }`);
    return `format: 1\nname: star\nprofile: fast\nrouting: { protocol: static, neighbours: fixed }\nnodes:\n  sw1: { kind: switch }\n${nodes.join("\n")}\nlinks:\n${links.join("\n")}\n`;
  };
  const members = [
    ["orderer1", "orderer"],
    ["orderer2", "orderer"],
    ["orderer3", "orderer"],
    ["orderer4", "orderer"],
    ["peer1", "peer"],
  ] as const;
  bench.write("star.yaml", star(members));
  bench.write("star-grown.yaml", star([...members, ["peer2", "peer"], ["h1", "host, command: [sleep, infinity]"]]));
  await bench.good("up star.yaml");
  await bench.good("up star-grown.yaml");
  const look = async (): Promise<ReturnType<typeof waiting> | ReturnType<typeof there<true>>> => {
    const { nodes } = JSON.parse(await bench.good("status -f json")) as {
      nodes: { name: string; facts: { height?: number } }[];
    };
    const heights = nodes.filter(({ name }) => name.startsWith("peer")).map(({ facts }) => facts.height ?? -1);
    return heights.length === 2 && heights[0] === heights[1] ? there(true) : waiting(`heights ${heights.join(", ")}`);
  };
  await until(look, { timeoutMs: 20_000, everyMs: 200, signal, what: "the new peer to be as high as the old one" });
  const h1 = (await status()).nodes.find((node) => node.name === "h1")?.loopback ?? "";
  expect(await bench.good(`exec orderer3 -- ping -c 1 -W 5 ${h1}`)).toContain("1 received");
  await bench.good("up star.yaml");
  expect((await bench.run(`exec orderer3 -- ip route get ${h1}`)).code).not.toBe(0);
  await bench.good("down");
  await bench.untilNothingIsLeft();
});
