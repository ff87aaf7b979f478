// One fuzzed run in two acts. First: safety, whatever the schedule does. Second: a quorum is healed, all faults stop, and
// all of it must decide again within a computed bound. Checkers stand outside the replicas and judge as it happens.
import {
  after,
  AssertionError,
  faultsTolerated,
  microseconds,
  milliseconds,
  sha256Hex,
  utf8,
  type Instant,
  type NodeId,
} from "../../base/index.js";
import { Cluster, type LogEntry } from "../cluster.js";
import type { Alarm, AlarmCode } from "./alarm.js";
import type { Equivocations } from "./equivocation-watch.js";
import { Faults } from "./faults.js";
import { quorumOf } from "./ledger-checker.js";
import type { Schedule, Setting } from "./schedule.js";
import { clusterOptions, progressBound } from "./setting.js";
import { explanationsOf, type Seen } from "./surprises.js";
import { Watch } from "./watch.js";

export interface FuzzResult {
  readonly schedule: Schedule;
  /** The first of each code, in order. */
  readonly alarms: readonly Alarm[];
  /** Alarms that no surprise explains; in `improved` all. */
  readonly unexplained: readonly Alarm[];
  /** Numbers of the surprises seen. */
  readonly sightings: Seen;
  readonly equivocations: Equivocations;
  /** Of every trace of every node: equal for equal schedules. */
  readonly traceHash: string;
  readonly decisions: number;
  readonly messages: number;
  readonly virtualMs: number;
  /** From healing to progress; undefined when none was made. */
  readonly recoveryMs: number | undefined;
  /** Which events fired, by index, and when; withheld ones of the fault budget are not among them. */
  readonly fired: readonly { readonly index: number; readonly at: Instant }[];
}

export interface FuzzHooks {
  /** Sees every trace, for diagrams. */
  readonly onTrace?: (entry: LogEntry) => void;
}

const progressBlocks = 3;

export function fuzzRun(schedule: Schedule, hooks: FuzzHooks = {}): FuzzResult {
  const { setting, seed } = schedule;
  const cluster = new Cluster(clusterOptions(seed, setting));
  const alarms = new Map<AlarmCode, Alarm>();
  const watch = new Watch(cluster, setting, (code, node, text) => {
    if (!alarms.has(code)) alarms.set(code, { code, at: cluster.now, node, text });
  });
  const hash = new TraceHash();
  const faults = new Faults(cluster, schedule, watch);
  cluster.onTrace = (entry) => {
    hash.add(entry);
    hooks.onTrace?.(entry);
    watch.trace(entry);
    if (entry.trace.kind === "step") faults.stepTaken(entry.node, entry.trace);
  };
  const stopped = (): boolean => alarms.has("disagreement") || alarms.has("storm");
  let recoveryMs: number | undefined;
  try {
    cluster.start();
    load(cluster, watch, setting.requestsPerSecond, setting.actOneMs, cluster.nodes);
    faults.begin();
    cluster.run(milliseconds(setting.actOneMs), stopped);
    if (!stopped()) recoveryMs = secondAct(cluster, watch, faults, schedule);
    if (!stopped() && recoveryMs === undefined) watch.stalled(progressBound(setting));
  } catch (error) {
    // What a replica asserts is what it was not meant to meet; anything else is a defect of the simulator, and passes.
    if (!(error instanceof AssertionError)) throw error;
    alarms.set("threw", { code: "threw", at: cluster.now, node: undefined, text: error.message });
  }
  const all = [...alarms.values()];
  const excused = (code: AlarmCode): boolean =>
    setting.fidelity === "library" && explanationsOf(code, watch.sightings).length > 0;
  return {
    schedule,
    alarms: all,
    unexplained: all.filter(({ code }) => !excused(code)),
    sightings: watch.sightings,
    equivocations: watch.equivocations,
    traceHash: hash.value,
    decisions: watch.height,
    messages: watch.messages,
    virtualMs: cluster.now / 1000,
    recoveryMs,
    fired: faults.fired,
  };
}

/** Answers how long it took, or undefined when the bound was passed. */
function secondAct(cluster: Cluster, watch: Watch, faults: Faults, { setting, events }: Schedule): number | undefined {
  // Who is a member may still change while requests for it wait in pools: then a quorum of now may be none soon.
  const changing = faults.fired.some(({ index }) => events[index]?.fault.kind === "reconfigure");
  const healed = changing ? watch.members : healedMembers(watch.members, setting, (id) => watch.isHonest(id));
  faults.end(changing ? faults.all : healed);
  watch.healed();
  const since = cluster.now;
  const goal = Math.max(...cluster.nodes.map((id) => cluster.ledger(id).height)) + progressBlocks;
  const bound = progressBound(setting);
  load(cluster, watch, setting.requestsPerSecond, bound / 1000, healed);
  const members = (): readonly NodeId[] => (changing ? watch.members : healed);
  const reached = (): boolean => members().every((id) => cluster.ledger(id).height >= goal);
  cluster.run(bound, () => watch.broken || reached());
  return reached() ? (cluster.now - since) / 1000 : undefined;
}

/**
 * Those that the schedule heals, and of the others, in order, as many as the members of now need for a quorum; and, as who
 * has lied counts as faulty to the end, as many honest ones as leave no more faulty in all than the members tolerate.
 */
function healedMembers(
  members: readonly NodeId[],
  { size, healed }: Setting,
  isHonest: (id: NodeId) => boolean,
): readonly NodeId[] {
  const outside = members.filter((id) => id <= size && !healed.includes(id));
  const inside = members.filter((id) => !outside.includes(id));
  const honest = outside.filter(isHonest);
  const liarCount = members.filter((id) => !isHonest(id)).length;
  const surplus = Math.max(0, honest.length + liarCount - faultsTolerated(members.length));
  const returned = honest.slice(0, surplus);
  const missing = Math.max(0, quorumOf(members.length) - inside.length - returned.length);
  const others = outside.filter((id) => !returned.includes(id)).slice(0, missing);
  return [...inside, ...returned, ...others].toSorted((left, right) => left - right);
}

/** An even rhythm; a client that is refused, or whose node is down, does not ask again. */
function load(cluster: Cluster, watch: Watch, perSecond: number, lengthMs: number, nodes: readonly NodeId[]): void {
  const every = microseconds(1_000_000 / perSecond);
  const end = after(cluster.now, milliseconds(lengthMs));
  const next = (at: Instant): void => {
    if (at > end) return;
    cluster.scheduler.at(at, () => {
      watch.submit(`${cluster.now}`, nodes);
      next(after(at, every));
    });
  };
  next(after(cluster.now, every));
}

class TraceHash {
  #value = "";
  #pending: string[] = [];

  add({ at, node, trace }: LogEntry): void {
    this.#pending.push(`${at} ${node} ${JSON.stringify(trace)}`);
    if (this.#pending.length >= 500) this.#fold();
  }

  get value(): string {
    this.#fold();
    return this.#value.slice(0, 16);
  }

  #fold(): void {
    this.#value = sha256Hex(utf8(`${this.#value}\n${this.#pending.join("\n")}`));
    this.#pending = [];
  }
}
