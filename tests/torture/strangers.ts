// What somebody else has on the machine: a namespace, a bridge with a link into it, a table of rules, a mount, a process that is
// called like ours, and with docker two containers and
// volumes, of which one each bears a lab's own labels for another folder. All of it is
// made before the first point and must be there, unchanged, after each.
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import type Docker from "dockerode";

export const stranger = "stranger";
/** The lab that is tortured; the strangers bear its name too. */
export const lab = "star";

export interface Strangers {
  /** Ends the process; the rest goes with this world. */
  readonly end: () => void;
}

export function makeStrangers(): Strangers {
  for (const line of [
    `netns add ${stranger}`,
    `link add name ${stranger}0 type bridge`,
    `link set dev ${stranger}0 up`,
    `link add name ${stranger}1 type veth peer name inside netns ${stranger}`,
    `link set dev ${stranger}1 master ${stranger}0 up`,
    `-n ${stranger} link set dev inside up`,
    `-n ${stranger} address add 192.0.2.1/24 dev inside`,
  ]) {
    execFileSync("ip", line.split(" "));
  }
  const rules = `table inet testbed { chain ${stranger} { type filter hook input priority 0; ip saddr 192.0.2.9 drop; }; }`;
  execFileSync("nft", ["-f", "-"], { input: rules });
  execFileSync("ip", ["netns", "exec", stranger, "nft", "-f", "-"], { input: rules });
  mkdirSync(`/run/${stranger}`);
  execFileSync("mount", ["-t", "tmpfs", stranger, `/run/${stranger}`]);
  // Its command line names an agent and the lab's own folder: nothing may be found by such words.
  const name = `node agent.mjs /tmp/state/labs/${lab}`;
  const child = spawn("ip", ["netns", "exec", stranger, "sleep", "infinity"], { argv0: name, stdio: "ignore" });
  const called = spawn("sleep", ["infinity"], { argv0: name, stdio: "ignore" });
  return {
    end: () => {
      child.kill("SIGKILL");
      called.kill("SIGKILL");
    },
  };
}

/** Containers and volumes of somebody else, of the nodes' own image so that nothing more is needed. */
export async function makeForeignContainers(engine: Docker, image: string): Promise<void> {
  const labels = {
    foreign: {},
    neighbour: { "testbed.format": "1", "testbed.lab": lab, "testbed.directory": "/tmp/other/labs/star" },
  };
  for (const [name, Labels] of Object.entries(labels)) {
    await engine.createVolume({ Name: `${name}-volume`, Labels });
    const container = await engine.createContainer({
      name,
      Image: image,
      Cmd: ["sleep", "infinity"],
      NetworkDisabled: true,
      Labels,
      // An engine that was killed ends its containers when it begins again: these are then started by it, by nobody else.
      HostConfig: { NetworkMode: "none", RestartPolicy: { Name: "always" } },
    });
    await container.start();
  }
}
