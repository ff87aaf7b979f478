// A schedule as an experiment file for labs (netns, docker): faults that have a counterpart there, at the instants at
// which they fired in virtual time, under the same timers. What has none is said, never left out in silence.
import { toMilliseconds } from "../../base/index.js";
import type { FuzzResult } from "./run.js";
import { eventText } from "./diagram.js";
import type { Event, Setting, Target } from "./schedule.js";
import { progressBound, timers } from "./setting.js";
import { isMisbehaviour } from "./ways.js";

export interface AsExperiment {
  readonly text: string;
  /** Events without a counterpart, each with the reason. */
  readonly without: readonly string[];
}

interface Entry {
  readonly atMs: number;
  readonly fault: "interface-down" | "process-kill" | "byzantine";
  readonly how?: string;
  readonly target: string;
  readonly forMs: number | undefined;
}

/** `topology`: the path to write, of a topology with as many orderers. */
export function asExperiment({ schedule, fired, alarms }: FuzzResult, topology: string): AsExperiment {
  const { setting, seed } = schedule;
  const without: string[] = [];
  const entries: Entry[] = [];
  for (const { index, at } of fired) {
    const event = schedule.events[index];
    if (event === undefined) continue;
    const entry = counterpart(event, at / 1000);
    if (typeof entry === "string") without.push(`${eventText(event)}: ${entry}`);
    else if (entries.some((other) => overlap(other, entry))) {
      without.push(`${eventText(event)}: a lab allows one fault at a time on a target`);
    } else entries.push(entry);
  }
  if (!setting.emptyAuxiliary) without.push("auxiliary data in commit signatures: Fabric has none");
  const durationMs = setting.actOneMs + toMilliseconds(progressBound(setting));
  const lines = [
    `# Fuzzing, seed ${seed}: ${alarms[0] === undefined ? "no alarm" : `${alarms[0].code}: ${alarms[0].text}`}`,
    ...without.map((line) => `# Without a counterpart in a lab: ${line}`),
    "format: 1",
    `name: fuzz-seed-${seed}`,
    `topology: ${JSON.stringify(topology)}`,
    "profile: fast",
    ...protocolLines(setting),
    "workload:",
    `  rate: ${setting.requestsPerSecond}/s`,
    "  size: 200B",
    "warm-up: 5s",
    entries.length === 0 ? "timeline: []" : "timeline:",
    ...entries.flatMap(entryLines),
    `duration: ${Math.ceil(durationMs / 1000)}s`,
    "drain: 10s",
    "phase: 0s",
    "repetitions: 1",
    `seed: "${seed}"`,
    "block-source: follower",
    "assert:",
    "  - committed-all: true",
  ];
  return { text: `${lines.join("\n")}\n`, without };
}

function counterpart({ fault, forMs }: Event, atMs: number): Entry | string {
  switch (fault.kind) {
    case "isolate":
      if (fault.way === "in") return "labs cut what a node says, or all";
      return {
        atMs,
        fault: "interface-down",
        how: fault.way === "out" ? "one-way" : "blackhole",
        target: targetText(fault.node),
        forMs,
      };
    case "partition": {
      const [only] = fault.nodes;
      if (fault.nodes.length !== 1 || only === undefined) return "labs cut single nodes off, not groups";
      return { atMs, fault: "interface-down", how: "blackhole", target: targetText(only), forMs };
    }
    case "crash":
      return { atMs, fault: "process-kill", target: targetText(fault.node), forMs: undefined };
    case "heal":
      return "faults of a timeline end by themselves";
    case "cut":
      return "labs cut all links of a node, not the way to another one";
    case "loss":
    case "delay":
    case "duplicate":
    case "reorder":
      return "impairments are properties of a topology's links, not faults of a timeline";
    case "slowDisk":
      return "labs do not slow disks down";
    case "complain":
      return "nothing asks an orderer's application to complain";
    case "burst":
      return "a workload has one rate";
    case "reconfigure":
      return "members are fixed for the life of a lab";
    case "byzantine": {
      const [only] = fault.nodes;
      if (!isMisbehaviour(fault.behaviour)) return `no wrapper is ${fault.behaviour}`;
      if (fault.nodes.length !== 1 || only === undefined) return "labs turn nodes one at a time";
      return { atMs, fault: "byzantine", how: fault.behaviour, target: targetText(only), forMs };
    }
  }
}

const targetText = (target: Target): string =>
  target === "leader" || target === "here" ? "leader" : target === "next" ? "follower" : `orderer${target}`;

const overlap = (left: Entry, right: Entry): boolean =>
  left.target === right.target &&
  left.atMs < right.atMs + (right.forMs ?? Infinity) &&
  right.atMs < left.atMs + (left.forMs ?? Infinity);

function entryLines({ atMs, fault, how, target, forMs }: Entry): readonly string[] {
  const head = [`  - at: ${Math.round(atMs)}ms`, `    fault: ${fault}`];
  const way = how === undefined ? [] : [`    how: ${how}`];
  return [...head, ...way, `    target: ${target}`, ...(forMs === undefined ? [] : [`    for: ${forMs}ms`])];
}

/** All of the fuzzed cluster's options, by SmartBFT's own names: as here, with a capital. */
function protocolLines({ fidelity, speedUpViewChange, syncOnStart, decisionsPerLeader }: Setting): readonly string[] {
  const options = {
    ...timers,
    speedUpViewChange,
    syncOnStart,
    leaderRotation: decisionsPerLeader > 0,
    decisionsPerLeader,
    fidelity,
  };
  return [
    "protocol:",
    ...Object.entries(options).map(([name, value]) => `  ${capital(name)}: ${optionText(name, value)}`),
  ];
}

const capital = (name: string): string => `${name.slice(0, 1).toUpperCase()}${name.slice(1)}`;
const optionText = (name: string, value: string | number | boolean): string =>
  typeof value === "number" && /(Timeout|Interval)$/.test(name) ? `${value / 1000}ms` : String(value);
