// Into a node: exec, shell, logs.
import { constants } from "node:os";
import { execa } from "execa";
import type { RunningLab } from "../../lab/index.js";
import { labOption, theLab } from "../labs.js";
import { printLogs } from "../node-logs.js";
import type { Register } from "../program.js";
import { toolPath } from "../../system/index.js";

export const registerInside: Register = (program, { interrupt }) => {
  program
    .command("exec")
    .description("run a command inside a node, in its network and with its FRR")
    .argument("<node>", "as testbed status lists it")
    .argument("<command...>", "after --")
    .addOption(labOption())
    .addHelpText("after", "\nExample:\n  testbed exec r1 -- vtysh -c 'show ip ospf neighbor'")
    .action(async (node, command, { lab: name }) => {
      await using lab = await theLab(name);
      process.exitCode = await runInside(lab, node, command);
    });

  program
    .command("shell")
    .description("a shell inside a node")
    .argument("<node>", "as testbed status lists it")
    .addOption(labOption())
    .action(async (node, { lab: name }) => {
      await using lab = await theLab(name);
      const { runtime } = await lab.status();
      process.exitCode = await runInside(
        lab,
        node,
        runtime === "docker" ? shellOfImage : [process.env.SHELL ?? "/bin/sh"],
      );
    });

  program
    .command("logs")
    .description("what a node's processes wrote")
    .argument("<node>", "as testbed status lists it")
    .option("-f, --follow", "go on as lines are written")
    .addOption(labOption())
    .action(async (node, { follow, lab: name }) => {
      await using lab = await theLab(name);
      await printLogs(lab, node, { follow: follow === true, signal: interrupt.signal });
    });
};

/** An image need not have the user's own. */
const shellOfImage = ["sh", "-c", "command -v bash >/dev/null && exec bash; exec sh"] as const;

async function runInside(lab: RunningLab, node: string, command: readonly string[]): Promise<number> {
  const [program = "", ...words] = await lab.execArguments(node, command);
  const result = await execa(program, words, { stdio: "inherit", reject: false, env: { PATH: toolPath() } });
  // As a shell has it: 128 and the signal's number.
  return result.exitCode ?? 128 + (result.signal === undefined ? 0 : constants.signals[result.signal]);
}
