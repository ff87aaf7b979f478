// Finding the lab a command is about: the named one, or the only one that runs.
import { netnsRuntime, type RunningLab } from "../lab/index.js";
import { Option } from "@commander-js/extra-typings";
import { UserError } from "../system/index.js";

export const labOption = (): Option<"-l, --lab <name>", undefined, undefined, undefined, false, string> =>
  new Option("-l, --lab <name>", "which lab, when more than one runs");

/** Attaches to the lab; the caller disposes of the connection. */
export async function theLab(name: string | undefined): Promise<RunningLab> {
  const alive = (await netnsRuntime.list()).filter((lab) => lab.alive);
  if (name !== undefined) {
    if (!alive.some((lab) => lab.name === name)) {
      const running = alive.map((lab) => lab.name).join(", ");
      throw new UserError(`There is no running lab named "${name}"`, {
        suggestion: running === "" ? "start one with: testbed up TOPOLOGY" : `running: ${running}`,
      });
    }
    return await netnsRuntime.attach(name);
  }
  const [only, ...others] = alive;
  if (only === undefined) {
    throw new UserError("No lab is running", { suggestion: "start one with: testbed up TOPOLOGY" });
  }
  if (others.length > 0) {
    throw new UserError(`${alive.length} labs are running`, {
      suggestion: `name one with --lab: ${alive.map((lab) => lab.name).join(", ")}`,
    });
  }
  return await netnsRuntime.attach(only.name);
}
