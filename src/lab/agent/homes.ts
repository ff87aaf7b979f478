// Where the nodes of a lab live, as the agent needs it: a namespace each (namespace-process.ts) or a container each (docker/).
// Everything else of a lab (wires, faults, what is heard, what is waited for) is the same code for both.
import type { ProcessEvent } from "../../boundary/index.js";
import type { Plan, PlannedNode } from "../../plan/index.js";
import type { CommandResult } from "../../system/index.js";
import type { NodePlaces } from "./node-files.js";

export interface NodeProcessOptions {
  readonly directory: string;
  readonly node: PlannedNode;
  readonly emit: (event: ProcessEvent) => void;
}

/** One node's processes: its FRR daemons and the service. */
export interface NodeProcess {
  readonly node: PlannedNode;
  readonly places: NodePlaces;
  /** Lets the node begin: its wires are there. */
  start(): void;
  /** Starts the service again, in the node as it still is. */
  restartService(): void;
  /** What the CLI needs to enter this node (RunningLab.execArguments of the same runtime knows the rest). */
  enter(): readonly string[];
  /** Pid, as the agent sees it, of the service, or of the start script where there is none; 0 when it has ended. */
  readonly pid: number;
  /** FRR has its configuration; at once true for a node without FRR. */
  readonly configured: boolean;
  /** What is wrong with this node's processes, for a person; empty when nothing is. */
  readonly trouble: string;
  /** The last lines that the start script and the service have printed. */
  lastWords(): Promise<string>;
  /** Resolves when the present service process has ended; at once when there is none. */
  ended(): Promise<void>;
  /** Runs a command in this node to its end, whatever its exit code; rejects when it cannot be run. */
  run(command: readonly string[], options: { readonly signal: AbortSignal }): Promise<CommandResult>;
  /** Ends every process of this node, for good: its namespace can go. */
  end(options: { readonly signal: AbortSignal }): Promise<void>;
}

export interface Homes {
  readonly runtime: "netns" | "docker";
  /** What `makeNamespaces` makes, in the plural, for people. */
  readonly noun: string;
  /** Versions of what the nodes live in, for the environment event. */
  versions(): Promise<Readonly<Record<string, string>>>;
  processFor(options: NodeProcessOptions): NodeProcess;
  /** Makes the network namespace of each of `plan.steps.namespaces` with its kernel settings, known by the node's name (ip-netns) and number. */
  makeNamespaces(plan: Plan, options: { readonly signal: AbortSignal }): Promise<void>;
}
