// What a host keeps in a replica's place: honest until it is told otherwise, and honest again when it is told so. It says
// so itself, truthfully, whenever it turns: results and checks must know who was faulty by order.
import type { Instant } from "../../base/index.js";
import type { Trace } from "../contract.js";
import type { ReplicaStatus } from "../replica.js";
import type { Insider, Misbehaviour, Participant, Wrapper, WrapperEffect, WrapperInput } from "./contract.js";
import { Numbered } from "./numbered.js";
import { wrapperOf } from "./registry.js";

export type TurncoatInput = WrapperInput | { readonly kind: "misbehave"; readonly how: Misbehaviour | "" };

export class Turncoat {
  readonly #insider: Insider;
  #replica: Participant;
  #wrapper: Wrapper | undefined;
  #how: Misbehaviour | "" = "";
  /** What the log holds since its last truncation, and how many deliveries and syncs are under way. */
  #log: readonly Uint8Array[];
  #open = 0;
  #lives = 0;
  #turns = 0;

  /** `walEntries`: what `replica` was made from. */
  constructor(replica: Participant, insider: Insider, walEntries: readonly Uint8Array[]) {
    const life = (made: Participant): Participant => new Numbered(made, ++this.#lives);
    this.#replica = new Numbered(replica, 0);
    this.#log = walEntries;
    this.#insider = {
      ...insider,
      restart: (entries) => life(insider.restart(entries)),
      twin() {
        const twin = insider.twin();
        const { deliver, lastDecision } = twin;
        return { replica: life(twin.replica), deliver, lastDecision };
      },
    };
  }

  /** Empty while it is honest. */
  get misbehaviour(): Misbehaviour | "" {
    return this.#how;
  }

  step(now: Instant, input: TurncoatInput): readonly WrapperEffect[] {
    if (input.kind === "misbehave") return this.#noted(this.#turn(now, input.how));
    if (input.kind === "delivered" || input.kind === "synchronised") this.#open -= 1;
    if (this.#wrapper !== undefined) return this.#noted(this.#wrapper.step(now, input));
    return input.kind === "pulled" ? [] : this.#noted(this.#replica.step(now, input));
  }

  deadline(): Instant | undefined {
    return (this.#wrapper ?? this.#replica).deadline();
  }

  status(): ReplicaStatus {
    return (this.#wrapper ?? this.#replica).status();
  }

  #turn(now: Instant, how: Misbehaviour | ""): readonly WrapperEffect[] {
    const effects: WrapperEffect[] = [];
    if (this.#wrapper !== undefined) {
      const ended = this.#wrapper.end(now);
      this.#replica = ended.replica;
      effects.push(...ended.effects, told("behaving", this.#how));
    }
    this.#how = how;
    if (how === "") {
      this.#wrapper = undefined;
      return effects;
    }
    const insider = { ...this.#insider, random: this.#insider.random.stream(`${how}/${++this.#turns}`) };
    this.#wrapper = wrapperOf[how](this.#replica, insider, { now, walEntries: this.#log, open: this.#open });
    return [...effects, told("misbehaving", how)];
  }

  #noted(effects: readonly WrapperEffect[]): readonly WrapperEffect[] {
    for (const effect of effects) {
      if (effect.kind === "persist") this.#log = effect.truncate ? [effect.record] : [...this.#log, effect.record];
      else if (effect.kind === "deliver" || effect.kind === "synchronise") this.#open += 1;
    }
    return effects;
  }
}

function told(step: "misbehaving" | "behaving", how: Misbehaviour | ""): WrapperEffect {
  const trace: Trace = { kind: "step", component: "byzantine", step, facts: { how } };
  return { kind: "trace", trace };
}
