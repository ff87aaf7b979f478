// The timeline of one repetition as a machine: load, warm-up, faults and heals at their instants, load off, drain, end.
// The host calls `observe` for every event, and `step` after events and no later than `deadline()`; actions go in order.
//
//     waiting ──leader known──▶ loading ──first commit at a peer──▶ warming ──warm-up──▶ running ──duration──▶ draining ──▶ over
import { after, earliest, milliseconds, randomFrom, seconds, type Duration, type Instant } from "../base/index.js";
import type { Event } from "../boundary/index.js";
import type { Experiment, FaultSpec } from "../spec/index.js";
import type { Plan } from "../plan/index.js";
import type { Action } from "./contract.js";
import { Drain } from "./drain.js";
import { Roles } from "./roles.js";
import { resolveFault } from "./targets.js";

/** How long a lab that is ready may take to its first commit under load before the run is given up. */
const firstCommitWithin: Duration = seconds(60);

type Stage =
  | { readonly kind: "waiting"; readonly giveUpAt: Instant }
  | { readonly kind: "loading"; readonly giveUpAt: Instant }
  | { readonly kind: "warming"; readonly until: Instant }
  | { readonly kind: "running"; readonly until: Instant }
  | { readonly kind: "draining"; readonly until: Instant }
  | { readonly kind: "over" };

type Due = { readonly at: Instant; readonly fault: number } & (
  | { readonly kind: "inject"; readonly spec: FaultSpec }
  | { readonly kind: "heal" }
);

export class Director {
  readonly #plan: Plan;
  readonly #experiment: Experiment;
  readonly #shift: Duration;
  readonly #roles: Roles;
  readonly #drain: Drain;
  #stage: Stage | undefined;
  #due: readonly Due[] = [];
  /** How many of them have been done: a long timeline is not copied at each instant. */
  #doneCount = 0;
  #committed = false;
  #pinned: string | undefined;

  /** `seed` is the repetition's own; the phase draw is a function of it alone. */
  constructor(plan: Plan, experiment: Experiment, seed: string) {
    this.#plan = plan;
    this.#experiment = experiment;
    const span = Math.max(0, experiment.phase - 1);
    this.#shift = (span === 0 ? 0 : randomFrom(seed, "fault-phase").integer(0, span)) as Duration; // integer microseconds by construction
    this.#roles = new Roles(plan);
    this.#drain = new Drain(plan);
  }

  observe(event: Event): void {
    this.#roles.observe(event);
    this.#drain.observe(event);
    if (event.kind === "block" && event.role === "peer" && event.transactions.length > 0) this.#committed = true;
  }

  /** Everything due at `now`. Call it first when the lab is ready. */
  step(now: Instant): readonly Action[] {
    this.#stage ??= { kind: "waiting", giveUpAt: after(now, firstCommitWithin) };
    const actions: Action[] = [];
    for (let moved = true; moved; ) moved = this.#advance(now, actions);
    return actions;
  }

  deadline(): Instant | undefined {
    const stage = this.#stage;
    if (stage === undefined || stage.kind === "over") return undefined;
    if (stage.kind === "waiting" || stage.kind === "loading") return stage.giveUpAt;
    if (stage.kind === "draining") return earliest(stage.until, this.#drain.quietAt());
    return stage.kind === "running" ? earliest(this.#due[this.#doneCount]?.at, stage.until) : stage.until;
  }

  /** One transition or one due action; true when another may follow. */
  #advance(now: Instant, actions: Action[]): boolean {
    const stage = this.#stage;
    switch (stage?.kind) {
      case "waiting":
        return this.#roles.leader() === undefined
          ? this.#giveUp(now, stage.giveUpAt, "no orderer has stated who leads", actions)
          : this.#startLoad(now, actions);
      case "loading":
        return this.#committed
          ? this.#enter({ kind: "warming", until: after(now, this.#experiment.warmUp) }, "warm", actions)
          : this.#giveUp(now, stage.giveUpAt, "no transaction was committed at a peer", actions);
      case "warming":
        return now >= stage.until && this.#startTimeline(now, actions);
      case "running":
        return this.#runTimeline(now, stage.until, actions);
      case "draining":
        return (now >= stage.until || this.#drain.isQuiet(now)) && this.#end("", actions);
      default:
        return false;
    }
  }

  #startLoad(now: Instant, actions: Action[]): boolean {
    this.#pinSources(actions);
    actions.push({ kind: "start-workload", workload: this.#experiment.workload });
    return this.#enter({ kind: "loading", giveUpAt: after(now, firstCommitWithin) }, "workload-started", actions);
  }

  /** Before the load, and again before the first fault: a role may have moved while the lab warmed up. */
  #pinSources(actions: Action[]): void {
    const source = this.#blockSource();
    if (source === undefined || source === this.#pinned) return;
    this.#pinned = source;
    for (const node of this.#plan.nodes) {
      if (node.kind === "peer") actions.push({ kind: "pin-source", peer: node.name, orderer: source });
    }
  }

  /** The last follower: experiments that fault a follower name the first ones. */
  #blockSource(): string | undefined {
    if (this.#experiment.blockSource === "as-topology") return undefined;
    return this.#experiment.blockSource === "leader" ? this.#roles.leader() : this.#roles.followers().at(-1);
  }

  #startTimeline(now: Instant, actions: Action[]): boolean {
    this.#pinSources(actions);
    const due: Due[] = [];
    for (const [index, entry] of this.#experiment.timeline.entries()) {
      const at = after(after(now, entry.at), this.#shift);
      due.push({ kind: "inject", at, fault: index + 1, spec: entry.fault });
      if (entry.for !== undefined) due.push({ kind: "heal", at: after(at, entry.for), fault: index + 1 });
    }
    this.#due = due.toSorted((left, right) => left.at - right.at || left.fault - right.fault);
    const until = after(after(now, this.#experiment.duration), this.#shift);
    return this.#enter({ kind: "running", until }, "timeline-started", actions);
  }

  #runTimeline(now: Instant, until: Instant, actions: Action[]): boolean {
    const next = this.#due[this.#doneCount];
    if (next !== undefined && next.at <= now && next.at <= until) {
      this.#doneCount++;
      if (next.kind === "heal") actions.push({ kind: "heal", fault: next.fault, dueAt: next.at });
      else {
        const resolved = resolveFault(next.spec, this.#plan, this.#roles);
        actions.push({ kind: "inject", fault: next.fault, resolved, dueAt: next.at });
      }
      return true;
    }
    if (now < until) return false;
    actions.push({ kind: "stop-workload" }, { kind: "phase", phase: "timeline-ended" });
    this.#drain.start(now);
    return this.#enter({ kind: "draining", until: after(now, this.#experiment.drain) }, "workload-stopped", actions);
  }

  #enter(stage: Stage, phase: Extract<Action, { kind: "phase" }>["phase"], actions: Action[]): boolean {
    this.#stage = stage;
    actions.push({ kind: "phase", phase });
    return true;
  }

  #giveUp(now: Instant, giveUpAt: Instant, why: string, actions: Action[]): boolean {
    if (now < giveUpAt) return false;
    return this.#end(`Gave up after ${firstCommitWithin / milliseconds(1000)} s: ${why}`, actions);
  }

  #end(problem: string, actions: Action[]): boolean {
    this.#stage = { kind: "over" };
    actions.push({ kind: "phase", phase: "stopped" }, { kind: "end", problem });
    return false;
  }
}
