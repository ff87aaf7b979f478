// Hosts the director in a world, as lab/agent/run-host.ts does in a lab: feeds it what happens, calls it on time, carries its
// actions out; and looks at the orderers' pools once a second.
import { after, assertNever, instant, seconds } from "../../base/index.js";
import type { Event, PhaseEvent } from "../../boundary/index.js";
import { Director, type Action } from "../../director/index.js";
import type { Plan } from "../../plan/index.js";
import type { Experiment } from "../../spec/index.js";
import type { Scheduler } from "../scheduler.js";
import type { Faults } from "./faults.js";
import type { Member } from "./member.js";
import type { Network } from "./network.js";

export interface RunHostOptions {
  readonly plan: Plan;
  readonly experiment: Experiment;
  readonly seed: string;
  readonly scheduler: Scheduler;
  readonly members: ReadonlyMap<string, Member>;
  readonly network: Network;
  readonly faults: Faults;
  readonly emit: (event: Event) => void;
}

const poolEvery = seconds(1);
/** A node that ended once more while it was told to be honest never answers. */
const healWithin = seconds(60);

export class RunHost {
  readonly #options: RunHostOptions;
  readonly #director: Director;
  #running = false;
  #ending = false;
  #over = false;
  #stepPlanned = false;
  #planned: number | undefined;

  constructor(options: RunHostOptions) {
    this.#options = options;
    this.#director = new Director(options.plan, options.experiment, options.seed);
  }

  /** The run has ended: nothing more happens that anybody counts. */
  get over(): boolean {
    return this.#over;
  }

  observe(event: Event): void {
    this.#director.observe(event);
    // What a director decides by: roles, commits, acceptances. All else comes with its deadline.
    const matters = event.kind === "block" || event.kind === "request" || event.kind === "step";
    if (!this.#running || this.#ending || this.#stepPlanned || !matters) return;
    if (event.kind === "step" && event.step !== "viewStarting") return;
    this.#stepPlanned = true;
    const { scheduler } = this.#options;
    scheduler.at(scheduler.now, () => {
      this.#stepPlanned = false;
      this.#step();
    });
  }

  /** The lab is up. */
  begin(): void {
    this.#phase("ready");
    this.#running = true;
    this.#watchPools();
    this.#step();
  }

  #step(): void {
    if (this.#ending) return;
    const { scheduler } = this.#options;
    for (const action of this.#director.step(scheduler.now)) this.#carryOut(action);
    const deadline = this.#director.deadline();
    if (this.#ending || deadline === undefined || this.#planned === deadline) return;
    this.#planned = deadline;
    scheduler.at(instant(Math.max(deadline, scheduler.now)), () => {
      if (this.#planned !== deadline) return;
      this.#planned = undefined;
      this.#step();
    });
  }

  #carryOut(action: Action): void {
    const { members, faults } = this.#options;
    switch (action.kind) {
      case "phase":
        // The last one comes after everything else: with the end.
        return action.phase === "stopped" ? undefined : this.#phase(action.phase);
      case "start-workload":
        return this.#askClients((member) =>
          member.order("workload", (service) => service.startWorkload?.(action.workload)),
        );
      case "stop-workload":
        return this.#askClients((member) => {
          member.forget("workload");
          member.ask((service) => service.stopWorkload?.());
        });
      case "pin-source":
        return members.get(action.peer)?.order("source", (service) => service.pinSource?.(action.orderer));
      case "inject":
        return faults.inject(action.fault, action.resolved, action.dueAt);
      case "heal":
        return faults.heal(action.fault, action.dueAt);
      case "end":
        return this.#end(action.problem);
      default:
        return assertNever(action);
    }
  }

  /** When everything is healed that can be. */
  #end(problem: string): void {
    const { faults, scheduler } = this.#options;
    this.#ending = true;
    faults.heal();
    faults.settled(() => this.#finish(problem));
    scheduler.at(after(scheduler.now, healWithin), () => this.#finish(problem));
  }

  #finish(problem: string): void {
    if (this.#over) return;
    const { emit, scheduler, network } = this.#options;
    this.#over = true;
    const drops = [...network.interfaces.values()].filter(({ direction }) => direction.drops > 0);
    const rows = drops.map(({ name, direction }) => ({ subject: name, measured: direction.drops }));
    for (const { subject, measured } of rows.length > 0 ? rows : [{ subject: "switchboard", measured: 0 }]) {
      emit({
        kind: "probe",
        at: scheduler.now,
        node: "",
        probe: "queue-drops",
        subject,
        asked: "",
        measured,
        unit: "count",
      });
    }
    if (problem !== "") emit({ kind: "log", at: scheduler.now, node: "", process: "director", text: problem });
    this.#phase("stopped");
  }

  #askClients(ask: (member: Member) => void): void {
    for (const member of this.#options.members.values()) if (member.kind === "client") ask(member);
  }

  #watchPools(): void {
    if (this.#over) return;
    const { members, emit, scheduler } = this.#options;
    for (const { name, kind, service } of members.values()) {
      const count = kind === "orderer" ? service?.status()["poolCount"] : undefined;
      if (typeof count !== "number") continue;
      const probe = { kind: "probe", probe: "pool", asked: "", unit: "count" } as const;
      emit({ ...probe, at: scheduler.now, node: name, subject: name, measured: count });
    }
    scheduler.at(after(scheduler.now, poolEvery), () => this.#watchPools());
  }

  #phase(phase: PhaseEvent["phase"]): void {
    const { emit, scheduler } = this.#options;
    emit({ kind: "phase", at: scheduler.now, node: "", phase });
  }
}
