// The command of a host with the environment that its user gives it: for the command alone, not for FRR beside it.
import type { PlannedNode } from "../../plan/index.js";

export function commandOf({ command, host }: PlannedNode): readonly string[] {
  const variables = Object.entries(host.environment).map(([name, value]) => `${name}=${value}`);
  return command.length === 0 || variables.length === 0 ? command : ["env", ...variables, ...command];
}
