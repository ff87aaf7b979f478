// Finding the lab a command is about: the named one, or the only one that runs.
import { dockerRuntime, netnsRuntime, type LabSummary, type RunningLab, type Runtime } from "../lab/index.js";
import { Option } from "@commander-js/extra-typings";
import { UserError } from "../system/index.js";

export const labOption = (): Option<"-l, --lab <name>", undefined, undefined, undefined, false, string> =>
  new Option("-l, --lab <name>", "which lab, when more than one runs");

/** Labs of both runtimes, by name. */
export async function allLabs(): Promise<readonly LabSummary[]> {
  const labs = [...(await netnsRuntime.list()), ...(await dockerRuntime.list())];
  return labs.toSorted((left, right) => (left.name < right.name ? -1 : 1));
}

const runtimeOf = ({ runtime }: LabSummary): Runtime => (runtime === "docker" ? dockerRuntime : netnsRuntime);

/** Attaches to the lab; the caller disposes of the connection. */
export async function theLab(name: string | undefined): Promise<RunningLab> {
  const found = await summaryOf(name);
  return runtimeOf(found).attach(found.name);
}

/** Ends the lab; answers its name. */
export async function endLab(name: string | undefined): Promise<string> {
  const found = await summaryOf(name);
  await runtimeOf(found).down(found.name);
  return found.name;
}

async function summaryOf(name: string | undefined): Promise<LabSummary> {
  // Known without an engine, which may be slow to answer.
  const near = (await netnsRuntime.list()).find((lab) => lab.name === name && lab.alive);
  if (near !== undefined) return near;
  const labs = await allLabs();
  const alive = labs.filter((lab) => lab.alive);
  const running = alive.map((lab) => lab.name).join(", ");
  if (name !== undefined) {
    // One that is dead is refused by the runtime, which knows what to do about it.
    const named = labs.find((lab) => lab.name === name);
    if (named !== undefined) return named;
    throw new UserError(`There is no lab named "${name}"`, {
      suggestion: running === "" ? "start one with: testbed up TOPOLOGY" : `running: ${running}`,
    });
  }
  const [only, ...others] = alive;
  if (only === undefined) {
    const dead = labs.length === 0 ? "" : "; of dead ones, testbed clean removes what is left";
    throw new UserError("No lab is running", { suggestion: `start one with: testbed up TOPOLOGY${dead}` });
  }
  if (others.length > 0) {
    throw new UserError(`${alive.length} labs are running`, { suggestion: `name one with --lab: ${running}` });
  }
  return only;
}
