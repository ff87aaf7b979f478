// Faults of a world: the four kinds of down as lab/links/downs.ts does them, and those of processes; each stated as
// requested, effective, heal-requested, healed. A fault takes effect at its instant: nothing is late in virtual time, but for
// the carrier across a cable, which follows its far end as late as the lab's agent lets it.
import { instant } from "../../base/index.js";
import type { Event, FaultEvent } from "../../boundary/index.js";
import type { ResolvedFault } from "../../director/index.js";
import type { Instant } from "../../base/index.js";
import type { Scheduler } from "../scheduler.js";
import type { Member } from "./member.js";
import type { Network } from "./network.js";
import { hasCarrier, type Interface } from "./segments.js";

/** docs/measured: the far kernel heard 0.2 to 2.8 ms after the near one. */
const carrierFollowsUs = 1_500;

interface Life {
  readonly fault: number;
  readonly target: string;
  readonly resolved: ResolvedFault;
  readonly undo: () => void;
  healed: boolean;
}

export interface FaultOptions {
  readonly network: Network;
  readonly members: ReadonlyMap<string, Member>;
  readonly scheduler: Scheduler;
  readonly emit: (event: Event) => void;
}

export class Faults {
  readonly #options: FaultOptions;
  readonly #lives: Life[] = [];

  constructor(options: FaultOptions) {
    this.#options = options;
  }

  inject(fault: number, resolved: ResolvedFault, dueAt: Instant): void {
    if (resolved.targets.length === 0) {
      const detail = `"${resolved.asked}" means nothing in this lab now`;
      return this.#tell({ fault, target: "", resolved }, "failed", detail, dueAt);
    }
    for (const target of resolved.targets) {
      const life = { fault, target, resolved };
      this.#tell(life, "requested", "", dueAt);
      const cut = this.#carryOut(life);
      if (typeof cut === "string") {
        this.#tell(life, "failed", cut, dueAt);
        continue;
      }
      this.#lives.push({ ...life, undo: cut.undo, healed: false });
      this.#tell(life, "effective", cut.detail, dueAt);
    }
  }

  /** Heals one fault, or all that are left. */
  heal(fault?: number, dueAt?: Instant): void {
    for (const life of this.#lives) {
      if (life.healed || (fault !== undefined && life.fault !== fault)) continue;
      this.#tell(life, "heal-requested", "", dueAt);
      life.undo();
      life.healed = true;
      this.#tell(life, "healed", "", dueAt);
    }
  }

  #carryOut(life: Omit<Life, "undo" | "healed">): { readonly detail: string; readonly undo: () => void } | string {
    const { resolved, target, fault } = life;
    if (resolved.what === "process-kill" || resolved.what === "process-pause")
      return this.#onProcess(resolved.what, target);
    if (resolved.what !== "interface-down") return `${resolved.what} is not modelled`;
    const end = this.#options.network.interfaces.get(target);
    if (end === undefined) return `Find ${target}: no such interface in this lab`;
    switch (resolved.how) {
      case "admin":
        return this.#admin(end, fault);
      case "carrier":
        return this.#carrier(end, fault);
      case "blackhole":
        return this.#drop(end, fault, [end.dropsIn, end.dropsOut]);
      case "one-way":
        return this.#drop(end, fault, [end.dropsOut]);
      default:
        return "an interface goes down in one of four ways";
    }
  }

  #onProcess(what: "process-kill" | "process-pause", node: string) {
    const member = this.#options.members.get(node);
    if (member?.service === undefined) return `Find the service of ${node}: it has none, or it has ended`;
    if (what === "process-pause") {
      member.pause();
      return { detail: `process of ${node} is stopped`, undo: () => member.resume() };
    }
    member.kill();
    return { detail: `process of ${node} has ended`, undo: () => member.start(() => undefined) };
  }

  #admin(end: Interface, fault: number) {
    end.adminHolds.add(fault);
    this.#settle(end);
    const undo = (): void => {
      end.adminHolds.delete(fault);
      this.#settle(end);
    };
    return { detail: stateText(end), undo };
  }

  /** On a cable both ends lose it; at a switch, or where carrier is isolated, only the target's. */
  #carrier(end: Interface, fault: number) {
    const ends = end.segment.kind === "cable" ? end.segment.interfaces : [end];
    for (const each of ends) each.portHolds.add(fault);
    for (const each of ends) this.#settlePort(each);
    const undo = (): void => {
      for (const each of ends) each.portHolds.delete(fault);
      for (const each of ends) this.#settlePort(each);
    };
    return { detail: stateText(end), undo };
  }

  #drop(end: Interface, fault: number, drops: readonly Set<number>[]) {
    for (const each of drops) each.add(fault);
    this.#options.network.changed([end]);
    const undo = (): void => {
      for (const each of drops) each.delete(fault);
      this.#options.network.changed([end]);
    };
    return { detail: `frames dropped at ${end.name}`, undo };
  }

  /** The node's own end, and a moment later the port at the far end of a cable. */
  #settle(end: Interface): void {
    const up = end.adminHolds.size === 0;
    if (end.adminUp === up) return;
    end.adminUp = up;
    this.#changed(end);
    if (end.segment.kind !== "cable") return;
    const { scheduler } = this.#options;
    scheduler.at(instant(scheduler.now + carrierFollowsUs), () => {
      for (const other of end.segment.interfaces) if (other !== end) this.#settlePort(other);
    });
  }

  #settlePort(end: Interface): void {
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
    { fault, target, resolved }: Omit<Life, "undo" | "healed">,
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
