// Reads a whole chain from another orderer and forgets it: what a Byzantine node does to be a burden. A stream of its own
// on a connection of its own, as every reader of blocks has.
import { type NodeId } from "../base/index.js";
import type { OrdererConfig } from "../boundary/index.js";
import { decodeDeliverResponse, fabricSyncLimits, seekRange } from "../fabric/index.js";
import type { Chain } from "./chain.js";
import { DeliverReader } from "./deliver-reader.js";
import { deferred } from "./deferred.js";
import type { Emit } from "./events.js";
import type { Identity } from "./identity.js";

export interface PullOptions {
  readonly config: OrdererConfig;
  readonly identity: Identity;
  readonly chain: Chain;
  readonly emit: Emit;
  readonly from: NodeId;
  readonly signal: AbortSignal;
}

/** Resolves with how many blocks came, when the other has sent all that this node has too, or has ended the stream. */
export async function pullChain({ config, identity, chain, emit, from, signal }: PullOptions): Promise<number> {
  const { channel, consenters, transport } = config;
  const target = consenters.find(({ id }) => id === from);
  if (target === undefined) return 0;
  const done = deferred<void>();
  let blockCount = 0;
  const connectTimeout = fabricSyncLimits.probeTimeout;
  const options = { channel, ...identity, consenters, transport, connectTimeout, emit: quiet(emit) };
  using reader = new DeliverReader(options, (input) => {
    if (input.kind === "ended") done.resolve();
    if (input.kind !== "response") return;
    const response = decodeDeliverResponse(input.bytes);
    if (response.kind === "good" && response.value.kind === "block") blockCount += 1;
    else done.resolve();
  });
  const stop = (): void => done.resolve();
  signal.addEventListener("abort", stop, { once: true });
  reader.carryOut({ kind: "open", stream: 1, to: target.name, seek: seekRange(0, chain.ledger.height - 1) });
  await done.promise;
  signal.removeEventListener("abort", stop);
  return blockCount;
}

/** A hundred connections a second are not worth three events each; those who serve them tell of each. */
const quiet =
  (emit: Emit): Emit =>
  (event) => {
    if (event.kind !== "stream") emit(event);
  };
