// Who leads, from what the orderers themselves say: each states view and leader when it starts a view. A single orderer
// may be cut off and speak of an old view, or be ahead of the rest; so the view taken is the (f+1)-th highest stated,
// which at least one correct orderer has reached.
import { faultsTolerated } from "../base/index.js";
import type { Event } from "../boundary/index.js";
import type { Plan } from "../plan/index.js";

interface Statement {
  readonly view: number;
  readonly leader: number;
}

export class Roles {
  readonly #orderers: readonly { readonly name: string; readonly id: number }[];
  readonly #statements = new Map<string, Statement>();

  constructor(plan: Plan) {
    this.#orderers = plan.nodes
      .flatMap((node) => (node.service?.kind === "orderer" ? [{ name: node.name, id: Number(node.service.id) }] : []))
      .toSorted((left, right) => left.id - right.id);
  }

  observe(event: Event): void {
    if (event.kind !== "step" || event.step !== "viewStarting") return;
    const { view, leader } = event.facts;
    if (typeof view === "number" && typeof leader === "number") this.#statements.set(event.node, { view, leader });
  }

  /** Name of the leader; undefined until f+1 orderers have stated a view. */
  leader(): string | undefined {
    const stated = [...this.#statements.values()].toSorted((left, right) => right.view - left.view);
    const agreed = stated[faultsTolerated(this.#orderers.length)];
    if (agreed === undefined) return undefined;
    return this.#orderers.find((orderer) => orderer.id === agreed.leader)?.name;
  }

  /** Orderers that do not lead, in id order; empty while the leader is unknown. */
  followers(): readonly string[] {
    const leader = this.leader();
    if (leader === undefined) return [];
    return this.#orderers.map((orderer) => orderer.name).filter((name) => name !== leader);
  }
}
