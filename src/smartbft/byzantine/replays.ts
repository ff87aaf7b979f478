// Wrappers that say again what was said. stale-replay: its own messages of views that are over, at every tick, and its
// NewView again while it leads (reference section 15, item 19). replay-flood: whatever it has heard or said, under its own
// name, as fast as a stream of its own carries it, at whoever leads: an insider's attack that a view change does not shake off.
import { milliseconds, present, type View } from "../../base/index.js";
import type { Effect } from "../contract.js";
import type { ReplicaStatus } from "../replica.js";
import { Altering, beating } from "./altering.js";
import type { Wrap, WrapperEffect } from "./contract.js";
import { messageIn, sendingBytes } from "./outgoing.js";

/** Messages remembered; the newest are kept. */
const staleMax = 50;
const floodedMax = 256;
/** 20 messages every millisecond: 20 000 a second. */
const floodEvery = milliseconds(1);
const floodBurst = 20;

export const staleReplay: Wrap = (replica, { self, options }, { now }) => {
  const memory = new OwnWords();
  const others = options.nodes.filter((id) => id !== self);
  return new Altering(replica, {
    act(effects, status) {
      memory.note(effects, status);
      return effects;
    },
    clock: beating(now, options.tickInterval, ({ view, leader }) => {
      const replayed = memory.of(view, { withNewView: leader === self });
      return others.flatMap((to) => replayed.flatMap((bytes) => sendingBytes(to, bytes)));
    }),
  });
};

/** What it said of the protocol's own course, by the view in which it said it. A broadcast is one message. */
class OwnWords {
  #said: { readonly view: View; readonly bytes: Uint8Array }[] = [];
  #newView: Uint8Array | undefined;

  note(effects: readonly Effect[], { view }: ReplicaStatus): void {
    for (const effect of effects) {
      if (effect.kind !== "send" || this.#said.at(-1)?.bytes === effect.bytes) continue;
      const { kind } = messageIn(effect.bytes);
      if (kind === "NewView") this.#newView = effect.bytes;
      else if (kind !== "HeartBeat" && kind !== "StateTransferRequest" && kind !== "StateTransferResponse")
        this.#said.push({ view, bytes: effect.bytes });
    }
    if (this.#said.length > 2 * staleMax) this.#forget(view);
  }

  of(view: View, { withNewView }: { readonly withNewView: boolean }): readonly Uint8Array[] {
    const stale = this.#said.filter((each) => each.view < view).slice(-staleMax);
    const newView = withNewView && this.#newView !== undefined ? [this.#newView] : [];
    return [...newView, ...stale.map(({ bytes }) => bytes)];
  }

  #forget(view: View): void {
    const stale = this.#said.filter((each) => each.view < view);
    const current = this.#said.filter((each) => each.view >= view);
    this.#said = [...stale.slice(-staleMax), ...current.slice(-staleMax)];
  }
}

export const replayFlood: Wrap = (replica, { self }, { now }) => {
  const ring = new Ring();
  return new Altering(replica, {
    hear(input) {
      if (input.kind === "message") ring.keep(input.bytes);
      return "pass";
    },
    act(effects) {
      for (const effect of effects) if (effect.kind === "send") ring.keep(effect.bytes);
      return effects;
    },
    clock: beating(now, floodEvery, ({ leader }): readonly WrapperEffect[] =>
      leader === self ? [] : ring.next(floodBurst).map((bytes) => ({ kind: "sendAs", as: self, to: leader, bytes })),
    ),
  });
};

class Ring {
  readonly #kept: Uint8Array[] = [];
  #written = 0;
  #read = 0;

  keep(bytes: Uint8Array): void {
    // A broadcast is one message.
    if (this.#written > 0 && this.#kept[(this.#written - 1) % floodedMax] === bytes) return;
    this.#kept[this.#written % floodedMax] = bytes;
    this.#written += 1;
  }

  next(count: number): readonly Uint8Array[] {
    if (this.#kept.length === 0) return [];
    return Array.from({ length: count }, () => present(this.#kept[this.#read++ % this.#kept.length], "a message"));
  }
}
