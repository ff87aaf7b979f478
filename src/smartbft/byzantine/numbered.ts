// A node that has had several replicas hears answers to questions of all of them. Each asks under numbers of its own, and
// hears only answers to those.
import type { Instant } from "../../base/index.js";
import type { Effect, Input } from "../contract.js";
import type { ReplicaStatus } from "../replica.js";
import type { Participant } from "./contract.js";

/** More questions than one replica asks in a year, and 2000 replicas. */
const numbersEach = 2 ** 42;

export class Numbered implements Participant {
  readonly #replica: Participant;
  readonly #base: number;

  constructor(replica: Participant, life: number) {
    this.#replica = replica;
    this.#base = life * numbersEach;
  }

  step(now: Instant, input: Input): readonly Effect[] {
    if (input.kind !== "verified" && input.kind !== "synchronised")
      return this.#numbered(this.#replica.step(now, input));
    const id = input.id - this.#base;
    if (id < 0 || id >= numbersEach) return [];
    return this.#numbered(this.#replica.step(now, { ...input, id }));
  }

  deadline(): Instant | undefined {
    return this.#replica.deadline();
  }

  status(): ReplicaStatus {
    return this.#replica.status();
  }

  #numbered(effects: readonly Effect[]): readonly Effect[] {
    if (this.#base === 0) return effects;
    return effects.map((effect) =>
      effect.kind === "verify" || effect.kind === "synchronise" ? { ...effect, id: effect.id + this.#base } : effect,
    );
  }
}
