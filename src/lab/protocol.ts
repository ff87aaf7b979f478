// Lines between the CLI side and an agent, beyond what contract.ts promises to others: how `up` waits for a lab that builds
// itself, how `exec` finds a node's namespaces, and how the agent's errors become errors here with their exit codes.
import { EnvironmentLacks, errorText, OperatingError, UserError } from "../system/index.js";
import type { Plan } from "../plan/index.js";
import type { AgentAnswer, AgentRequest, Progress } from "./contract.js";
import type { LabRecord } from "./netns/state-folder.js";

/** For a CLI that cannot see the lab's folder. */
export type FolderRequest =
  | { readonly do: "read"; readonly file: string; readonly fromByte: number }
  | { readonly do: "list"; readonly folder: string }
  | { readonly do: "write"; readonly file: string; readonly text: string };

export type LabRequest =
  | AgentRequest
  | FolderRequest
  /** Answered when the lab is up, or has failed to come up; progress lines come before. */
  | { readonly do: "await-up" }
  /** Answered with a text when the lab can no longer tell what happens in it; else never. */
  | { readonly do: "await-trouble" }
  /** The command that enters a node from inside the sandbox. */
  | { readonly do: "enter"; readonly node: string }
  /** A command that carries this mark runs inside a node; it is ended when the connection closes before `leave`. */
  | { readonly do: "session"; readonly mark: string }
  | { readonly do: "signal"; readonly mark: string; readonly name: NodeJS.Signals }
  | { readonly do: "leave"; readonly mark: string }
  | { readonly do: "end-session"; readonly mark: string };

export type NumberedRequest = { readonly id: number } & LabRequest;

/** What the agent writes: an answer, or a line of progress to who waits for `await-up`. */
export type AgentLine = AgentAnswer | { readonly progress: Progress };

/** up.json: what the agent needs beside the plan. */
export interface UpSettings {
  readonly format: 1;
  readonly seed: string;
  readonly messageTrace: boolean;
  /** Image of the nodes' containers; empty: they live in namespaces. */
  readonly image: string;
  /** Program of orderers that are smartbft-go; empty: there are none. */
  readonly smartbftGo: string;
  /** What the engine runs containers by; empty: its own choice. */
  readonly containerRuntime: string;
  /** Whose lab it is, on labels (docker/engine.ts); empty in a netns lab, whose folder says so. */
  readonly owner: string;
}

/** What a lab's folder begins with. The first line to an agent in a container, which writes them down; requests follow. */
export interface LabFiles {
  readonly "lab.json": LabRecord;
  readonly "plan.json": Plan;
  readonly "up.json": UpSettings;
}

export function badAnswer(id: number, error: unknown): AgentAnswer {
  const kind = error instanceof UserError ? "user" : error instanceof EnvironmentLacks ? "environment" : "operating";
  return {
    id,
    good: false,
    kind,
    error: error instanceof EnvironmentLacks ? error.message : errorText(error),
    suggestion: error instanceof EnvironmentLacks ? error.suggestion : "",
    missing: error instanceof EnvironmentLacks ? error.missing : [],
  };
}

export function errorFrom(answer: Extract<AgentAnswer, { good: false }>): Error {
  switch (answer.kind) {
    case "user":
      return new UserError(answer.error, { suggestion: answer.suggestion });
    case "environment":
      return new EnvironmentLacks(answer.missing, { suggestion: answer.suggestion });
    case "operating":
      return new OperatingError(answer.error, { suggestion: answer.suggestion });
  }
}
