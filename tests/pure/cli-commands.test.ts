// Every command of the tree, walked: each has a description and examples that name it; each that has a result for programs
// prints it as JSON and is documented in docs/commands.md; those that have none are listed here with the reason.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "@commander-js/extra-typings";
import { describe, expect, it } from "vitest";
import { commandTree } from "../../src/cli/command-tree.js";
import { Interrupt } from "../../src/cli/interrupt.js";

const root = join(import.meta.dirname, "..", "..");
const tree = commandTree({ interrupt: new Interrupt(), commandLine: [] }, "0");

interface Walked {
  readonly name: string;
  readonly command: Command;
}

/** Names without `testbed`: "fault interface-down". */
function below(command: Command, path: readonly string[] = []): readonly Walked[] {
  return command.commands.flatMap((each) => {
    const own = [...path, each.name()];
    // commander's typings tell subcommands apart by their arguments; walked, all are commands
    return [{ name: own.join(" "), command: each as unknown as Command }, ...below(each as unknown as Command, own)];
  });
}

const walked = below(tree);
const leaves = walked.filter(({ command }) => command.commands.length === 0);
const formatsOf = (command: Command): readonly string[] =>
  command.options.find((option) => option.long === "--format")?.argChoices ?? [];

/** Help as a user sees it, with what was added after it. */
function helpOf(command: Command): string {
  let text = "";
  command.configureOutput({ writeOut: (more) => (text += more) });
  command.outputHelp();
  return text;
}

/** No result of their own that a program could read. */
const withoutJson: Readonly<Record<string, string>> = {
  schema: "prints JSON and nothing else",
  exec: "its output is the command's",
  shell: "its output is the shell's",
  logs: "its output is what others wrote",
  capture: "its output is text of tcpdump, or pcap",
  down: "says on stderr that it is done",
};

describe("every command", () => {
  it("is found by the walk", () => {
    const names = leaves.map(({ name }) => name);
    expect(names.length).toBeGreaterThan(22);
    expect(names).toEqual(expect.arrayContaining(["up", "graph", "capture", "link", "events", "fault interface-down"]));
  });

  it.each(walked.map(({ name }) => name))("%s has a description and examples that call it", (name) => {
    const { command } = walked.find((each) => each.name === name) ?? {};
    if (command === undefined) throw new Error(name);
    expect(command.description(), `testbed ${name}: describe it`).not.toBe("");
    const help = helpOf(command);
    const [, shown = ""] = help.split(/\nExamples?:\n/);
    const lines = shown.split("\n").filter((line) => line.trim() !== "");
    expect(lines.length, `testbed ${name} --help: add examples (src/cli/examples.ts)`).toBeGreaterThan(0);
    for (const line of lines) expect(line).toMatch(/^ {2}testbed /);
    expect(shown, `the examples of ${name} call something else`).toContain(`testbed ${name}`);
  });

  it.each(leaves.map(({ name }) => name))("%s prints JSON, or has no result of its own", (name) => {
    const { command } = leaves.find((each) => each.name === name) ?? {};
    if (command === undefined) throw new Error(name);
    const formats = formatsOf(command);
    expect(
      formats.includes("json"),
      `testbed ${name}: add -f json (formatOption or textOption), or take it out of withoutJson`,
    ).toBe(!(name in withoutJson));
  });

  it("has its JSON documented, and nothing else is", () => {
    const text = readFileSync(join(root, "docs", "commands.md"), "utf8");
    const documented = [...text.matchAll(/^#+ `testbed ([a-z -]+)`/gm)].map((match) => match[1] ?? "");
    const wanted = leaves.filter(({ name }) => !(name in withoutJson)).map(({ name }) => name);
    expect(documented.toSorted()).toEqual(wanted.toSorted());
  });

  it("makes its tables in the one place that makes JSON of them too", () => {
    const folder = join(root, "src", "cli");
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
    const makers = files.filter((file) => readFileSync(join(folder, file), "utf8").includes("cli-table3"));
    expect(makers).toEqual(["output.ts"]);
  });
});
