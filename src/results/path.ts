// The path below the consensus: decisions, routes and the leader's streams, for the outages that no view change ends. The
// decision that ends an outage is found in the consensus plane alone: the one after the largest pause between decisions in
// the outage. What lies before it is split by the last route change, then by the leader's last stream event.
import type { Instant } from "../base/index.js";
import type { BlockEvent, RouteEvent, StreamEvent } from "../boundary/index.js";
import { RecentMap } from "../checks/index.js";
import type { Outage } from "./service.js";

const remembered = 5_000;

export interface FirstDecision {
  readonly at: Instant;
  readonly orderer: string;
  readonly block: number;
}

/** Instants in the order of their coming, the newest kept. */
class Recent {
  #instants: Instant[] = [];

  add(at: Instant): void {
    this.#instants.push(at);
    if (this.#instants.length > 2 * remembered) this.#instants = this.#instants.slice(-remembered);
  }

  last(from: Instant, until: Instant): Instant | undefined {
    return this.#instants.findLast((at) => at >= from && at <= until);
  }
}

export class Path {
  readonly #decisions = new RecentMap<number, FirstDecision>(remembered);
  readonly #commits = new RecentMap<number, { readonly at: Instant; readonly peer: string }>(remembered);
  readonly #routes = new Recent();
  readonly #streams = new Recent();

  block(event: BlockEvent): void {
    const { at, node, number } = event;
    if (event.role === "peer") {
      if (!this.#commits.has(number)) this.#commits.set(number, { at, peer: node });
    } else if (event.source === "decision" && !this.#decisions.has(number)) {
      this.#decisions.set(number, { at, orderer: node, block: number });
    }
  }

  route(event: RouteEvent): void {
    this.#routes.add(event.at);
  }

  /**
   * A stream event of the orderer that leads: only those by which a send that waited goes on (its stream opens) or is given
   * up. A message dropped at once, or a channel that is tried again in the background, holds nobody up.
   */
  leaderStream(event: StreamEvent): void {
    if (event.service !== "cluster" || event.detail.startsWith("inbound")) return;
    if (event.state === "opened" || event.state === "send-timeout") this.#streams.add(event.at);
  }

  /** The first decision after the largest pause between decisions in the outage. */
  resumption(outage: Outage): FirstDecision | undefined {
    let resumed: FirstDecision | undefined;
    let largest = 0;
    let previous = outage.start;
    const inside = [...this.#decisions.entries()].map(([, decision]) => decision);
    for (const decision of inside.toSorted((left, right) => left.at - right.at)) {
      if (decision.at < outage.start || decision.at > outage.cutAt) continue;
      if (decision.at - previous > largest) {
        largest = decision.at - previous;
        resumed = decision;
      }
      previous = decision.at;
    }
    return resumed;
  }

  commitOf(block: number): { readonly at: Instant; readonly peer: string } | undefined {
    return this.#commits.get(block);
  }

  lastRoute(from: Instant, until: Instant): Instant | undefined {
    return this.#routes.last(from, until);
  }

  lastLeaderStream(from: Instant, until: Instant): Instant | undefined {
    return this.#streams.last(from, until);
  }
}
