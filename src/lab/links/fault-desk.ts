// Every fault of a lab, from the timeline or typed by hand: numbered, carried out, read back, stated as events, undone.
// requested → effective (read back) → heal-requested → healed (read back), or failed with the reason. A fault that aims
// at several interfaces is several lives under one number.
import { after, assert, assertNever, between, present, type Instant } from "../../base/index.js";
import {
  misbehaviours,
  type FaultEvent,
  type FaultHow,
  type HowDown,
  type NodeFaultKind,
} from "../../boundary/index.js";
import type { ResolvedFault } from "../../director/index.js";
import { now, OperatingError } from "../../system/index.js";
import type { FaultStatus } from "../contract.js";
import { turnByzantine, type TurnableNode } from "./byzantine-faults.js";
import type { Cut, Downs } from "./downs.js";
import type { EventSink } from "./event-sink.js";
import { killFrr, killService, pauseService, type FrrProcesses, type ServiceProcess } from "./process-faults.js";
import type { Wiring } from "./wiring.js";

export interface Injection {
  readonly resolved: ResolvedFault;
  /** Undefined for a fault typed by hand. */
  readonly dueAt: Instant | undefined;
}

interface Life {
  readonly fault: number;
  readonly target: string;
  readonly resolved: ResolvedFault;
  since: Instant;
  state: FaultStatus["state"] | "requested";
  /** Why it failed; empty until then. */
  detail: string;
  cut: Cut | undefined;
  /** Injection and heal of one life never overlap. */
  turn: Promise<void>;
}

export interface FaultDeskOptions {
  readonly wiring: Wiring;
  readonly downs: Downs;
  readonly log: EventSink;
  readonly serviceOf: (node: string) => ServiceProcess | undefined;
  readonly frrOf: (node: string) => FrrProcesses | undefined;
  /** Does it to a node as a whole. */
  readonly cutNode: (what: NodeFaultKind, node: string) => Promise<Cut>;
  readonly turnableOf: (node: string) => TurnableNode;
}

export class FaultDesk {
  readonly #options: FaultDeskOptions;
  readonly #lives: Life[] = [];
  #count = 0;

  constructor(options: FaultDeskOptions) {
    this.#options = options;
  }

  /** Sets numbers aside for a timeline, so that a fault typed by hand meanwhile gets another; answers the one before them. */
  reserve(count: number): number {
    const before = this.#count;
    this.#count += count;
    return before;
  }

  /** Starts at once; resolves when every target is effective or has failed. `fault` is a number that was reserved. */
  async inject(injection: Injection, fault: number): Promise<readonly FaultStatus[]> {
    const { resolved, dueAt } = injection;
    if (resolved.targets.length === 0) {
      this.#tell(lifeOf(fault, "", resolved), "failed", {
        dueAt,
        detail: `"${resolved.asked}" means nothing in this lab now`,
      });
      return [];
    }
    const lives = resolved.targets.map((target) => lifeOf(fault, target, resolved));
    this.#lives.push(...lives);
    await Promise.all(lives.map((life) => this.#begin(life, dueAt)));
    return lives.map(statusOf);
  }

  /** Heals one fault, or all of them when `fault` is 0; resolves when read back. */
  async heal(fault: number, dueAt?: Instant): Promise<readonly FaultStatus[]> {
    const lives = this.#lives.filter((life) => fault === 0 || life.fault === fault);
    await Promise.all(lives.map((life) => this.#end(life, dueAt)));
    return lives.map(statusOf);
  }

  statuses(): readonly FaultStatus[] {
    return this.#lives.map(statusOf);
  }

  /** Numbers of the faults that are in effect at an endpoint or node. */
  effectiveAt(target: string): readonly number[] {
    return this.#lives.filter((life) => life.target === target && life.state === "effective").map((life) => life.fault);
  }

  #begin(life: Life, dueAt: Instant | undefined): Promise<void> {
    const begin = async (): Promise<void> => {
      const requestedAt = now();
      // What is done at once is done before anybody is told: telling takes as long as a look at an interface.
      const carrying = this.#carryOut(life);
      carrying.catch(() => undefined); // waited for below
      await allDone();
      this.#tell(life, "requested", { at: requestedAt, dueAt, detail: "" });
      try {
        life.cut = await carrying;
        life.state = "effective";
        life.since = life.cut.at;
        const { orderedAt = life.since, detail } = life.cut;
        const lateness = dueAt === undefined ? {} : { lateness: between(dueAt, orderedAt) };
        this.#tell(life, "effective", { at: life.since, dueAt, detail, ...lateness });
        if (life.cut.healsItself === true) void this.#end(life, undefined); // its failure is an event
      } catch (error) {
        life.state = "failed";
        this.#tell(life, "failed", { dueAt, detail: messageOf(error) });
      }
    };
    life.turn = begin(); // its first turn: nothing is before it
    return life.turn;
  }

  #end(life: Life, dueAt: Instant | undefined): Promise<void> {
    life.turn = life.turn.then(async () => {
      if (life.state !== "effective") return;
      this.#tell(life, "heal-requested", { dueAt, detail: "" });
      try {
        const { at, detail } = await present(life.cut, "the undo of an effective fault").undo();
        life.state = "healed";
        const lateness = dueAt === undefined ? {} : { lateness: between(dueAt, at) };
        this.#tell(life, "healed", { at, dueAt, detail, ...lateness });
      } catch (error) {
        life.state = "failed";
        this.#tell(life, "failed", { dueAt, detail: `heal: ${messageOf(error)}` });
      }
    });
    return life.turn;
  }

  async #carryOut({ resolved, target, fault }: Life): Promise<Cut> {
    const { what, how } = resolved;
    switch (what) {
      case "interface-down": {
        assert(isDown(how), "an interface goes down in one of four ways");
        const endpoint = this.#options.wiring.endpoints.get(target);
        if (endpoint === undefined) throw new OperatingError(`Find ${target}: no such interface in this lab`);
        return this.#options.downs.cut(how, { endpoint, fault });
      }
      case "process-kill":
      case "process-pause":
        return this.#carryOutOnService(what, target);
      case "frr-kill":
        return this.#carryOutOnFrr(target);
      case "node-stop":
      case "node-kill":
      case "node-pause":
      case "node-restart":
        return this.#options.cutNode(what, target);
      case "byzantine": {
        const misbehaviour = misbehaviours.find((each) => each === how);
        const named = present(misbehaviour, "the way in which a Byzantine node misbehaves");
        return turnByzantine(target, named, this.#options.turnableOf(target));
      }
      default:
        return assertNever(what);
    }
  }

  async #carryOutOnFrr(node: string): Promise<Cut> {
    const frr = this.#options.frrOf(node);
    if (frr === undefined) throw new OperatingError(`Find FRR in ${node}: none runs there`);
    return killFrr(node, frr);
  }

  async #carryOutOnService(what: "process-kill" | "process-pause", node: string): Promise<Cut> {
    const service = this.#options.serviceOf(node);
    if (service === undefined) throw new OperatingError(`Find the service of ${node}: it has none`);
    return what === "process-kill" ? killService(node, service) : pauseService(node, service);
  }

  #tell(
    life: Life,
    state: FaultEvent["state"],
    facts: Pick<FaultEvent, "detail" | "lateness"> & { readonly at?: Instant; readonly dueAt: Instant | undefined },
  ): void {
    const { dueAt, at = now(), ...rest } = facts;
    if (state === "failed") life.detail = rest.detail;
    const { what, how, asked } = life.resolved;
    const node = life.target.split(":")[0] ?? "";
    const due = dueAt === undefined ? {} : { dueAt };
    this.#options.log.emit({
      kind: "fault",
      at,
      node,
      state,
      fault: life.fault,
      what,
      how,
      target: life.target,
      asked,
      ...due,
      ...rest,
    });
  }
}

/** What is due at this instant, of all faults, has been done as far as it waits for nobody; the event loop has not gone on. */
const allDone = (): Promise<void> => new Promise((resolve) => queueMicrotask(() => process.nextTick(resolve)));

const downs: readonly FaultHow[] = ["admin", "carrier", "blackhole", "one-way"] satisfies readonly HowDown[];
const isDown = (how: FaultHow): how is HowDown => downs.includes(how);

function lifeOf(fault: number, target: string, resolved: ResolvedFault): Life {
  return {
    fault,
    target,
    resolved,
    since: now(),
    state: "requested",
    detail: "",
    cut: undefined,
    turn: Promise.resolve(),
  };
}

function statusOf(life: Life): FaultStatus {
  const { what, how, asked } = life.resolved;
  // A status is asked for between turns; one that is only requested has not been read back, so it counts as failed so far.
  const [state, detail] =
    life.state === "requested"
      ? (["failed", "it has not been read back yet"] as const)
      : ([life.state, life.detail] as const);
  return { fault: life.fault, what, how, target: life.target, asked, since: life.since, state, detail };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** When a fault typed by hand is to heal; undefined: until somebody heals it. */
export const healAt = (injectedAt: Instant, healAfterUs: number): Instant | undefined =>
  healAfterUs > 0 ? after(injectedAt, healAfterUs as Parameters<typeof after>[1]) : undefined; // microseconds by contract
