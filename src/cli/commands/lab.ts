// The life of a lab: up, status, labs, down, clean; and doctor, which says whether there can be one.
import { dockerRuntime, examineMachine, netnsRuntime, type LabStatus } from "../../lab/index.js";
import { labLeft } from "../interrupt.js";
import { allLabs, theLab, labOption } from "../labs.js";
import { loadTopology } from "../load.js";
import { formatOption, print, rowsText, say } from "../output.js";
import { profileOption } from "../profile-option.js";
import type { Register } from "../program.js";
import { progressLine } from "../progress.js";
import { chosenRuntime, refuseNamesake, runtimeLine, runtimeOption } from "../runtime-option.js";

export const registerLab: Register = (program, context) => {
  for (const register of [registerUp, registerStatus, registerLabs, registerDown, registerClean, registerDoctor]) {
    register(program, context);
  }
};

const registerUp: Register = (program, { interrupt }) => {
  program
    .command("up")
    .description("bring a lab up and return when every node has every route and every service answers")
    .argument("<topology>", "topology file")
    .addOption(profileOption())
    .option("-n, --name <name>", "name of the lab, in place of the topology's")
    .option("--seed <seed>", "seed of everything that is drawn", "1")
    .addOption(runtimeOption())
    .addHelpText("after", "\nExample:\n  testbed up topologies/bft4-ring.yaml && testbed status && testbed down")
    .action(async (file, { profile, name, seed, runtime: choice }) => {
      const { plan } = await loadTopology(file, { profile, name });
      const chosen = await chosenRuntime(choice);
      await refuseNamesake(plan.lab, chosen);
      interrupt.cleansUp(labLeft(plan.lab));
      const options = { seed, messageTrace: true, progress: progressLine, signal: interrupt.signal };
      await using lab = await chosen.runtime.up(plan, options);
      interrupt.settle();
      if (interrupt.interrupted) await lab.down();
      else say(`lab ${lab.name} is up: testbed status, testbed fault, testbed down\n  ${runtimeLine(chosen)}`);
    });
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
      "\nExample:\n  testbed status -f json | jq '.nodes[] | select(.kind == \"orderer\").facts.leader'",
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
    .addHelpText("after", "\nExample:\n  testbed down --lab bft4-ring")
    .action(async ({ lab: name }) => {
      await using lab = await theLab(name);
      await lab.down();
      say(`lab ${lab.name} is down`);
    });
};

const registerClean: Register = (program) => {
  program
    .command("clean")
    .description("remove what dead labs of this user left behind; touches nothing else")
    .action(async () => {
      const removed = [...(await dockerRuntime.clean()), ...(await netnsRuntime.clean())];
      for (const each of removed) say(`removed ${each}`);
      if (removed.length === 0) say("nothing to remove");
    });
};

const registerDoctor: Register = (program) => {
  program
    .command("doctor")
    .description("what this machine can do, and what is lost without each")
    .addOption(formatOption())
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
