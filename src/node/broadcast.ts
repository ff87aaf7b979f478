// Server side of orderer.AtomicBroadcast/Broadcast, as Fabric has it (fabric-wire.md 5.1): one answer for each envelope, in
// order, one envelope at a time on a stream; an answer other than 200 ends the stream with gRPC OK.
import type { RequestInfo, SubmitOutcome } from "../smartbft/index.js";
import {
  broadcastResponseFor,
  encodeBroadcastResponse,
  examineEnvelope,
  status,
  type BroadcastResponse,
  type Members,
} from "../fabric/index.js";
import type { Emit } from "./events.js";
import { serveInbound, writeTo } from "./inbound.js";
import type { InboundStream } from "./rpc.js";
import type { SignatureChecker } from "./signatures.js";

export interface BroadcastPorts {
  readonly members: Members;
  readonly checker: SignatureChecker;
  readonly emit: Emit;
  /** Into the pool; resolves with what the replica made of it, maybe much later. */
  readonly submit: (envelope: Uint8Array, info: RequestInfo) => Promise<SubmitOutcome>;
}

export async function serveBroadcast(stream: InboundStream, ports: BroadcastPorts): Promise<void> {
  const options = { peer: stream.getPeer(), service: "broadcast", emit: ports.emit } as const;
  await serveInbound(stream, options, async (bytes, { closed }) => {
    const response = await ordered(bytes, ports);
    const sent = await writeTo(stream, encodeBroadcastResponse(response), closed);
    return sent && response.status === status.success ? "next" : "end";
  });
}

async function ordered(envelope: Uint8Array, { members, checker, submit }: BroadcastPorts): Promise<BroadcastResponse> {
  const examined = examineEnvelope(envelope, members);
  if (examined.kind === "bad") return { status: examined.status, info: examined.reason };
  if (!checker.checkFirst(examined.item)) return { status: status.forbidden, info: "signature does not verify" };
  const { clientId, transactionId: requestId } = examined;
  return broadcastResponseFor(await submit(envelope, { clientId, requestId }));
}
