// Into a node: exec, shell, logs.
import { examples } from "../examples.js";
import { runInside } from "../inside.js";
import { labOption, theLab } from "../labs.js";
import { printLogs } from "../node-logs.js";
import type { Register } from "../program.js";

export const registerInside: Register = (program, { interrupt }) => {
  program
    .command("exec")
    .description("run a command inside a node, in its network and with its FRR")
    .argument("<node>", "as testbed status lists it")
    .argument("<command...>", "after --")
    .addOption(labOption())
    .addHelpText(
      "after",
      examples("testbed exec r1 -- vtysh -c 'show ip ospf neighbor'", "testbed exec client1 -- ping -c 3 10.0.1.7"),
    )
    .action(async (node, command, { lab: name }) => {
      await using lab = await theLab(name);
      process.exitCode = await runInside(lab, node, command, { interrupt, stdio: "inherit", leftovers: "stay" });
    });

  program
    .command("shell")
    .description("a shell inside a node")
    .argument("<node>", "as testbed status lists it")
    .addOption(labOption())
    .addHelpText("after", examples("testbed shell r1"))
    .action(async (node, { lab: name }) => {
      await using lab = await theLab(name);
      const { runtime } = await lab.status();
      const shell = runtime === "docker" ? shellOfImage : [process.env["SHELL"] ?? "/bin/sh"];
      process.exitCode = await runInside(lab, node, shell, { interrupt, stdio: "inherit", leftovers: "stay" });
    });

  program
    .command("logs")
    .description("what a node's processes wrote")
    .argument("<node>", "as testbed status lists it")
    .option("-f, --follow", "go on as lines are written")
    .addOption(labOption())
    .addHelpText("after", examples("testbed logs orderer1 --follow", "testbed logs r1 --lab bft4-ring | grep -i ospf"))
    .action(async (node, { follow, lab: name }) => {
      await using lab = await theLab(name);
      await printLogs(lab, node, { follow: follow === true, signal: interrupt.signal });
    });
};

/** An image need not have the user's own. */
const shellOfImage = ["sh", "-c", "command -v bash >/dev/null && exec bash; exec sh"] as const;
