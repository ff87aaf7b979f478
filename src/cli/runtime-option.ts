// Where a lab's nodes live: asked for with --runtime, or chosen by what this machine has. The choice and its reason are said.
import { Option } from "@commander-js/extra-typings";
import { dockerRuntime, engineAnswers, netnsRuntime, type Runtime } from "../lab/index.js";

const names = ["auto", "docker", "netns"] as const;
export type RuntimeChoice = (typeof names)[number];

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
    "where nodes live; auto, the default: docker where an engine answers, else netns",
  ).choices(names);

export async function chosenRuntime(choice: RuntimeChoice = "auto"): Promise<ChosenRuntime> {
  if (choice === "netns") return { runtime: netnsRuntime, name: "netns", reason: "asked for" };
  if (choice === "docker") return { runtime: dockerRuntime, name: "docker", reason: "asked for" };
  const answer = await engineAnswers();
  if ("why" in answer) return { runtime: netnsRuntime, name: "netns", reason: "no Docker engine answers" };
  return { runtime: dockerRuntime, name: "docker", reason: `Docker engine ${answer.version} answers` };
}

/** One line for people. */
export const runtimeLine = ({ name, reason }: ChosenRuntime): string => `runtime ${name} (${reason})`;
