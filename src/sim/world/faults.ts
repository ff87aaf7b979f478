// Faults of a world: the four kinds of down as lab/links/downs.ts does them, those of processes, daemons and whole nodes, and
// Byzantine orderers; each stated as requested, effective, heal-requested, healed. A fault is carried out at its instant:
// nothing is late in virtual time, but for the carrier across a cable, which follows its far end as late as the lab's agent
// lets it, and for what takes time by itself: a process that is told something, a service that starts.
import { assertNever, instant, type Instant } from "../../base/index.js";
import { misbehaviours, type Event, type FaultEvent } from "../../boundary/index.js";
import type { ResolvedFault } from "../../director/index.js";
import type { Scheduler } from "../scheduler.js";
import type { Member } from "./member.js";
import type { Network } from "./network.js";
import { NodeLives } from "./node-lives.js";
import { hasCarrier, type Interface } from "./segments.js";

/** docs/measured: the far kernel heard 0.2 to 2.8 ms after the near one. */
const carrierFollowsUs = 1_500;

interface Life {
  readonly fault: number;
  readonly target: string;
  readonly resolved: ResolvedFault;
  state: "requested" | "effective" | "failed" | "healing" | "healed";
  /** A heal was asked for before the fault took effect. */
  healWanted: boolean;
  undo: Undo;
}

/** Calls `healed` once it is undone. */
type Undo = (healed: (detail: string) => void) => void;

/** What a fault has done, and its undo. */
export interface Cut {
  readonly detail: string;
  readonly undo: Undo;
  /** The node begins again by itself. */
  readonly healsItself?: boolean;
}

/** Calls one of them once: when the fault is effective, or with the reason why it failed. */
export interface Outcome {
  readonly effective: (cut: Cut) => void;
  readonly failed: (reason: string) => void;
}

export interface FaultOptions {
  readonly network: Network;
  readonly members: ReadonlyMap<string, Member>;
  readonly scheduler: Scheduler;
  readonly emit: (event: Event) => void;
}

export class Faults {
  readonly #options: FaultOptions;
  readonly #nodes: NodeLives;
  readonly #lives: Life[] = [];
  #settled: () => void = () => undefined;

  constructor(options: FaultOptions) {
    this.#options = options;
    this.#nodes = new NodeLives(options, (end, fault, isDown) => this.#hold(end, fault, isDown));
  }

  inject(fault: number, resolved: ResolvedFault, dueAt: Instant): void {
    if (resolved.targets.length === 0) {
      const detail = `"${resolved.asked}" means nothing in this lab now`;
      return this.#tell({ fault, target: "", resolved }, "failed", detail, dueAt);
    }
    for (const target of resolved.targets) {
      const undo: Undo = (healed) => healed("");
      const life: Life = { fault, target, resolved, state: "requested", healWanted: false, undo };
      this.#lives.push(life);
      this.#tell(life, "requested", "", dueAt);
      this.#carryOut(life, {
        failed: (reason) => {
          life.state = "failed";
          this.#tell(life, "failed", reason, dueAt);
        },
        effective: (cut) => this.#effective(life, cut, dueAt),
      });
    }
  }

  /** Heals one fault, or all that are left. */
  heal(fault?: number, dueAt?: Instant): void {
    for (const life of this.#lives) if (fault === undefined || life.fault === fault) this.#heal(life, dueAt);
  }

  /** Calls back once nothing is being healed any more. */
  settled(then: () => void): void {
    this.#settled = then;
    this.#settle();
  }

  #settle(): void {
    if (!this.#lives.some(({ state, healWanted }) => state === "healing" || (state === "requested" && healWanted)))
      this.#settled();
  }

  #effective(life: Life, { detail, undo, healsItself = false }: Cut, dueAt: Instant): void {
    Object.assign(life, { state: "effective", undo });
    this.#tell(life, "effective", detail, dueAt);
    if (healsItself || life.healWanted) this.#heal(life, undefined);
  }

  #heal(life: Life, dueAt: Instant | undefined): void {
    if (life.state === "requested") life.healWanted = true;
    if (life.state !== "effective") return;
    life.state = "healing";
    this.#tell(life, "heal-requested", "", dueAt);
    life.undo((detail) => {
      life.state = "healed";
      this.#tell(life, "healed", detail, dueAt);
      this.#settle();
    });
  }

  #carryOut(life: Life, outcome: Outcome): void {
    const { what, how } = life.resolved;
    const { target } = life;
    switch (what) {
      case "interface-down":
        return this.#onInterface(life, outcome);
      case "process-kill":
      case "process-pause":
        return this.#onProcess(what, target, outcome);
      case "frr-kill":
        return outcome.effective(this.#nodes.killDaemons(target));
      case "node-stop":
      case "node-kill":
      case "node-pause":
      case "node-restart":
        return this.#nodes.cut(what, life, outcome);
      case "byzantine":
        return this.#turn(target, how, outcome);
      default:
        return assertNever(what);
    }
  }

  #onInterface({ resolved, target, fault }: Life, { effective, failed }: Outcome): void {
    const end = this.#options.network.interfaces.get(target);
    if (end === undefined) return failed(`Find ${target}: no such interface in this lab`);
    switch (resolved.how) {
      case "admin":
        return effective(this.#admin(end, fault));
      case "carrier":
        return effective(this.#carrier(end, fault));
      case "blackhole":
        return effective(this.#drop(end, fault, [end.dropsIn, end.dropsOut]));
      case "one-way":
        return effective(this.#drop(end, fault, [end.dropsOut]));
      default:
        return failed("an interface goes down in one of four ways");
    }
  }

  #onProcess(what: "process-kill" | "process-pause", node: string, { effective, failed }: Outcome): void {
    const member = this.#options.members.get(node);
    if (member?.service === undefined) return failed(`Find the service of ${node}: it has none, or it has ended`);
    if (what === "process-pause") {
      member.pause();
      const undo: Undo = (healed) => {
        member.resume();
        healed(`process of ${node} runs`);
      };
      return effective({ detail: `process of ${node} is stopped`, undo });
    }
    member.kill();
    const undo: Undo = (healed) => member.start(() => healed(`service of ${node} answers`));
    effective({ detail: `process of ${node} has ended`, undo });
  }

  /** One that is killed and starts again meanwhile is told again. */
  #turn(node: string, asked: string, { effective, failed }: Outcome): void {
    const how = misbehaviours.find((each) => each === asked);
    const member = this.#options.members.get(node);
    if (how === undefined || member?.service?.misbehave === undefined)
      return failed(`Turn ${node} ${asked}: no orderer runs there, or none that misbehaves in this way`);
    const undo: Undo = (healed) => {
      const done = (): void => healed(`${node} says that it is honest`);
      member.forget("misbehave");
      if (member.service === undefined) return done();
      member.ask((service) => {
        service.misbehave?.("");
        done();
      });
    };
    member.order("misbehave", (service) => service.misbehave?.(how));
    member.ask(() => effective({ detail: `${node} says that it misbehaves: ${how}`, undo }));
  }

  #admin(end: Interface, fault: number): Cut {
    this.#hold(end, fault, true);
    const undo: Undo = (healed) => {
      this.#hold(end, fault, false);
      healed("");
    };
    return { detail: stateText(end), undo };
  }

  #hold(end: Interface, fault: number, isDown: boolean): void {
    if (isDown) end.adminHolds.add(fault);
    else end.adminHolds.delete(fault);
    this.#follow(end);
  }

  /** On a cable both ends lose it; at a switch, or where carrier is isolated, only the target's. */
  #carrier(end: Interface, fault: number): Cut {
    const ends = end.segment.kind === "cable" ? end.segment.interfaces : [end];
    for (const each of ends) each.portHolds.add(fault);
    for (const each of ends) this.#followPort(each);
    const undo: Undo = (healed) => {
      for (const each of ends) each.portHolds.delete(fault);
      for (const each of ends) this.#followPort(each);
      healed("");
    };
    return { detail: stateText(end), undo };
  }

  #drop(end: Interface, fault: number, drops: readonly Set<number>[]): Cut {
    for (const each of drops) each.add(fault);
    this.#options.network.changed([end]);
    const undo: Undo = (healed) => {
      for (const each of drops) each.delete(fault);
      this.#options.network.changed([end]);
      healed("");
    };
    return { detail: `frames dropped at ${end.name}`, undo };
  }

  /** The node's own end, and a moment later the port at the far end of a cable. */
  #follow(end: Interface): void {
    const up = end.adminHolds.size === 0;
    if (end.adminUp === up) return;
    end.adminUp = up;
    this.#changed(end);
    if (end.segment.kind !== "cable") return;
    const { scheduler } = this.#options;
    scheduler.at(instant(scheduler.now + carrierFollowsUs), () => {
      for (const other of end.segment.interfaces) if (other !== end) this.#followPort(other);
    });
  }

  #followPort(end: Interface): void {
    const follows = end.segment.kind === "cable" ? end.segment.interfaces.filter((other) => other !== end) : [];
    const up = end.portHolds.size === 0 && follows.every((other) => other.adminUp);
    if (end.portUp === up) return;
    end.portUp = up;
    this.#changed(end);
  }

  #changed(end: Interface): void {
    const { network, emit, scheduler } = this.#options;
    network.changed([end]);
    emit({
      kind: "link",
      at: scheduler.now,
      node: end.node,
      interface: end.device,
      admin: end.adminUp ? "up" : "down",
      carrier: hasCarrier(end),
      deleted: false,
    });
  }

  #tell(
    { fault, target, resolved }: Pick<Life, "fault" | "target" | "resolved">,
    state: FaultEvent["state"],
    detail: string,
    dueAt: Instant | undefined,
  ): void {
    const { what, how, asked } = resolved;
    const { emit, scheduler } = this.#options;
    const at = scheduler.now;
    const due = dueAt === undefined ? {} : { dueAt };
    const lateness =
      dueAt !== undefined && (state === "effective" || state === "healed")
        ? { lateness: (at - dueAt) as NonNullable<FaultEvent["lateness"]> } // integer microseconds by construction
        : {};
    const node = target.split(":")[0] ?? "";
    emit({ kind: "fault", at, node, state, fault, what, how, target, asked, ...due, ...lateness, detail });
  }
}

const stateText = (end: Interface): string =>
  `${end.device} in ${end.node} is ${end.adminUp ? "up" : "down"}${hasCarrier(end) ? ", carrier" : ", no carrier"}`;
