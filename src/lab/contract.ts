// The contract between the CLI side (`run`, `cli`) and a running lab: what can be asked of an agent and what it answers.
// One JSON object a line on the lab's owner-only unix socket; every request is answered by one line with the same id.
import type { Instant } from "../base/index.js";
import type { Event, FaultKind, FaultHow } from "../boundary/index.js";
import type { Experiment } from "../spec/index.js";
import type { Plan } from "../plan/index.js";
import type { LabFolder } from "./lab-folder.js";

export type AgentRequest =
  | { readonly do: "status" }
  /** A fault typed by hand: `target` as written (`leader`, `orderer1:eth1`); `healAfterUs` 0 means until healed. */
  | {
      readonly do: "fault";
      readonly what: FaultKind;
      readonly how: FaultHow;
      readonly target: string;
      readonly healAfterUs: number;
    }
  | { readonly do: "faults" }
  /** Heal one fault, or all when `fault` is 0. */
  | { readonly do: "heal"; readonly fault: number }
  /** Start an experiment's repetition; its end is the `stopped` phase event. */
  | { readonly do: "run"; readonly experiment: Experiment; readonly seed: string }
  /** The plan the lab runs now, and the seed of its `up`. */
  | { readonly do: "plan" }
  /** Make the lab that of another plan; progress lines come before the answer. */
  | { readonly do: "reconcile"; readonly plan: Plan }
  /** Kernel truth of the link with these ends, as in LinkStatus. */
  | { readonly do: "link"; readonly ends: readonly [string, string] }
  | { readonly do: "down" };

/** One thing about an interface, its port or its queue: as planned, and as the kernel said when asked. */
export interface TruthRow {
  readonly what: string;
  /** Empty for what is only counted. */
  readonly asked: string | number;
  readonly kernel: string | number;
  readonly differs: boolean;
}

export interface EndTruth {
  /** `node:eth1`. */
  readonly endpoint: string;
  /** Its other end, in the switchboard, where its queue is. */
  readonly port: string;
  readonly rows: readonly TruthRow[];
}

export interface RunningPlan {
  readonly plan: Plan;
  readonly seed: string;
}

export interface NodeStatus {
  readonly name: string;
  readonly kind: string;
  readonly loopback: string;
  /** Pid of the node's start process inside the sandbox's pid namespace; 0 for a switch, and for what runs nothing. */
  readonly pid: number;
  readonly state: "running" | "ended" | "paused";
  /** What the service said last: view, leader, sequence, height …; empty for routers. */
  readonly facts: Readonly<Record<string, string | number | boolean>>;
}

export interface LinkStatus {
  /** `node:eth1`, or the name of a switch; in the topology's order. */
  readonly ends: readonly [string, string];
  readonly up: boolean;
  readonly faults: readonly number[];
}

export interface FaultStatus {
  readonly fault: number;
  readonly what: FaultKind;
  readonly how: FaultHow;
  readonly target: string;
  readonly asked: string;
  readonly since: Instant;
  readonly state: "effective" | "healed" | "failed";
  /** Why it failed, or empty. */
  readonly detail: string;
}

export interface LabStatus {
  readonly lab: string;
  readonly runtime: "netns" | "docker";
  readonly profile: string;
  readonly nodes: readonly NodeStatus[];
  readonly links: readonly LinkStatus[];
  readonly faults: readonly FaultStatus[];
  readonly running: string;
}

export type AgentAnswer =
  | { readonly id: number; readonly good: true; readonly result: unknown }
  | {
      readonly id: number;
      readonly good: false;
      /** Which class of error it was inside the agent, hence which exit code it becomes. */
      readonly kind: "user" | "environment" | "operating";
      /** The whole text with causes, for people. */
      readonly error: string;
      readonly suggestion: string;
      /** What the machine lacks, for kind `environment`. */
      readonly missing: readonly string[];
    };

/** What `up` reports while it works: one line per phase with its time. */
export interface Progress {
  readonly phase: string;
  readonly milliseconds: number;
}

/** What was started before the plan was known (`Runtime.begin`). Nothing of a lab is there; disposing ends it, unless `up` has taken it. */
export type Beginning = AsyncDisposable;

export interface UpOptions {
  readonly beginning?: Beginning | undefined;
  readonly seed: string;
  readonly messageTrace: boolean;
  readonly progress: (progress: Progress) => void;
  readonly signal: AbortSignal;
}

/** A lab that runs, wherever its nodes live. Disposing lets go of the connection; only `down` ends the lab. */
export interface RunningLab extends AsyncDisposable {
  readonly name: string;
  /** Path of its folder on the machine where its nodes live. */
  readonly directory: string;
  /** That folder: events.ndjson, plan.json, agent.log and nodes/NAME/ with each node's *.log; gone after `down`. */
  readonly folder: LabFolder;
  status(): Promise<LabStatus>;
  fault(request: Extract<AgentRequest, { do: "fault" }>): Promise<readonly FaultStatus[]>;
  faults(): Promise<readonly FaultStatus[]>;
  heal(fault: number): Promise<readonly FaultStatus[]>;
  plan(): Promise<RunningPlan>;
  /** What the kernel says of both ends of a link, beside what the plan asks; a switch's end has none of its own. */
  link(ends: readonly [string, string]): Promise<readonly EndTruth[]>;
  /** Changes the lab into that of `plan`, which may differ in what `changesBetween` does not refuse. */
  reconcile(plan: Plan, progress: (progress: Progress) => void): Promise<void>;
  startRun(experiment: Experiment, seed: string): Promise<void>;
  /**
   * Lines of events.ndjson from a byte offset on, following until the `stopped` phase; rejects at the agent's end before it.
   * With `until: "gone"` it is the agent's end that ends them well, with "now" the last line that is there.
   */
  events(options: {
    readonly fromByte: number;
    readonly signal: AbortSignal;
    readonly until?: "stopped" | "gone" | "now";
  }): AsyncIterable<Event>;
  /** Command and arguments that run `command` inside a node: the caller spawns it with its own terminal. */
  execArguments(node: string, command: readonly string[]): Promise<readonly string[]>;
  /** The same as a session: it can be signalled, and ends when this process goes before `leave`. */
  session(node: string, command: readonly string[]): Promise<Session>;
  down(): Promise<void>;
}

/** A command inside a node that somebody waits for. */
export interface Session {
  readonly arguments: readonly string[];
  /** Its processes get what is typed at this terminal (Ctrl-C) from the terminal itself. */
  readonly sharesTerminal: boolean;
  /** Signals every process of it, wherever it is. */
  signal(name: NodeJS.Signals): Promise<void>;
  /** Ends what is left of it. */
  end(): Promise<void>;
  /** It has ended by itself: what it left is meant to stay. */
  leave(): Promise<void>;
}

export interface LabSummary {
  readonly name: string;
  readonly runtime: "netns" | "docker";
  readonly directory: string;
  readonly alive: boolean;
  readonly startedAt: string;
}

/** The verbs of a runtime. `netns` here; `docker` is its equal later. */
export interface Runtime {
  /** Rejects with EnvironmentLacks when this machine cannot run the plan; creates nothing. `up` asks it first. */
  check(plan: Plan, options: { readonly signal: AbortSignal }): Promise<void>;
  /** Starts ahead of the plan what takes time and every lab needs, where there is such a thing. It leaves nothing behind. */
  begin?(): Promise<Beginning>;
  up(plan: Plan, options: UpOptions): Promise<RunningLab>;
  attach(name: string): Promise<RunningLab>;
  /** Ends a lab; refuses what `attach` refuses. */
  down(name: string): Promise<void>;
  list(): Promise<readonly LabSummary[]>;
  /** Removes what dead labs left behind; touches nothing that is not ours. Answers what was removed. */
  clean(): Promise<readonly string[]>;
}
