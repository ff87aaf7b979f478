// Who sees whom as an OSPF neighbour, and when that changes: the rules at the head of routing.ts. A pair is two interfaces
// on one segment; each side holds its own opinion of it. Every segment joins each of its ends with each other: a switch has
// no designated router here (docs/simulator.md).
import { instant, present, type Instant, type Random } from "../../base/index.js";
import type { BfdTimers, OspfTimers } from "../../spec/index.js";
import type { Scheduler } from "../scheduler.js";
import { hasCarrier, passes, type Interface } from "./segments.js";

export interface Pair {
  readonly ends: readonly [Interface, Interface];
}

interface Side {
  readonly pair: PairState;
  readonly own: Interface;
  readonly other: Interface;
  sees: boolean;
}

interface PairState extends Pair {
  readonly sides: readonly [Side, Side];
  /** Counts changes at the pair: what was planned before one no longer holds. */
  changes: number;
}

export interface AdjacencyOptions {
  readonly interfaces: ReadonlyMap<string, Interface>;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly ospf: OspfTimers;
  readonly bfd: BfdTimers | undefined;
  /** What a node sees has changed. */
  readonly changed: (node: string) => void;
  readonly formed: (pair: Pair) => void;
}

/** ExStart, exchange and loading between two nodes without loss. */
const exchangeUs = 10_000;
/** From the kernel's report to the daemon's reaction. */
const reportUs = 2_000;

export class Adjacencies {
  readonly #options: AdjacencyOptions;
  readonly #sides = new Map<string, Side[]>();
  /** Of each interface's hellos, within the interval. */
  readonly #phases = new Map<Interface, number>();
  readonly #carriers = new Map<Interface, boolean>();
  /** Nodes whose daemons do not run, since when. They say nothing, hear nothing and change no route of their kernel. */
  readonly #silent = new Map<string, Instant>();

  constructor(options: AdjacencyOptions) {
    this.#options = options;
    const segments = new Set([...options.interfaces.values()].map((each) => each.segment));
    for (const each of options.interfaces.values()) {
      this.#phases.set(each, options.random.integer(0, options.ospf.helloInterval - 1));
      this.#carriers.set(each, true);
    }
    for (const { interfaces } of segments) {
      for (const [index, left] of interfaces.entries()) {
        for (const right of interfaces.slice(index + 1)) if (left.node !== right.node) this.#join(left, right);
      }
    }
  }

  seenBy(node: string): ReadonlySet<Pair> {
    return new Set((this.#sides.get(node) ?? []).filter((side) => side.sees).map((side) => side.pair));
  }

  /** The far ends of the pairs in which a node sees somebody. */
  neighboursOf(node: string): readonly Interface[] {
    return (this.#sides.get(node) ?? []).filter((side) => side.sees).map((side) => side.other);
  }

  /** Whether a packet from a node's daemon gets to the one behind the neighbour's interface now. */
  reaches(from: string, to: Interface): boolean {
    return (this.#sides.get(from) ?? []).some((side) => side.other === to && this.#hears(to, side.own));
  }

  /** A node's daemons are frozen or have died. */
  silence(node: string): void {
    this.#silent.set(node, this.#options.scheduler.now);
    for (const { pair } of this.#sides.get(node) ?? []) this.#consider(pair, new Set());
  }

  /** A node's daemons say that they end, to whom they reach. */
  leave(node: string): void {
    for (const side of this.#sides.get(node) ?? []) if (this.#hears(side.other, side.own)) this.#lose(otherOf(side));
  }

  /** They go on where they were: what timers and neighbours have done meanwhile is found out at once. */
  thaw(node: string): void {
    const { scheduler, ospf, bfd, formed } = this.#options;
    const since = this.#silent.get(node) ?? scheduler.now;
    this.#silent.delete(node);
    const patience = bfd === undefined ? ospf.deadInterval : bfd.detectMultiplier * bfd.transmitInterval;
    for (const side of this.#sides.get(node) ?? []) {
      if (scheduler.now - since >= patience || !otherOf(side).sees) this.#lose(side);
      this.#consider(side.pair, new Set());
      // What was said meanwhile is said again.
      if (side.sees) formed(side.pair);
    }
  }

  /** New daemons know nobody, and their first hellos say so. */
  restart(node: string): void {
    this.#silent.delete(node);
    for (const side of this.#sides.get(node) ?? []) {
      this.#lose(side);
      if (this.#hears(side.other, side.own)) this.#lose(otherOf(side));
      this.#consider(side.pair, new Set([side.own]));
    }
  }

  observe(changed: readonly Interface[]): void {
    const cameUp = new Set<Interface>();
    for (const each of changed) {
      const carrier = hasCarrier(each);
      if (carrier && this.#carriers.get(each) === false) cameUp.add(each);
      this.#carriers.set(each, carrier);
    }
    const pairs = new Set<PairState>();
    for (const each of changed) {
      for (const side of this.#sides.get(each.node) ?? []) if (side.own === each) pairs.add(side.pair);
    }
    for (const pair of pairs) this.#consider(pair, cameUp);
  }

  #join(left: Interface, right: Interface): void {
    const ends = [left, right] as const;
    const pair = { ends, changes: 0 } as { -readonly [K in keyof PairState]: PairState[K] }; // closed by the next lines
    const near = { pair, own: left, other: right, sees: true };
    const far = { pair, own: right, other: left, sees: true };
    pair.sides = [near, far];
    for (const side of pair.sides) {
      const sides = this.#sides.get(side.own.node) ?? [];
      sides.push(side);
      this.#sides.set(side.own.node, sides);
    }
  }

  #consider(pair: PairState, cameUp: ReadonlySet<Interface>): void {
    pair.changes += 1;
    const [near, far] = pair.sides;
    const works = this.#hears(near.own, near.other) && this.#hears(far.own, far.other);
    if (works) {
      if (!near.sees || !far.sees) this.#plan(pair, this.#formsAt(pair, cameUp), () => this.#form(pair));
      return;
    }
    for (const side of pair.sides) {
      if (!side.sees || this.#silent.has(side.own.node)) continue;
      if (!hasCarrier(side.own)) this.#plan(pair, this.#later(reportUs), () => this.#lose(side));
      else if (!this.#hears(side.own, side.other)) this.#plan(pair, this.#missedAt(side), () => this.#lose(side, true));
    }
  }

  #plan(pair: PairState, at: Instant, act: () => void): void {
    const { changes } = pair;
    this.#options.scheduler.at(at, () => {
      if (pair.changes === changes) act();
    });
  }

  #lose(side: Side, tells = false): void {
    if (!side.sees) return;
    side.sees = false;
    this.#options.changed(side.own.node);
    const other = otherOf(side);
    if (!tells || !other.sees || !this.#hears(side.other, side.own)) return;
    // Its own hellos, or BFD's packets, say now that it no longer hears the other.
    const at = this.#options.bfd === undefined ? this.#nextHello(side.own) : this.#later(reportUs);
    this.#plan(side.pair, at, () => this.#lose(other));
  }

  #form(pair: PairState): void {
    for (const side of pair.sides) side.sees = true;
    for (const side of pair.sides) this.#options.changed(side.own.node);
    this.#options.formed(pair);
  }

  #formsAt({ ends: [left, right] }: PairState, cameUp: ReadonlySet<Interface>): Instant {
    const hellos = [left, right].flatMap((end) => (cameUp.has(end) ? [] : [this.#nextHello(end)]));
    return instant(Math.max(this.#later(reportUs), ...hellos) + exchangeUs);
  }

  /** When a side notices that the other's hellos, or BFD packets, stay out. */
  #missedAt(side: Side): Instant {
    const { scheduler, ospf, bfd, random } = this.#options;
    if (bfd !== undefined) {
      const interval = Math.max(bfd.transmitInterval, bfd.receiveInterval);
      return instant(scheduler.now + bfd.detectMultiplier * interval - random.integer(0, interval));
    }
    const last = this.#nextHello(side.other) - ospf.helloInterval;
    return instant(Math.max(scheduler.now, last + ospf.deadInterval));
  }

  #nextHello(end: Interface): Instant {
    const { scheduler, ospf } = this.#options;
    const phase = this.#phases.get(end) ?? 0;
    const rounds = Math.floor((scheduler.now - phase) / ospf.helloInterval) + 1;
    return instant(phase + rounds * ospf.helloInterval);
  }

  /** Whether packets of the daemon behind `other` get to the one behind `own`. */
  #hears(own: Interface, other: Interface): boolean {
    return passes(other, own) && !this.#silent.has(own.node) && !this.#silent.has(other.node);
  }

  #later(us: number): Instant {
    return instant(this.#options.scheduler.now + us);
  }
}

const otherOf = (side: Side): Side =>
  present(
    side.pair.sides.find((each) => each !== side),
    "the other side",
  );
