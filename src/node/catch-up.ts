// One synchronisation of an orderer's ledger with the others': the Synchroniser decides, here its streams are opened, its
// blocks stored and its end awaited.
import type { OrdererConfig } from "../boundary/index.js";
import {
  fabricSyncLimits,
  requestsIn,
  Synchroniser,
  type Block,
  type Head,
  type SyncEffect,
  type SyncInput,
} from "../fabric/index.js";
import type { RequestInfo } from "../smartbft/index.js";
import { blockReader } from "./block-reader.js";
import { deferred } from "./deferred.js";
import type { Emit } from "./events.js";
import type { Identity } from "./identity.js";
import { MachineLoop } from "./machine-loop.js";
import type { SignatureChecker } from "./signatures.js";

export interface CatchUpOptions {
  readonly config: OrdererConfig;
  readonly identity: Identity;
  readonly checker: SignatureChecker;
  readonly emit: Emit;
  readonly head: Head;
  /** Stores a block durably and advances the application by it. */
  readonly store: (block: Block) => Promise<void>;
  readonly signal: AbortSignal;
}

/** Resolves with the requests that the new blocks brought, when all of them are durable; never when aborted. */
export async function catchUp(options: CatchUpOptions): Promise<readonly RequestInfo[]> {
  const { config, identity, checker, emit, head, store, signal } = options;
  const { id: self, consenters, channel, transport } = config;
  const done = deferred<void>();
  const requests: RequestInfo[] = [];
  const machine = new Synchroniser({ self, consenters, head, limits: fabricSyncLimits });
  let storing: Promise<void> = Promise.resolve();

  function carryOut(effect: SyncEffect): void {
    switch (effect.kind) {
      case "verify": {
        const { id } = effect;
        checker.check(effect.items).then((results) => loop.push({ kind: "verified", id, results }), done.reject);
        return;
      }
      case "append":
        storing = storing.then(() => store(effect.block));
        storing.catch(done.reject);
        requests.push(...requestsIn(effect.block.data));
        return;
      case "left":
        emit({ kind: "log", process: "orderer", text: `sync leaves ${effect.orderer}: ${effect.reason}` });
        return;
      case "done":
        storing.then(done.resolve, done.reject);
        return;
      default:
        reader.carryOut(effect);
    }
  }

  using loop = new MachineLoop<SyncInput, SyncEffect>(machine, { kind: "deadline" }, (_, effects) =>
    effects.forEach(carryOut),
  );
  const readerOptions = {
    channel,
    ...identity,
    consenters,
    transport,
    connectTimeout: fabricSyncLimits.probeTimeout,
    emit,
  };
  using reader = blockReader(readerOptions, (input) => loop.push(input));
  const stop = (): void => loop[Symbol.dispose]();
  signal.addEventListener("abort", stop, { once: true });
  loop.push({ kind: "start" });
  await done.promise;
  signal.removeEventListener("abort", stop);
  return requests;
}
