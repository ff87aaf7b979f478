// Nodes in a ring as containers, wired and addressed: up and down beside the floor, the bare Engine API at its best. That is four workers
// that create, start and inspect containers without a network of the engine's, one `ip -batch` for all links, and addresses as in
// the other benches; removal four at a time. Both use the node image and the same runtime of containers. Needs DOCKER_HOST.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import Docker from "dockerode";
import * as bench from "./shared.mjs";

const atOnce = 4;
const prefix = "testbed-bench-";

async function each(items, act) {
  let next = 0;
  const worker = async () => {
    while (next < items.length) await act(items[next++]);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

export async function containers({ count, times }) {
  const name = "bench-containers";
  const { file, plan } = bench.planOf(name, bench.topologyText(name, { kind: "host", nodes: count }));
  const folder = join(bench.work, "batches");
  mkdirSync(folder);
  bench.batchFiles(folder, plan);
  const built = bench.testbed("images", "build", "-f", "json");
  const { image } = JSON.parse(built.slice(built.lastIndexOf("{")));
  const engine = new Docker();
  const { Config } = await engine.getImage(image).inspect();
  const runtime = Config.Labels["testbed.runtime"];

  // Each begins when the kernel has unmade the namespaces and links of the one before, which are not in its time.
  const ours = async () => {
    bench.allGone();
    const start = bench.now();
    const progress = bench.testbed("up", file, "--runtime", "docker");
    const up = bench.secondsSince(start);
    const end = bench.now();
    bench.testbed("down", "--lab", name);
    const down = bench.secondsSince(end);
    const [switchboard, made, wired, ready] = ["switchboard", "containers", "links, ", "every service answers"].map((phase) =>
      bench.phaseSeconds(progress, phase),
    );
    return { up, down, switchboard, containers: made - switchboard, wires: wired - made, rest: ready - wired };
  };

  const bare = async () => {
    const ids = new Map();
    bench.allGone();
    const start = bench.now();
    const make = async (node) => {
      const container = await engine.createContainer({
        name: `${prefix}${node}`,
        Image: image,
        Cmd: ["sleep", "infinity"],
        NetworkDisabled: true,
        HostConfig: {
          NetworkMode: "none",
          CapAdd: ["NET_ADMIN", "NET_RAW", "SYS_ADMIN"],
          ...(runtime === "" ? {} : { Runtime: runtime }),
        },
      });
      ids.set(node, container);
      await container.start();
      const { State } = await container.inspect();
      return [node, State.Pid];
    };
    try {
      const pids = [];
      await each(plan.steps.namespaces, async (node) => pids.push(await make(node)));
      const made = bench.secondsSince(start);
      const attach = pids.map(([node, pid]) => `ip netns attach ${node} ${pid}`).join("\n");
      const child = bench.sandbox(`set -e\n${attach}\nip -batch ${folder}/wiring; (${bench.addressesFrom(folder)})\necho ready; exec sleep infinity`);
      await bench.lineOf(child, "ready");
      const up = bench.secondsSince(start);
      const end = bench.now();
      await each([...ids.values()], (container) => container.remove({ force: true, v: true }));
      const down = bench.secondsSince(end);
      await bench.kill(child);
      return { up, down, containers: made, wires: up - made };
    } catch (error) {
      await each([...ids.values()], (container) => container.remove({ force: true, v: true }).catch(() => undefined));
      throw error;
    }
  };

  const measured = await bench.interleaved(times, { testbed: ours, "bare Engine API": bare });
  const of = (who, what) => bench.median(measured[who].map((run) => run[what]));
  const row = (who) => {
    const cells = ["up", "down"].flatMap((what) => [of(who, what).toFixed(2), (of(who, what) / of("bare Engine API", what)).toFixed(2)]);
    const phases = ["switchboard", "containers", "wires", "rest"].map((what) => {
      const seconds = of(who, what);
      return Number.isNaN(seconds) ? "" : seconds.toFixed(2);
    });
    return [who, ...cells, ...phases];
  };
  const version = (await engine.version()).Version;
  return {
    title: `${count} containers in a ring under ${runtime === "" ? "the engine's own runtime" : runtime}, Docker ${version}; median of ${times}`,
    columns: ["", "up, s", "to the floor", "down, s", "to the floor", "switchboard", "containers", "wires", "rest"],
    rows: [row("testbed"), row("bare Engine API")],
  };
}
