// Carries out a schedule's events: at an instant, or when the protocol takes a step. The fault budget holds here: at no
// time are more nodes down or Byzantine than the members tolerate, unless the schedule asks for more; who has lied counts
// to the end. Faults of links cost nothing of it: the network may be as bad as it likes.
import {
  after,
  faultsTolerated,
  instant,
  milliseconds,
  nodeId,
  present,
  type Instant,
  type NodeId,
} from "../../base/index.js";
import type { Trace } from "../../smartbft/index.js";
import type { Cluster } from "../cluster.js";
import { accomplices, turned, type Accomplices, type Lie, type Tongue } from "./behaviours.js";
import { Network, resolved } from "./network.js";
import type { Event, Fault, Schedule, Target } from "./schedule.js";
import { spareCount } from "./setting.js";
import type { Watch } from "./watch.js";
import { isMisbehaviour } from "./ways.js";

type StepTrace = Extract<Trace, { readonly kind: "step" }>;

export class Faults {
  readonly #cluster: Cluster;
  readonly #schedule: Schedule;
  readonly #watch: Watch;
  readonly #network: Network;
  /** Members and those that may become some. */
  readonly all: readonly NodeId[];
  readonly #liars = new Map<NodeId, Tongue>();
  /** Nodes in wrappers, and which turn of theirs it is. */
  readonly #wrapped = new Map<NodeId, number>();
  #turns = 0;
  readonly #accomplices: Accomplices;
  /** Occurrences so far, of the steps that events wait for; and what they were when each event fired, for the next one. */
  readonly #counts = new Map<string, number>();
  readonly #countsAt: (ReadonlyMap<string, number> | undefined)[] = [];
  readonly #waiting: { readonly index: number; readonly event: Event }[] = [];
  readonly fired: { readonly index: number; readonly at: Instant }[] = [];
  /** Who was asked to go, and the fewest members that there have been or will be for it. */
  readonly #leaving = new Set<NodeId>();
  #fewest: number;
  #over = false;
  #bursts = 0;

  constructor(cluster: Cluster, schedule: Schedule, watch: Watch) {
    this.#cluster = cluster;
    this.#schedule = schedule;
    this.#watch = watch;
    this.#fewest = schedule.setting.size;
    this.all = Array.from({ length: schedule.setting.size + spareCount }, (_, index) => nodeId(index + 1));
    this.#accomplices = accomplices(`${schedule.seed}`);
    this.#network = new Network(cluster, schedule.setting, this.all);
    watch.wholeness = () => this.#network.whole && this.#liars.size === 0 && this.#wrapped.size === 0;
    cluster.tamper = (bytes, { source, target }) => {
      const liar = this.#liars.get(source);
      if (liar === undefined) return bytes;
      this.#tell(source, liar.say(bytes, target));
      return undefined;
    };
    const observed = cluster.onArrival;
    cluster.onArrival = (bytes, link, says) => {
      observed(bytes, link, says);
      const liar = this.#liars.get(link.target);
      if (liar?.hear !== undefined && cluster.isRunning(link.target))
        this.#tell(link.target, liar.hear(bytes, link.source));
    };
  }

  begin(): void {
    for (const [index, event] of this.#schedule.events.entries()) {
      const { when } = event;
      if (when.at === "step") this.#waiting.push({ index, event });
      else this.#cluster.scheduler.at(instant(when.ms * 1000), () => this.#fire(index, event, undefined));
    }
  }

  #tell(source: NodeId, lies: readonly Lie[]): void {
    for (const { target, bytes, afterMs = 0 } of lies) {
      if (afterMs === 0) this.#cluster.post(source, target, bytes);
      else
        this.#cluster.scheduler.at(after(this.#cluster.now, milliseconds(afterMs)), () =>
          this.#cluster.post(source, target, bytes),
        );
    }
  }

  stepTaken(node: NodeId, { step }: StepTrace): void {
    this.#joinAdded(step);
    if (this.#over || this.#waiting.length === 0) return;
    const count = (this.#counts.get(step) ?? 0) + 1;
    this.#counts.set(step, count);
    for (const { index, event } of this.#waiting) {
      const { when } = event;
      if (when.at !== "step" || when.step !== step) continue;
      const before = when.chained === true ? this.#countsAt[index - 1] : none;
      if (before === undefined || when.count !== count - (before.get(step) ?? 0)) continue;
      // Never inside the step that it answers: a fault is an event of its own.
      this.#cluster.scheduler.at(after(this.#cluster.now, milliseconds(when.delayMs)), () =>
        this.#fire(index, event, node),
      );
    }
  }

  /** All faults stop; the nodes named run and reach each other, the others are out of reach. */
  end(healed: readonly NodeId[]): void {
    this.#over = true;
    this.#liars.clear();
    for (const id of this.#wrapped.keys()) this.#cluster.misbehave(id, "");
    this.#wrapped.clear();
    this.#network.heal();
    const others = this.all.filter((id) => !healed.includes(id));
    if (others.length > 0) this.#network.begin({ kind: "around", nodes: others });
    for (const id of healed) this.#start(id);
  }

  #fire(index: number, event: Event, here: NodeId | undefined): void {
    if (this.#over) return;
    const { fault, forMs = 0 } = event;
    // Also when the budget withholds it: what is chained to it goes on.
    this.#countsAt[index] ??= new Map(this.#counts);
    const until = after(this.#cluster.now, milliseconds(forMs));
    const node = (target: number | string): NodeId => this.#node(target as Target, here);
    const lasting = resolved(fault, node);
    if (lasting !== undefined) {
      this.#network.begin(lasting);
      this.#cluster.scheduler.at(until, () => {
        if (!this.#over) this.#network.end(lasting);
      });
    } else if (!this.#act(fault, node, until)) return;
    this.fired.push({ index, at: this.#cluster.now });
  }

  /** False when the budget, or the state of the cluster, withholds it. */
  #act(fault: Fault, node: (target: Target) => NodeId, until: Instant): boolean {
    switch (fault.kind) {
      case "heal":
        this.#network.heal();
        return true;
      case "crash":
        return this.#crash(node(fault.node), until);
      case "complain": {
        const ids = (fault.node === "all" ? this.#watch.members : [node(fault.node)]).filter((id) =>
          this.#cluster.isRunning(id),
        );
        for (const id of ids) this.#cluster.complain(id);
        return ids.length > 0;
      }
      case "burst": {
        const nodes = fault.node === "all" ? this.#cluster.nodes : [node(fault.node)];
        this.#bursts += 1;
        for (let index = 1; index <= fault.count; index++) this.#watch.submit(`burst ${this.#bursts} ${index}`, nodes);
        return true;
      }
      case "reconfigure":
        return this.#reconfigure(fault.order);
      case "byzantine":
        return fault.nodes.filter((id) => this.#turn(nodeId(id), fault.behaviour, until)).length > 0;
      default:
        throw new RangeError(`Fault "${fault.kind}" is one of the network`);
    }
  }

  /** Who is down or has ever lied. */
  get #faulty(): readonly NodeId[] {
    return this.#cluster.nodes.filter((id) => !this.#cluster.isRunning(id) || !this.#watch.isHonest(id));
  }

  /**
   * How many may be faulty. Whom a member believes to be members is what its ledger says, and ledgers differ: while a
   * removal is under way, or an addition, some decide with one quorum and some with the other. So the fewest count.
   */
  #tolerated(fewest = this.#fewest): number {
    return this.#schedule.setting.budget ?? faultsTolerated(fewest);
  }

  #affordable(id: NodeId): boolean {
    const faulty = this.#faulty;
    return faulty.includes(id) || faulty.length < this.#tolerated();
  }

  #crash(id: NodeId, until: Instant): boolean {
    if (!this.#cluster.isRunning(id) || !this.#affordable(id)) return false;
    this.#cluster.crash(id);
    this.#watch.died(id);
    this.#cluster.scheduler.at(until, () => this.#start(id));
    return true;
  }

  #start(id: NodeId): void {
    if (!this.#cluster.isRunning(id) && this.#cluster.nodes.includes(id)) this.#cluster.start([id]);
  }

  #turn(id: NodeId, behaviour: string, until: Instant): boolean {
    if (!this.#affordable(id)) return false;
    this.#watch.turned(id);
    if (isMisbehaviour(behaviour)) {
      const turn = ++this.#turns;
      this.#wrapped.set(id, turn);
      this.#cluster.misbehave(id, behaviour);
      this.#cluster.scheduler.at(until, () => {
        if (this.#wrapped.get(id) !== turn) return;
        this.#wrapped.delete(id);
        this.#cluster.misbehave(id, "");
      });
      return true;
    }
    const liar = {
      id,
      now: () => this.#cluster.now,
      members: () => this.#watch.members,
      accomplices: this.#accomplices,
    };
    const lie = turned(behaviour, liar, `${this.#schedule.seed}`);
    this.#liars.set(id, lie);
    this.#cluster.scheduler.at(until, () => {
      if (this.#liars.get(id) === lie) this.#liars.delete(id);
    });
    return true;
  }

  /** Members stay at least four, and at most all there are. */
  #reconfigure(order: string): boolean {
    const { members } = this.#watch;
    const spare = this.all.find((id) => !this.#cluster.nodes.includes(id));
    if (order === "add" && spare === undefined) return false;
    if (order === "remove" && !this.#remove(members)) return false;
    // Who was removed does not come back: a host would have to start it anew.
    const subject = order === "add" ? `-${spare}` : order === "remove" ? `-${members[0]}` : "";
    this.#watch.order(`${order}${subject}`);
    return true;
  }

  /** The lowest goes: it led first. Not while more are faulty than those who stay would tolerate. */
  #remove(members: readonly NodeId[]): boolean {
    if (members.length <= 4) return false;
    const staying = members.slice(1).filter((id) => !this.#leaving.has(id));
    const fewest = Math.min(this.#fewest, staying.length);
    if (this.#faulty.filter((id) => id !== members[0]).length > this.#tolerated(fewest)) return false;
    this.#leaving.add(present(members[0], "a member"));
    this.#fewest = fewest;
    return true;
  }

  /** Whom a decision added starts, a moment later. */
  #joinAdded(step: string): void {
    if (step !== "delivered" && step !== "syncEnded") return;
    for (const id of this.#watch.members) {
      if (this.#cluster.nodes.includes(id)) continue;
      this.#cluster.scheduler.at(this.#cluster.now, () => {
        if (!this.#cluster.nodes.includes(id)) this.#cluster.join(id);
      });
    }
  }

  #node(target: Target, here: NodeId | undefined): NodeId {
    if (typeof target === "number") return nodeId(target);
    const { leader, view } = this.#watch.leading;
    if (target === "here") return here ?? leader;
    if (target === "leader") return leader;
    const { members } = this.#watch;
    return members[(view + 1) % members.length] ?? leader;
  }
}

/** What an event that is not chained counts from. */
const none: ReadonlyMap<string, number> = new Map();
