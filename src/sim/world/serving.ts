// The serving side of Broadcast and Deliver at an orderer, as node/broadcast.ts and node/deliver-server.ts.
import {
  broadcastResponseFor,
  deliverBlock,
  deliverStatus,
  DeliverSession,
  encodeBroadcastResponse,
  examineEnvelope,
  status,
  type BroadcastResponse,
  type DeliverEffect,
  type DeliverInput,
  type Members,
} from "../../fabric/index.js";
import type { SubmitOutcome } from "../../smartbft/index.js";
import type { Chain } from "./chain.js";
import { MachineLoop } from "./machine-loop.js";
import type { InboundStream, Serving } from "./server.js";
import { check, type Site } from "./site.js";

export interface BroadcastPorts {
  readonly site: Site;
  readonly members: Members;
  readonly submit: (envelope: Uint8Array, then: (outcome: SubmitOutcome) => void) => void;
}

/** One envelope at a time, in order; an answer other than 200 is the stream's last. */
export function serveBroadcast(stream: InboundStream, { site, members, submit }: BroadcastPorts): Serving {
  const waiting: Uint8Array[] = [];
  let busy = false;
  let gone = false;

  function answer(response: BroadcastResponse): void {
    if (gone) return;
    stream.write(encodeBroadcastResponse(response));
    if (response.status !== status.success) return stream.end();
    busy = false;
    next();
  }

  function next(): void {
    const envelope = busy ? undefined : waiting.shift();
    if (envelope === undefined) return;
    busy = true;
    const examined = examineEnvelope(envelope, members);
    if (examined.kind === "bad") return answer({ status: examined.status, info: examined.reason });
    check(site, [examined.item], ([good]) => {
      if (good === true) submit(envelope, (outcome) => answer(broadcastResponseFor(outcome)));
      else answer({ status: status.forbidden, info: "signature does not verify" });
    });
  }

  return {
    peer: stream.peer,
    received: (bytes) => {
      waiting.push(bytes);
      next();
    },
    closed: () => (gone = true),
  };
}

export interface DeliverPorts {
  readonly site: Site;
  readonly channel: string;
  readonly chain: Chain;
}

export function serveDeliver(stream: InboundStream, { site, channel, chain }: DeliverPorts): Serving {
  const session = new DeliverSession({ channel, height: chain.height });
  const loop = new MachineLoop<DeliverInput, DeliverEffect>(
    site.process,
    { step: (now, input) => session.step(now, input), deadline: () => undefined },
    {
      due: { kind: "height", height: 0 },
      stepUs: 0,
      carryOut: (_, effects) => effects.forEach(carryOut),
    },
  );

  function carryOut(effect: DeliverEffect): void {
    if (effect.kind === "end") stream.end();
    else if (effect.kind === "sendStatus") stream.write(deliverStatus(effect.status));
    else stream.write(deliverBlock(chain.read(effect.number), effect.content), () => loop.push({ kind: "sent" }));
  }

  const unwatch = chain.watch(() => loop.push({ kind: "height", height: chain.height }));
  return {
    peer: stream.peer,
    received: (bytes) => loop.push({ kind: "seek", bytes }),
    closed: () => {
      unwatch();
      loop.stop();
    },
  };
}
