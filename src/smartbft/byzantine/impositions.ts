// Wrappers that use the others' good nature: slow-drip, endless-sync, forged-sender.
import { after, earliest, microseconds, milliseconds, type Instant } from "../../base/index.js";
import { encodeMessage } from "../wire/encode.js";
import { Altering, beating } from "./altering.js";
import type { Wrap, WrapperEffect } from "./contract.js";
import { saying, sending } from "./outgoing.js";

/** Share of the time that a request has until its leader is complained about: two proposals in a row must fit in. */
const dripShare = 0.4;
/** Between two pulls from one node: as good as none, so that virtual time goes on. */
const pullPause = milliseconds(10);

/** As leader it holds each proposal back for as long as no timer of the others notices. */
export const slowDrip: Wrap = (replica, { options }) => {
  const { requestForwardTimeout, requestComplainTimeout } = options;
  const drip = microseconds(Math.floor((requestForwardTimeout + requestComplainTimeout) * dripShare));
  let held: { readonly at: Instant; readonly effects: readonly WrapperEffect[] }[] = [];
  return new Altering(replica, {
    act: (effects, _, now) =>
      saying(effects, (out) => {
        if (out.message.kind !== "PrePrepare") return undefined;
        held.push({ at: after(now, drip), effects: sending(out) });
        return [];
      }),
    clock: {
      deadline: () => earliest(...held.map(({ at }) => at)),
      due(now) {
        const due = held.filter(({ at }) => at <= now);
        held = held.filter(({ at }) => at > now);
        return due.flatMap(({ effects }) => effects);
      },
    },
    end: () => held.flatMap(({ effects }) => effects),
  });
};

/** Asks everybody for their state and pulls everybody's whole chain, again and again. */
export const endlessSync: Wrap = (replica, { self, options }, { now }) => {
  const others = options.nodes.filter((id) => id !== self);
  const pulling = new Set<number>();
  return new Altering(replica, {
    hear(input) {
      if (input.kind !== "pulled") return "pass";
      pulling.delete(input.id);
      return [];
    },
    clock: beating(now, pullPause, () => {
      const idle = others.filter((id) => !pulling.has(id));
      return idle.flatMap((from): readonly WrapperEffect[] => {
        pulling.add(from);
        return [...sending({ to: from, message: { kind: "StateTransferRequest" } }), { kind: "pull", id: from, from }];
      });
    }),
  });
};

/**
 * Votes for the next view in everybody else's name: to each node as if all the others wanted it. Votes are not signed, so
 * all depends on the transport, which vouches for the sender.
 */
export const forgedSender: Wrap = (replica, { self, options }, { now }) => {
  const others = options.nodes.filter((id) => id !== self);
  return new Altering(replica, {
    clock: beating(now, options.requestForwardTimeout, ({ realView }) => {
      const nextView = (realView + 1) as typeof realView; // the view after the one installed
      const bytes = encodeMessage({ kind: "ViewChange", nextView, reason: "" });
      return others.flatMap((to) =>
        others.filter((as) => as !== to).map((as): WrapperEffect => ({ kind: "sendAs", as, to, bytes })),
      );
    }),
  });
};
