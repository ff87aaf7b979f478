// What becomes of one packet: hop by hop along the tables that the nodes have at that instant. The fate is known when the
// packet leaves, but for one thing: a link that goes down while the packet is under way takes it along (`survived`).
import { instant, type Instant, type Random } from "../../base/index.js";
import type { Event } from "../../boundary/index.js";
import type { Plan } from "../../plan/index.js";
import type { Scheduler } from "../scheduler.js";
import { defaultRoutingTimes, Routing, type Hop, type RoutingTimes } from "./routing.js";
import { interfacesOf, isPlain, passages, passes, type Interface } from "./segments.js";

/** A way through the network as it was found; it holds until the next change of a table or link. */
export interface Path {
  readonly changes: number;
  readonly kind: "way" | "hole" | "no-route" | "local-drop" | "unreachable";
  readonly hops: readonly Hop[];
  /** Of a way whose every direction is plain: its whole delay. */
  readonly plainUs: number | undefined;
}

export type Fate =
  /** Instants at which copies arrive: more than one where a link duplicates. */
  | { readonly kind: "arrives"; readonly at: readonly Instant[] }
  | { readonly kind: "lost" }
  /** The sender's own kernel has no way to send it. */
  | { readonly kind: "no-route" }
  /** A router on the way has none: its message is back at the sender at that instant. */
  | { readonly kind: "unreachable"; readonly at: Instant };

export interface HopTimes {
  /** Through one link and its bridge, and one node's kernel. */
  readonly hopUs: number;
  /** Through the stacks of both end nodes. */
  readonly endsUs: number;
}

/** A frame crosses a bridge in about 0.02 ms (docs/limitations.md); a ping over one link takes about 0.1 ms. */
export const defaultHopTimes: HopTimes = { hopUs: 25, endsUs: 20 };

const hopCountMax = 64;

export class Network {
  readonly interfaces: ReadonlyMap<string, Interface>;
  readonly routing: Routing;
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #times: HopTimes;
  #changes = 0;

  constructor(
    plan: Plan,
    options: {
      readonly scheduler: Scheduler;
      readonly random: Random;
      readonly emit: (event: Event) => void;
      readonly times?: HopTimes;
      readonly routingTimes?: RoutingTimes;
    },
  ) {
    const { scheduler, random, emit, times = defaultHopTimes, routingTimes = defaultRoutingTimes } = options;
    this.#scheduler = scheduler;
    this.#random = random.stream("links");
    this.#times = times;
    this.interfaces = interfacesOf(plan);
    this.routing = new Routing({
      plan,
      interfaces: this.interfaces,
      scheduler,
      random: random.stream("routing"),
      emit,
      times: routingTimes,
      onChange: () => this.#changes++,
    });
  }

  /** Interfaces changed their state, or what passes there. */
  changed(interfaces: readonly Interface[]): void {
    this.#changes += 1;
    for (const each of interfaces) {
      if (each.segment.interfaces.some((other) => other !== each && (!passes(each, other) || !passes(other, each)))) {
        each.brokenAt = this.#scheduler.now;
      }
    }
    this.routing.observe(interfaces);
  }

  /** `flow` chooses among ways of equal length; `known` is used again while it holds. */
  path(from: string, to: string, flow: number, known?: Path): Path {
    if (known?.changes === this.#changes) return known;
    const hops: Hop[] = [];
    let node = from;
    while (node !== to) {
      const ways = this.routing.hops(node, to);
      const hop = ways[flow % Math.max(1, ways.length)];
      if (hop === undefined) return this.#found(node === from ? "no-route" : "unreachable", hops);
      // The kernel drops at once what is routed into an end without carrier.
      if (node === from && !hop.out.portUp) return this.#found("local-drop", hops);
      hops.push(hop);
      if (!passes(hop.out, hop.into) || hops.length > hopCountMax) return this.#found("hole", hops);
      node = hop.into.node;
    }
    return this.#found("way", hops);
  }

  /** Sends `sizeBytes` along a path, leaving at `departure`. */
  send(path: Path, departure: Instant, sizeBytes: number): Fate {
    switch (path.kind) {
      case "way":
        if (path.plainUs !== undefined) return { kind: "arrives", at: [instant(departure + path.plainUs)] };
        return this.#fly(path, departure, sizeBytes);
      case "hole":
        return { kind: "lost" };
      case "no-route":
      case "local-drop":
        return { kind: "no-route" };
      case "unreachable":
        return this.#returned(path, departure);
    }
  }

  /** Whether a packet that was under way along the path in that time was not on a link when that went down. */
  survived(path: Path, departure: Instant, arrival: Instant): boolean {
    if (path.changes === this.#changes) return true;
    const isWhole = ({ brokenAt }: Interface): boolean => brokenAt < departure || brokenAt > arrival;
    return path.hops.every(({ out, into }) => isWhole(out) && isWhole(into));
  }

  #found(kind: Path["kind"], hops: readonly Hop[]): Path {
    const { hopUs, endsUs } = this.#times;
    const isSimple = kind === "way" && hops.every(({ out }) => isPlain(out.direction));
    const plainUs = hops.reduce((sum, { out }) => sum + hopUs + out.direction.delayUs, endsUs);
    return { changes: this.#changes, kind, hops, plainUs: isSimple ? plainUs : undefined };
  }

  #fly({ hops }: Path, departure: Instant, sizeBytes: number): Fate {
    const { hopUs, endsUs } = this.#times;
    let copies: readonly number[] = [departure + endsUs];
    for (const { out } of hops) {
      copies = copies.flatMap((at) =>
        passages(out.direction, at, sizeBytes, this.#random).map((waited) => at + hopUs + waited),
      );
      if (copies.length === 0) return { kind: "lost" };
    }
    return { kind: "arrives", at: copies.map(instant) };
  }

  /** The message of the router that had no route, if the way back exists. */
  #returned(path: Path, departure: Instant): Fate {
    const last = path.hops.at(-1);
    const first = path.hops[0];
    if (last === undefined || first === undefined) return { kind: "no-route" };
    const back = this.path(last.into.node, first.out.node, 0);
    if (back.kind !== "way") return { kind: "lost" };
    const there = path.hops.reduce((sum, { out }) => sum + this.#times.hopUs + out.direction.delayUs, 0);
    const returns = back.plainUs ?? there + this.#times.endsUs;
    return { kind: "unreachable", at: instant(departure + there + returns) };
  }
}
