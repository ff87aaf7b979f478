// Wrappers with more than one replica: crash-prone has one after another, twins two at once.
import { after, earliest, microseconds, type Duration, type Instant, type NodeId } from "../../base/index.js";
import { metadataOf } from "../checkpoint.js";
import type { Effect, Input } from "../contract.js";
import type { ReplicaStatus } from "../replica.js";
import type { Insider, Participant, Twin, Wrap, Wrapper, WrapperEffect, WrapperInput, WrapStart } from "./contract.js";
import { halves } from "./outgoing.js";

/** How often it dies, and for how long, in forward timeouts: often enough to be missed, never often enough to be replaced. */
const aliveUnits = { min: 1, max: 4 };
const deadUnits = { min: 0.5, max: 2 };

export const crashProne: Wrap = (replica, insider, start) => new CrashProne(replica, insider, start);

/**
 * Dies and comes back with what its log and ledger hold; its pool and its votes of the moment are gone. It dies between two
 * deliveries, since a host stores what it was asked to store.
 */
class CrashProne implements Wrapper {
  readonly #insider: Insider;
  #replica: Participant;
  #isAlive = true;
  #turn: Instant;
  #log: readonly Uint8Array[];
  /** Deliveries and syncs that the host has not answered. */
  #open = 0;

  constructor(replica: Participant, insider: Insider, { now, walEntries, open }: WrapStart) {
    this.#insider = insider;
    this.#replica = replica;
    this.#log = walEntries;
    this.#open = open;
    this.#turn = after(now, this.#draw({ min: 0, max: 1 }));
  }

  step(now: Instant, input: WrapperInput): readonly WrapperEffect[] {
    if (input.kind === "pulled") return [];
    if (input.kind === "delivered" || input.kind === "synchronised") this.#open -= 1;
    const effects = this.#isAlive ? this.#note(this.#replica.step(now, input)) : unanswered(input);
    if (now < this.#turn || this.#open > 0) return effects;
    return [...effects, ...this.#change(now)];
  }

  deadline(): Instant | undefined {
    // While an answer is due its turn waits for it, and comes with it.
    return earliest(this.#open > 0 ? undefined : this.#turn, this.#isAlive ? this.#replica.deadline() : undefined);
  }

  status(): ReplicaStatus {
    return this.#replica.status();
  }

  end(now: Instant): ReturnType<Wrapper["end"]> {
    const effects = this.#isAlive ? [] : this.#revive(now);
    return { replica: this.#replica, effects };
  }

  #change(now: Instant): readonly WrapperEffect[] {
    this.#isAlive = !this.#isAlive;
    this.#turn = after(now, this.#draw(this.#isAlive ? aliveUnits : deadUnits));
    return this.#isAlive ? this.#revive(now) : [];
  }

  #revive(now: Instant): readonly Effect[] {
    this.#isAlive = true;
    this.#replica = this.#insider.restart(this.#log);
    return this.#note(this.#replica.step(now, { kind: "start" }));
  }

  #note(effects: readonly Effect[]): readonly Effect[] {
    for (const effect of effects) {
      if (effect.kind === "persist") this.#log = effect.truncate ? [effect.record] : [...this.#log, effect.record];
      if (effect.kind === "deliver" || effect.kind === "synchronise") this.#open += 1;
    }
    return effects;
  }

  #draw({ min, max }: { readonly min: number; readonly max: number }): Duration {
    const { random, options } = this.#insider;
    return microseconds((min + (max - min) * random.fraction()) * options.requestForwardTimeout);
  }
}

/** A client of a dead node gets no answer worth having. */
const unanswered = (input: Input): readonly WrapperEffect[] =>
  input.kind === "submit"
    ? [{ kind: "submitted", token: input.token, outcome: { kind: "refused", reason: "no leader" } }]
    : [];

export const twins: Wrap = (replica, insider, start) => new Twins(replica, insider, start);

/**
 * Two honest replicas under one identity. Both hear every message; what the first says reaches one part of the others, what
 * the second says the rest. Requests reach them in turn, so that, when they lead, each proposes its own.
 */
class Twins implements Wrapper {
  readonly #insider: Insider;
  readonly #replica: Participant;
  readonly #ofTwin: readonly NodeId[];
  #twin: Twin;
  /** The new twin's first words. */
  #early: readonly WrapperEffect[];
  #requests = 0;

  constructor(replica: Participant, insider: Insider, { now }: WrapStart) {
    this.#insider = insider;
    this.#replica = replica;
    this.#ofTwin = halves(insider.options.nodes, insider.self)[1];
    this.#twin = insider.twin();
    this.#early = this.#ask(now, { kind: "start" });
  }

  step(now: Instant, input: WrapperInput): readonly WrapperEffect[] {
    if (input.kind === "pulled") return [];
    const { own, twins: others } = this.#shares(input);
    const said = this.#replica.step(now, own).filter((effect) => !isTo(effect, this.#ofTwin));
    const early = this.#early;
    this.#early = [];
    return [...early, ...said, ...this.#ask(now, others)];
  }

  /** Who hears what; both need their deadlines looked at in every step. */
  #shares(input: Input): { readonly own: Input; readonly twins: Input } {
    const nothing: Input = { kind: "deadline" };
    if (input.kind === "delivered") return { own: input, twins: nothing };
    if (input.kind !== "submit" && input.kind !== "forwarded") return { own: input, twins: input };
    return ++this.#requests % 2 === 1 ? { own: input, twins: nothing } : { own: nothing, twins: input };
  }

  deadline(): Instant | undefined {
    return earliest(this.#replica.deadline(), this.#twin.replica.deadline());
  }

  status(): ReplicaStatus {
    return this.#replica.status();
  }

  end(): ReturnType<Wrapper["end"]> {
    return { replica: this.#replica, effects: [] };
  }

  /** Its log and its ledger are in memory; of what it says only messages leave. */
  #ask(now: Instant, input: Input): readonly WrapperEffect[] {
    const said: WrapperEffect[] = [];
    const inputs: Input[] = [input];
    for (let next = inputs.shift(); next !== undefined; next = inputs.shift()) {
      for (const effect of this.#twin.replica.step(now, next)) {
        if (effect.kind === "deliver") {
          this.#twin.deliver(effect.decision);
          inputs.push({ kind: "delivered", sequence: effect.sequence });
        } else if (effect.kind === "synchronise") inputs.push(...this.#synchronise(now, effect.id, said));
        else if (effect.kind === "verify" || effect.kind === "submitted") said.push(effect);
        else if (isTo(effect, this.#ofTwin)) said.push(effect);
      }
    }
    return said;
  }

  /** A twin that fell behind the node's ledger is made anew from it; otherwise nobody knows better. */
  #synchronise(now: Instant, id: number, said: WrapperEffect[]): readonly Input[] {
    const fresh = this.#insider.twin();
    if (heightOf(fresh) <= heightOf(this.#twin)) {
      return [{ kind: "synchronised", id, decision: this.#twin.lastDecision(), requests: [] }];
    }
    this.#twin = fresh;
    said.push(...this.#ask(now, { kind: "start" }));
    return [];
  }
}

function heightOf(twin: Twin): number {
  const decision = twin.lastDecision();
  return decision === undefined ? 0 : (metadataOf(decision.proposal)?.sequence ?? 0);
}

/** A message to one of `ids`, its trace, or a forwarded request. */
function isTo(effect: WrapperEffect, ids: readonly NodeId[]): boolean {
  if (effect.kind === "trace") return effect.trace.kind === "sent" && ids.includes(effect.trace.to);
  return (effect.kind === "send" || effect.kind === "forward") && ids.includes(effect.to);
}
