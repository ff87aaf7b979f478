// Directed links of the simulated network: a delay, in-order arrival (they stand for TCP streams), up or down.
// A message is lost when its link is down as it leaves or as it arrives: a black hole, without notice to the sender.
import { after, instant, microseconds, type Duration, type Instant, type NodeId, type Random } from "../base/index.js";

export interface Link {
  up: boolean;
  delay: Duration;
  jitter: Duration;
  /** Fractions of messages, in [0, 1]: lost, sent twice, and overtaken by others for up to `jitter` and 10 ms. */
  loss: number;
  duplicate: number;
  reorder: number;
  lastArrival: Instant;
}

/** Microseconds. */
const heldBackMax = 10_000;

export class Links {
  readonly #links = new Map<NodeId, Map<NodeId, Link>>();
  readonly #nodes: readonly NodeId[];
  readonly #random: Random;

  constructor(nodes: readonly NodeId[], delay: Duration, random: Random) {
    this.#nodes = nodes;
    this.#random = random;
    for (const source of nodes) this.#links.set(source, new Map(nodes.map((target) => [target, newLink(delay)])));
  }

  link(source: NodeId, target: NodeId): Link {
    const link = this.#links.get(source)?.get(target);
    if (link === undefined) throw new RangeError(`No link from ${source} to ${target}`);
    return link;
  }

  /** When a message that leaves now arrives; undefined when it is lost on the way out. */
  arrival(source: NodeId, target: NodeId, now: Instant): Instant | undefined {
    const link = this.link(source, target);
    if (!link.up || (link.loss > 0 && this.#random.fraction() < link.loss)) return undefined;
    const jitter = link.jitter > 0 ? this.#random.integer(0, link.jitter) : 0;
    const arrival = after(now, microseconds(link.delay + jitter));
    link.lastArrival = arrival > link.lastArrival ? arrival : link.lastArrival;
    return link.lastArrival;
  }

  /** When a message that leaves now arrives, and when again; in order, but for those that are held back on the way. */
  arrivals(source: NodeId, target: NodeId, now: Instant): readonly Instant[] {
    const first = this.arrival(source, target, now);
    if (first === undefined) return [];
    const { duplicate, reorder, jitter } = this.link(source, target);
    const late = (): Instant => after(first, microseconds(this.#random.integer(1, jitter + heldBackMax)));
    const held = reorder > 0 && this.#random.fraction() < reorder;
    const twice = duplicate > 0 && this.#random.fraction() < duplicate;
    const once = held ? late() : first;
    return twice ? [once, late()] : [once];
  }

  /** Both directions. */
  connected(left: NodeId, right: NodeId): boolean {
    return this.link(left, right).up && this.link(right, left).up;
  }

  /** One direction only. */
  set(source: NodeId, target: NodeId, { up }: { readonly up: boolean }): void {
    this.link(source, target).up = up;
  }

  cut(node: NodeId): void {
    this.#around(node, false);
  }

  heal(node: NodeId): void {
    this.#around(node, true);
  }

  healAll(): void {
    const links = [...this.#links.values()].flatMap((targets) => [...targets.values()]);
    for (const link of links) Object.assign(link, { up: true, loss: 0, duplicate: 0, reorder: 0 });
  }

  #around(node: NodeId, up: boolean): void {
    for (const other of this.#nodes) {
      this.set(node, other, { up });
      this.set(other, node, { up });
    }
  }
}

const newLink = (delay: Duration): Link => ({
  up: true,
  delay,
  jitter: microseconds(0),
  loss: 0,
  duplicate: 0,
  reorder: 0,
  lastArrival: instant(0),
});
