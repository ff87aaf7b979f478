// Where a lab's nodes live: asked for with --runtime, or chosen here. The choice and its reason are said and recorded.
import { Option } from "@commander-js/extra-typings";
import { dockerRuntime, netnsRuntime, type Runtime } from "../lab/index.js";

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
  new Option("--runtime <runtime>", "where nodes live; auto, the default, is netns for now").choices(names);

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
    "where nodes live; auto, the default, is netns for now; sim is virtual time",
  ).choices(runNames);

export function chosenRuntime(choice: RuntimeChoice = "auto"): ChosenRuntime {
  if (choice === "netns") return { runtime: netnsRuntime, name: "netns", reason: "asked for" };
  if (choice === "docker") return { runtime: dockerRuntime, name: "docker", reason: "asked for" };
  // Not docker yet, even where an engine answers: docs/limitations.md lists what it lacks.
  return { runtime: netnsRuntime, name: "netns", reason: "the docker runtime is not complete: ask for it by name" };
}

/** One line for people. */
export const runtimeLine = ({ name, reason }: Pick<ChosenRuntime, "reason"> & { readonly name: string }): string =>
  `runtime ${name} (${reason})`;
