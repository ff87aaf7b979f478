// Heights: how long after its heal a node was level again. Level means that no other orderer is ahead at the instant at
// which the node stores a block (or at the heal itself): under load a node that takes part is level at every block of its.
import { microseconds, type Instant } from "../base/index.js";
import type { BlockEvent } from "../boundary/index.js";
import { nodeOf, type Cast } from "./cast.js";
import type { FaultRow } from "./fault-log.js";

export class Heights {
  readonly #orderers: ReadonlySet<string>;
  readonly #heights = new Map<string, number>();
  #behind: { readonly row: FaultRow; readonly node: string; readonly healedAt: Instant }[] = [];

  constructor(cast: Cast) {
    this.#orderers = new Set(cast.orderers.map((orderer) => orderer.name));
  }

  /** The fault of this row was healed at `at`. Rows of nodes that keep no blocks are left alone. */
  healed(row: FaultRow, at: Instant): void {
    const node = nodeOf(row.target);
    if (!this.#heights.has(node)) return;
    this.#behind.push({ row, node, healedAt: at });
    this.#look(node, at);
  }

  block(event: BlockEvent): void {
    this.#heights.set(event.node, Math.max(event.number, this.#heights.get(event.node) ?? event.number));
    if (this.#behind.length > 0) this.#look(event.node, event.at);
  }

  /** Orderers that others are ahead of at the end, by name. */
  stragglers(): readonly string[] {
    const orderers = [...this.#heights].filter(([node]) => this.#orderers.has(node));
    const highest = Math.max(...orderers.map(([, height]) => height));
    return orderers
      .filter(([, height]) => height < highest)
      .map(([node]) => node)
      .toSorted();
  }

  #look(node: string, at: Instant): void {
    const own = this.#heights.get(node) ?? -1;
    for (const [other, height] of this.#heights) {
      if (other !== node && this.#orderers.has(other) && height > own) return;
    }
    for (const each of this.#behind) {
      if (each.node === node) each.row.caughtUpAfter ??= microseconds(at - each.healedAt);
    }
    this.#behind = this.#behind.filter((each) => each.node !== node);
  }
}
