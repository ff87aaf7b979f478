// Into a node: exec, shell, logs.
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { examples } from "../examples.js";
import { runInside } from "../inside.js";
import { labOption, theLab } from "../labs.js";
import { print } from "../output.js";
import type { Register } from "../program.js";
import { hasCode, UserError } from "../../system/index.js";

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
      process.exitCode = await runInside(lab, node, [process.env["SHELL"] ?? "/bin/sh"], {
        interrupt,
        stdio: "inherit",
        leftovers: "stay",
      });
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
      const folder = join(lab.directory, "nodes", node);
      const files = await readdir(folder).catch((error: unknown) => {
        if (!hasCode(error, "ENOENT", "ENOTDIR")) throw error;
        throw new UserError(`There is no node "${node}" in lab "${lab.name}"`, { suggestion: "see: testbed status" });
      });
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
