// The frame of nearly every wrapper: it changes what the replica hears and what leaves it, and may have a clock of its own.
import { after, earliest, type Duration, type Instant } from "../../base/index.js";
import type { Effect } from "../contract.js";
import type { ReplicaStatus } from "../replica.js";
import type { Participant, Wrapper, WrapperEffect, WrapperInput } from "./contract.js";

export interface Alterations {
  /** "pass": the replica hears it. Otherwise it does not, and these effects answer in its place. */
  readonly hear?: (input: WrapperInput, now: Instant) => "pass" | readonly WrapperEffect[];
  /** What is done of what the replica asks for. */
  readonly act?: (effects: readonly Effect[], status: ReplicaStatus, now: Instant) => readonly WrapperEffect[];
  readonly clock?: WrapperClock;
  /** What is still to be done when the misbehaviour is over. */
  readonly end?: () => readonly WrapperEffect[];
}

export interface WrapperClock {
  deadline(): Instant | undefined;
  /** Called in every step, also before the deadline. */
  due(now: Instant, status: ReplicaStatus): readonly WrapperEffect[];
}

export class Altering implements Wrapper {
  readonly #replica: Participant;
  readonly #alterations: Alterations;

  constructor(replica: Participant, alterations: Alterations) {
    this.#replica = replica;
    this.#alterations = alterations;
  }

  step(now: Instant, input: WrapperInput): readonly WrapperEffect[] {
    const { hear, act, clock } = this.#alterations;
    const instead = hear?.(input, now) ?? "pass";
    const effects = instead === "pass" ? this.#pass(now, input, act) : instead;
    return clock === undefined ? effects : [...effects, ...clock.due(now, this.#replica.status())];
  }

  deadline(): Instant | undefined {
    return earliest(this.#replica.deadline(), this.#alterations.clock?.deadline());
  }

  status(): ReplicaStatus {
    return this.#replica.status();
  }

  end(): ReturnType<Wrapper["end"]> {
    return { replica: this.#replica, effects: this.#alterations.end?.() ?? [] };
  }

  #pass(now: Instant, input: WrapperInput, act: Alterations["act"]): readonly WrapperEffect[] {
    if (input.kind === "pulled") return [];
    const effects = this.#replica.step(now, input);
    return act === undefined ? effects : act(effects, this.#replica.status(), now);
  }
}

/** A beat: at `from`, and then every `interval`; beats that were missed are not made up for. */
export function beating(
  from: Instant,
  interval: Duration,
  beat: (status: ReplicaStatus, now: Instant) => readonly WrapperEffect[],
): WrapperClock {
  let next = from;
  return {
    deadline: () => next,
    due(now, status) {
      if (now < next) return [];
      next = after(now, interval);
      return beat(status, now);
    },
  };
}
