// Where a lab's nodes live: asked for with --runtime, or chosen here. The choice and its reason are said and recorded.
import { Option } from "@commander-js/extra-typings";
import { dockerRuntime, engineFitness, netnsRuntime, noEngineIsThere, type Runtime } from "../lab/index.js";
import { UserError } from "../system/index.js";
import { allLabs } from "./labs.js";

const names = ["auto", "docker", "netns"] as const;
export type RuntimeChoice = (typeof names)[number];
const runNames = [...names, "sim"] as const;
/** Runs may be simulated; labs that stay up may not. */
export type RunRuntimeChoice = (typeof runNames)[number];

export interface ChosenRuntime {
  readonly runtime: Runtime;
  readonly name: "docker" | "netns";
  /** Why this one, for people and for the manifest. */
  readonly reason: string;
}

/** No default by commander: who resumes a run may not choose, and must be able to tell. */
export const runtimeOption = (): Option<"--runtime <runtime>", undefined, undefined, undefined, false, RuntimeChoice> =>
  new Option(
    "--runtime <runtime>",
    "where nodes live; auto, the default: docker where an engine can be used, else netns",
  ).choices(names);

export const runRuntimeOption = (): Option<
  "--runtime <runtime>",
  undefined,
  undefined,
  undefined,
  false,
  RunRuntimeChoice
> =>
  new Option(
    "--runtime <runtime>",
    "where nodes live; auto, the default: docker where an engine can be used, else netns; sim: virtual time",
  ).choices(runNames);

export async function chosenRuntime(choice: RuntimeChoice = "auto"): Promise<ChosenRuntime> {
  if (choice === "netns") return { runtime: netnsRuntime, name: "netns", reason: "asked for" };
  if (choice === "docker") return { runtime: dockerRuntime, name: "docker", reason: "asked for" };
  const { fit, why } = await engineFitness();
  return fit
    ? { runtime: dockerRuntime, name: "docker", reason: why }
    : { runtime: netnsRuntime, name: "netns", reason: `docker cannot be used: ${why}` };
}

/** The runtime that will be chosen, where that is known without asking an engine. */
export function foreseenRuntime(choice: RuntimeChoice = "auto"): Runtime | undefined {
  if (choice === "auto") return noEngineIsThere() ? netnsRuntime : undefined;
  return choice === "netns" ? netnsRuntime : dockerRuntime;
}

/** One line for people. */
export const runtimeLine = ({ name, reason }: Pick<ChosenRuntime, "reason"> & { readonly name: string }): string =>
  `runtime ${name} (${reason})`;

/** A lab of the same name in the other runtime would be taken for this one. */
export async function refuseNamesake(lab: string, chosen: ChosenRuntime): Promise<void> {
  const other = (await allLabs()).find((each) => each.name === lab && each.alive && each.runtime !== chosen.name);
  if (other === undefined) return;
  throw new UserError(`Lab "${lab}" runs already, in runtime ${other.runtime}`, {
    suggestion: `end it with   testbed down --lab ${lab}   or give this one another name with --name`,
  });
}
