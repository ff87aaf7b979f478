// Into a node: exec, shell, logs.
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import type { RunningLab } from "../../lab/index.js";
import { labOption, theLab } from "../labs.js";
import type { Register } from "../program.js";
import { UserError } from "../../system/index.js";

export const registerInside: Register = (program, { interrupt }) => {
  program
    .command("exec")
    .description("run a command inside a node, in its network and with its FRR")
    .argument("<node>")
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
    .argument("<node>")
    .addOption(labOption())
    .action(async (node, { lab: name }) => {
      await using lab = await theLab(name);
      process.exitCode = await runInside(lab, node, [process.env.SHELL ?? "/bin/sh"]);
    });

  program
    .command("logs")
    .description("what a node's processes wrote")
    .argument("<node>")
    .option("-f, --follow", "go on as lines are written")
    .addOption(labOption())
    .action(async (node, { follow, lab: name }) => {
      await using lab = await theLab(name);
      const folder = join(lab.directory, "nodes", node);
      const files = await readdir(folder).catch(() => {
        throw new UserError(`There is no node "${node}" in lab "${lab.name}"`, { suggestion: "see: testbed status" });
      });
      const logs = files.filter((file) => file.endsWith(".log")).map((file) => join(folder, file));
      if (follow === true)
        await execa("tail", ["-n", "+1", "-F", ...logs], {
          stdio: "inherit",
          cancelSignal: interrupt.signal,
          reject: false,
        });
      else for (const log of logs) await copyToStdout(log);
    });
};

async function runInside(lab: RunningLab, node: string, command: readonly string[]): Promise<number> {
  const [program, ...words] = await lab.execArguments(node, command);
  if (program === undefined) throw new UserError("No command was given", { suggestion: "write it after --" });
  const result = await execa(program, words, { stdio: "inherit", reject: false });
  return result.exitCode ?? 1;
}

async function copyToStdout(path: string): Promise<void> {
  if ((await stat(path)).size === 0) return;
  for await (const chunk of createReadStream(path)) process.stdout.write(chunk);
}
