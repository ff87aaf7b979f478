// The life of a lab: status, labs, down, clean; and doctor, which says whether there can be one.
import { dockerRuntime, examineMachine, netnsRuntime, type LabStatus } from "../../lab/index.js";
import { examples } from "../examples.js";
import { allLabs, endLab, theLab, labOption } from "../labs.js";
import { formatOption, print, rowsText, say, textOption } from "../output.js";
import type { Register } from "../program.js";

export const registerLab: Register = (program, context) => {
  for (const register of [registerStatus, registerLabs, registerDown, registerClean, registerDoctor]) {
    register(program, context);
  }
};

const statusColumns = ["node", "kind", "address", "state", "view", "leader", "height", "pool", "pid"] as const;

const registerStatus: Register = (program) => {
  program
    .command("status")
    .description("nodes, what the orderers say of themselves, and links that are down")
    .addOption(labOption())
    .addOption(formatOption())
    .addHelpText(
      "after",
      examples("testbed status", "testbed status -f json | jq '.nodes[] | select(.kind == \"orderer\").facts.leader'"),
    )
    .action(async ({ lab: name, format }) => {
      await using lab = await theLab(name);
      const status = await lab.status();
      if (format === "json") return await print(`${JSON.stringify(status, null, 2)}\n`);
      await print(rowsText(statusColumns, status.nodes.map(rowOf), format));
      for (const link of status.links.filter((each) => !each.up || each.faults.length > 0)) {
        const faults = link.faults.length > 0 ? ` (fault ${link.faults.join(", ")})` : "";
        say(`link ${link.ends.join(" - ")} is ${link.up ? "up" : "down"}${faults}`);
      }
    });
};

function rowOf({
  name,
  kind,
  loopback,
  state,
  facts,
  pid,
}: LabStatus["nodes"][number]): Record<(typeof statusColumns)[number], string | number | boolean> {
  const { view = "", leader = "", height = "", poolCount: pool = "" } = facts;
  return { node: name, kind, address: loopback, state, view, leader, height, pool, pid };
}

const registerLabs: Register = (program) => {
  program
    .command("labs")
    .description("every lab of this user, running or dead")
    .addOption(formatOption())
    .addHelpText("after", examples("testbed labs", "testbed labs -f json | jq -r '.[].lab'"))
    .action(async ({ format }) => {
      const labs = await allLabs();
      const rows = labs.map((lab) => ({
        lab: lab.name,
        runtime: lab.runtime,
        state: lab.alive ? "running" : "dead",
        started: lab.startedAt,
        directory: lab.directory,
      }));
      await print(rowsText(["lab", "runtime", "state", "started", "directory"], rows, format));
    });
};

const registerDown: Register = (program) => {
  program
    .command("down")
    .description("end a lab and wait until its last interface has gone")
    .addOption(labOption())
    .addHelpText("after", examples("testbed down", "testbed down --lab bft4-ring"))
    .action(async ({ lab: name }) => {
      say(`lab ${await endLab(name)} is down`);
    });
};

const registerClean: Register = (program) => {
  program
    .command("clean")
    .description("remove what dead labs of this user left behind; touches nothing else")
    .addOption(textOption())
    .addHelpText("after", examples("testbed clean", "testbed clean -f json"))
    .action(async ({ format }) => {
      const removed = [...(await dockerRuntime.clean()), ...(await netnsRuntime.clean())];
      if (format === "json") return await print(`${JSON.stringify(removed, null, 2)}\n`);
      for (const each of removed) say(`removed ${each}`);
      if (removed.length === 0) say("nothing to remove");
    });
};

const registerDoctor: Register = (program) => {
  program
    .command("doctor")
    .description("what this machine can do, and what is lost without each")
    .addOption(formatOption())
    .addHelpText("after", examples("testbed doctor", "testbed doctor -f json | jq '.[] | select(.state == \"no\")'"))
    .action(async ({ format }) => {
      const rows = (await examineMachine()).map((capability) => ({
        capability: capability.name,
        state: capability.present ? "yes" : "no",
        detail: capability.detail,
        "lost without it": capability.present ? "" : capability.lost,
      }));
      await print(rowsText(["capability", "state", "detail", "lost without it"], rows, format));
    });
};
