// Server side of orderer.AtomicBroadcast/Deliver: one DeliverSession a stream decides what goes out; here it is read from
// the ledger and written at the reader's pace.
import { deliverBlock, deliverStatus, DeliverSession, type DeliverEffect, type DeliverInput } from "../fabric/index.js";
import { now } from "../system/index.js";
import { deferred } from "./deferred.js";
import type { Emit } from "./events.js";
import { serveInbound, writeTo } from "./inbound.js";
import type { Ledger } from "./ledger.js";
import type { InboundStream } from "./rpc.js";

export interface DeliverPorts {
  readonly channel: string;
  readonly ledger: Ledger;
  readonly emit: Emit;
}

/** Resolves when the stream is over. Rejects when the ledger cannot be read. */
export async function serveDeliver(stream: InboundStream, { channel, ledger, emit }: DeliverPorts): Promise<void> {
  const session = new DeliverSession({ channel, height: ledger.height });
  const gone = new AbortController();
  const failed = deferred<never>();

  async function carryOut(effect: DeliverEffect): Promise<void> {
    if (effect.kind === "end") stream.end();
    else if (effect.kind === "sendStatus") await writeTo(stream, deliverStatus(effect.status), gone.signal);
    else {
      const block = await ledger.read(effect.number);
      if (await writeTo(stream, deliverBlock(block, effect.content), gone.signal)) take({ kind: "sent" });
    }
  }

  /** Effects of all steps, one after another. */
  let carrying: Promise<void> = Promise.resolve();
  function take(input: DeliverInput): void {
    for (const effect of session.step(now(), input)) carrying = carrying.then(() => carryOut(effect));
    carrying.catch(failed.reject);
  }

  using _watch = ledger.watch(() => take({ kind: "height", height: ledger.height }));
  const options = { peer: stream.getPeer(), service: "deliver", emit } as const;
  const served = serveInbound(stream, options, (bytes) => {
    take({ kind: "seek", bytes });
    return "next";
  });
  try {
    await Promise.race([served, failed.promise]);
  } finally {
    gone.abort();
  }
}
