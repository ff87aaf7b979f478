// Examples at the end of a command's help: every command has some (tests/pure/cli-commands.test.ts).
export const examples = (...lines: readonly [string, ...string[]]): string =>
  `\n${lines.length === 1 ? "Example" : "Examples"}:\n${lines.map((line) => `  ${line}`).join("\n")}`;
