// Into a node: exec, shell, logs.
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { constants } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import type { RunningLab } from "../../lab/index.js";
import { labOption, theLab } from "../labs.js";
import { print } from "../output.js";
import type { Register } from "../program.js";
import { toolPath, UserError } from "../../system/index.js";

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
      process.exitCode = await runInside(lab, node, [process.env.SHELL ?? "/bin/sh"]);
    });

  program
    .command("logs")
    .description("what a node's processes wrote")
    .argument("<node>", "as testbed status lists it")
    .option("-f, --follow", "go on as lines are written")
    .addOption(labOption())
    .action(async (node, { follow, lab: name }) => {
      await using lab = await theLab(name);
      const nodes = join(lab.directory, "nodes");
      if (!(await readdir(nodes)).includes(node)) {
        throw new UserError(`There is no node "${node}" in lab "${lab.name}"`, { suggestion: "see: testbed status" });
      }
      const folder = join(nodes, node);
      const files = await readdir(folder);
      const logs = files.filter((file) => file.endsWith(".log")).map((file) => join(folder, file));
      if (follow === true)
        await execa("tail", ["-n", "+1", "-F", ...logs], {
          stdio: "inherit",
          cancelSignal: interrupt.signal,
          reject: false,
        });
      else for (const log of logs) for await (const chunk of createReadStream(log)) await print(chunk);
    });
};

async function runInside(lab: RunningLab, node: string, command: readonly string[]): Promise<number> {
  const [program = "", ...words] = await lab.execArguments(node, command);
  const result = await execa(program, words, { stdio: "inherit", reject: false, env: { PATH: toolPath() } });
  // As a shell has it: 128 and the signal's number.
  return result.exitCode ?? 128 + (result.signal === undefined ? 0 : constants.signals[result.signal]);
}
