// Where the nodes of a lab live, as the agent needs it: a namespace each (namespace-process.ts) or a container each (docker/).
// Everything else of a lab (wires, faults, what is heard, what is waited for) is the same code for both.
import type { Instant } from "../../base/index.js";
import type { ProcessEvent } from "../../boundary/index.js";
import type { Plan, PlannedNode } from "../../plan/index.js";
import type { CommandResult } from "../../system/index.js";
import type { NodePlaces } from "./node-files.js";

export interface NodeProcessOptions {
  readonly directory: string;
  readonly node: PlannedNode;
  readonly emit: (event: ProcessEvent) => void;
}

/** What is found of a node as a whole. */
export interface HomeLook {
  /** Of the first process of the node; 0 when the node has ended. Another pid is another life. */
  readonly pid: number;
  readonly paused: boolean;
}

/** A node as a whole: everything in it ends, is frozen, and begins again in namespaces of its own. */
export interface NodeHome {
  /** Of the first process of this life, as it was opened; 0 where nobody but the agent can begin another. */
  readonly pid: number;
  look(): Promise<HomeLook>;
  /**
   * Ends every process in the node: `kill` at once, `stop` by asking first. Resolves when the kernel shows none, with the instant
   * at which that was seen and what else confirms it.
   */
  end(how: "stop" | "kill"): Promise<{ readonly at: Instant; readonly detail: string }>;
  /** Freezes every process in the node; its kernel goes on to answer. Resolves when read back. */
  pause(): Promise<string>;
  resume(): Promise<string>;
  /** The node has ended: lets go of what would keep its namespaces. */
  letGo(): Promise<void>;
  /** Gives an ended node namespaces again, known by its name and number, with its kernel settings and no wires. */
  open(options: { readonly signal: AbortSignal }): Promise<void>;
}

/** One node's processes: its FRR daemons and the service. */
export interface NodeProcess {
  /** As the lab's plan has it now. */
  readonly node: PlannedNode;
  readonly places: NodePlaces;
  readonly home: NodeHome;
  /** The plan has changed while the node ran: from its next start on these are its wires. */
  adopt(node: PlannedNode): void;
  /** Lets the node begin: its wires are there. */
  start(): void;
  /** Starts the service again, in the node as it still is. */
  restartService(): void;
  /** Starts FRR's daemons again, beside the service; `configured` tells when they have their configuration. */
  restartFrr(): void;
  /** Pids, as the agent sees them, of FRR's daemons that run; by their names. */
  daemons(): Promise<ReadonlyMap<string, number>>;
  /** What the CLI needs to enter this node (RunningLab.execArguments of the same runtime knows the rest). */
  enter(): Promise<readonly string[]>;
  /** It runs nothing of its own: its namespace is all there is of it, and it has no process until somebody enters it. */
  readonly isBare: boolean;
  /** Pid, as the agent sees it, of the service, or of the start script where there is none; 0 when there is none (yet). */
  readonly pid: number;
  /** The service has been asked for and has no pid yet. */
  readonly starting: boolean;
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
}

export interface MakingNamespaces {
  readonly signal: AbortSignal;
  /** Resolves when the kernel is heard, which must be before a namespace has a name. Begins with its first call. */
  readonly hears: () => Promise<void>;
}

export interface Homes {
  readonly runtime: "netns" | "docker";
  /** What `makeNamespaces` makes, in the plural, for people. */
  readonly noun: string;
  /** Versions of what the nodes live in, for the environment event. */
  versions(): Promise<Readonly<Record<string, string>>>;
  processFor(options: NodeProcessOptions): NodeProcess;
  /** The switchboard has its kernel settings when this resolves; nothing is laid in it before. */
  settleSwitchboard(plan: Plan): Promise<void>;
  /** Makes the network namespace of each of `plan.steps.namespaces` with its kernel settings, known by the node's name (ip-netns) and number. */
  makeNamespaces(plan: Plan, options: MakingNamespaces): Promise<void>;
  /** Forgets a node that has ended for good; its namespace's name is the caller's to drop. */
  remove(node: PlannedNode, options: { readonly signal: AbortSignal }): Promise<void>;
  /** Kills every node that does not end with the agent by itself: the agent's last act, of which it tells nobody. */
  endAll(): void;
  /**
   * Tells from now on of nodes that somebody else may have ended, started, frozen: the caller looks at them. `trouble` takes
   * what keeps it from hearing. Nothing to tell where only the agent can do so.
   */
  watch(options: { readonly changed: (node: string) => void; readonly trouble: (text: string) => void }): void;
}
