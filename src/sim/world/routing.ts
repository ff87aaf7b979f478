// Which way nodes send, and how they learn of changes: OSPF as the plan configures FRR, or static routes. Each node has a
// database of what others say of their neighbours and computes its own table from it, so that tables disagree while news
// travels, as in life. No packets: the rules below say when an adjacency ends or forms and when a table follows.
//
//   ends    its own kernel reports the loss (admin, carrier): at once. Else when hellos stay out: dead interval after the last
//           one, or BFD's detection time; the other side then hears hellos that do not name it, at the next one (BFD: at once)
//   forms   when hellos pass both ways again: at the next hello of the side that did not just come up, the later of both where
//           neither did (RFC 2328 10.5: a neighbour is two-way once its hello names us); then the databases are exchanged
//   follows a change of the database, after FRR's SPF throttle and the time to install (docs/simulator.md)
import { between, instant, present, type Duration, type Instant, type Random } from "../../base/index.js";
import type { Event } from "../../boundary/index.js";
import type { Plan } from "../../plan/index.js";
import type { OspfTimers } from "../../spec/index.js";
import type { Scheduler } from "../scheduler.js";
import { Adjacencies, type Pair } from "./adjacencies.js";
import { staticHops } from "./static-routes.js";
import type { Interface } from "./segments.js";

/** Out of one interface, into a neighbour's. */
export interface Hop {
  readonly out: Interface;
  readonly into: Interface;
}

export interface RoutingTimes {
  /** From a change of the database, or of an interface, to the kernel's table, SPF throttle aside. */
  readonly installUs: number;
  /** One hop of a link-state advertisement. */
  readonly floodUs: number;
}

/** From docs/measured: routes are withdrawn 13 to 36 ms after an interface went down, next to it. */
export const defaultRoutingTimes: RoutingTimes = { installUs: 9_000, floodUs: 1_000 };

interface RouterState {
  readonly name: string;
  readonly isRouter: boolean;
  /** By origin: the newest statement heard. */
  readonly database: Map<string, Statement>;
  table: ReadonlyMap<string, readonly Hop[]>;
  spfPlanned: boolean;
  spfAt: Instant;
  holdUs: number;
  /** Its daemons do not run: its table stays as it is. */
  isSilent: boolean;
}

/** What a node says of itself: pairs in which it sees the other. */
interface Statement {
  readonly origin: string;
  readonly number: number;
  readonly sees: ReadonlySet<Pair>;
}

export interface RoutingOptions {
  readonly plan: Plan;
  readonly interfaces: ReadonlyMap<string, Interface>;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly emit: (event: Event) => void;
  readonly times: RoutingTimes;
  /** Tables have changed: paths found before no longer hold. */
  readonly onChange: () => void;
}

export class Routing {
  readonly #options: RoutingOptions;
  readonly #states = new Map<string, RouterState>();
  readonly #adjacencies: Adjacencies | undefined;
  readonly #loopbacks: ReadonlyMap<string, string>;

  constructor(options: RoutingOptions) {
    this.#options = options;
    const { plan, interfaces, scheduler, random } = options;
    this.#loopbacks = new Map(plan.nodes.map((node) => [node.name, node.loopback]));
    for (const { name, kind } of plan.nodes) {
      if (kind === "switch") continue;
      const state = { name, isRouter: kind === "router", database: new Map(), table: new Map() };
      this.#states.set(name, { ...state, spfPlanned: false, spfAt: instant(-60_000_000), holdUs: 0, isSilent: false });
    }
    const { routing } = plan;
    if (routing.protocol !== "ospf") this.#adjacencies = undefined;
    else {
      const { ospf, bfd } = routing;
      const changed = (node: string): void => this.#originate(node);
      const formed = (pair: Pair): void => this.#exchange(pair);
      this.#adjacencies = new Adjacencies({ interfaces, scheduler, random, ospf, bfd, changed, formed });
    }
    this.#startConverged();
  }

  /** Ways to a node's loopback; empty where there is no route. Routes through an end that is set down are gone at once. */
  hops(node: string, destination: string): readonly Hop[] {
    const hops = this.#states.get(node)?.table.get(destination);
    if (hops === undefined) return [];
    return hops.every(({ out }) => out.adminUp) ? hops : hops.filter(({ out }) => out.adminUp);
  }

  /** Something about these interfaces has changed: their own state, or what passes at them. */
  observe(changed: readonly Interface[]): void {
    if (this.#adjacencies !== undefined) return this.#adjacencies.observe(changed);
    for (const node of new Set(changed.map((each) => each.node))) this.#planSpf(this.#state(node));
  }

  /** A node's daemons are frozen or have died; its kernel keeps the routes that they gave it. */
  silence(node: string): void {
    this.#state(node).isSilent = true;
    this.#adjacencies?.silence(node);
  }

  /** A node's daemons end in good order: they withdraw what they told, and their neighbours need not wait for a timer. */
  leave(node: string): void {
    this.#adjacencies?.leave(node);
  }

  /** Frozen daemons go on. */
  thaw(node: string): void {
    const state = this.#state(node);
    state.isSilent = false;
    if (this.#adjacencies === undefined) this.#planSpf(state);
    else this.#adjacencies.thaw(node);
  }

  /** Other daemons in the place of those that died: zebra sweeps away what the old ones left, and they learn everything anew. */
  restart(node: string): void {
    const state = this.#state(node);
    state.isSilent = false;
    for (const origin of state.database.keys()) if (origin !== node) state.database.delete(origin);
    this.#planSpf(state);
    this.#adjacencies?.restart(node);
  }

  #startConverged(): void {
    if (this.#adjacencies !== undefined) {
      const all = [...this.#states.keys()].map((name) => this.#statementOf(name, 1));
      for (const state of this.#states.values())
        for (const each of all) if (each.sees.size > 0) state.database.set(each.origin, each);
    }
    for (const state of this.#states.values()) state.table = this.#tableOf(state);
  }

  #statementOf(origin: string, number: number): Statement {
    return { origin, number, sees: present(this.#adjacencies, "OSPF").seenBy(origin) };
  }

  #originate(node: string): void {
    const number = (this.#state(node).database.get(node)?.number ?? 0) + 1;
    this.#hear(node, this.#statementOf(node, number), undefined);
  }

  /** Installs what is newer, passes it on, and computes. */
  #hear(node: string, statement: Statement, from: string | undefined): void {
    const state = this.#state(node);
    if ((state.database.get(statement.origin)?.number ?? 0) >= statement.number) return;
    state.database.set(statement.origin, statement);
    this.#planSpf(state);
    for (const neighbour of present(this.#adjacencies, "OSPF").neighboursOf(node)) {
      if (neighbour.node !== from) this.#send(node, neighbour, statement);
    }
  }

  #send(from: string, to: Interface, statement: Statement): void {
    const { scheduler, times } = this.#options;
    scheduler.at(instant(scheduler.now + times.floodUs), () => {
      // What cannot pass is not repeated: the adjacency is ending, and the next one begins with an exchange.
      if (this.#adjacencies?.reaches(from, to) === true) this.#hear(to.node, statement, from);
    });
  }

  /** Two that have become neighbours tell each other all they know. */
  #exchange({ ends: [left, right] }: Pair): void {
    for (const [from, to] of [
      [left, right],
      [right, left],
    ] as const) {
      for (const statement of this.#state(from.node).database.values()) this.#send(from.node, to, statement);
    }
  }

  #planSpf(state: RouterState): void {
    if (state.spfPlanned || state.isSilent) return;
    state.spfPlanned = true;
    const { scheduler, times, plan } = this.#options;
    const wait = plan.routing.protocol === "ospf" ? throttle(state, plan.routing.ospf, scheduler.now) : 0;
    scheduler.at(instant(scheduler.now + wait + times.installUs), () => {
      state.spfPlanned = false;
      if (state.isSilent) return;
      state.spfAt = scheduler.now;
      const before = state.table;
      state.table = this.#tableOf(state);
      this.#tellChanges(state.name, before, state.table);
      this.#options.onChange();
    });
  }

  #tableOf(state: RouterState): ReadonlyMap<string, readonly Hop[]> {
    const { plan, interfaces } = this.#options;
    if (this.#adjacencies === undefined) return staticHops(plan, interfaces, state.name);
    return this.#shortestPaths(state);
  }

  /** Breadth first, as every interface costs the same; only routers are passed through. All ways of equal length. */
  #shortestPaths(state: RouterState): ReadonlyMap<string, readonly Hop[]> {
    const table = new Map<string, Hop[]>();
    const distance = new Map([[state.name, 0]]);
    const queue = [state.name];
    for (let index = 0; index < queue.length; index++) {
      const near = queue[index] ?? "";
      const away = (distance.get(near) ?? 0) + 1;
      if (near !== state.name && this.#states.get(near)?.isRouter !== true) continue;
      for (const pair of state.database.get(near)?.sees ?? []) {
        const [out, into] = pair.ends[0].node === near ? pair.ends : [pair.ends[1], pair.ends[0]];
        const known = distance.get(into.node);
        if (known !== undefined && known < away) continue;
        if (state.database.get(into.node)?.sees.has(pair) !== true) continue;
        if (known === undefined) {
          distance.set(into.node, away);
          queue.push(into.node);
        }
        const first = near === state.name ? [{ out, into }] : (table.get(near) ?? []);
        const hops = table.get(into.node) ?? [];
        for (const hop of first) if (!hops.some((each) => each.into === hop.into)) hops.push(hop);
        table.set(into.node, hops);
      }
    }
    for (const [node, hops] of table) if (node === state.name || hops.length === 0) table.delete(node);
    return table;
  }

  /** A route that gets other next hops is replaced in one go, which the kernel reports as an addition. */
  #tellChanges(
    node: string,
    before: ReadonlyMap<string, readonly Hop[]>,
    now: ReadonlyMap<string, readonly Hop[]>,
  ): void {
    for (const [destination, hops] of before) {
      if (!now.has(destination)) this.#tell(node, "deleted", destination, hops);
    }
    for (const [destination, hops] of now) {
      if (viaText(before.get(destination) ?? []) !== viaText(hops)) this.#tell(node, "added", destination, hops);
    }
  }

  #tell(node: string, action: "added" | "deleted", destination: string, hops: readonly Hop[]): void {
    this.#options.emit({
      kind: "route",
      at: this.#options.scheduler.now,
      node,
      action,
      destination: `${this.#loopbacks.get(destination) ?? ""}/32`,
      via: viaText(hops),
      interface: [...new Set(hops.map(({ out }) => out.device))].join(","),
      protocol: this.#options.plan.routing.protocol,
    });
  }

  #state(node: string): RouterState {
    return present(this.#states.get(node), `node "${node}"`);
  }
}

const viaText = (hops: readonly Hop[]): string => hops.map(({ into }) => into.address).join(",");

/** FRR's `timers throttle spf`: the first change waits for the delay, one that follows too soon for a hold that doubles. */
function throttle(state: RouterState, timers: OspfTimers, now: Instant): Duration {
  const since = between(state.spfAt, now);
  if (since > timers.spfMaximumHold) {
    state.holdUs = timers.spfInitialHold;
    return timers.spfDelay;
  }
  const wait = Math.max(timers.spfDelay, state.holdUs - since);
  state.holdUs = Math.min(timers.spfMaximumHold, state.holdUs * 2);
  return Math.max(0, wait) as Duration; // integer microseconds by construction
}
