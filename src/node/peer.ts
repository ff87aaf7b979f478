// A peer: the PeerMachine hosted on Deliver streams, a disk and the clock. It keeps every block it commits.
import { join } from "node:path";
import { seconds } from "../base/index.js";
import type { PeerConfig } from "../boundary/index.js";
import { decodeBlock, headOf, PeerMachine, requestsIn, type PeerEffect, type PeerInput } from "../fabric/index.js";
import { blockReader } from "./block-reader.js";
import { Chain } from "./chain.js";
import type { Service, Surroundings } from "./host.js";
import { readIdentity } from "./identity.js";
import type { Ledger } from "./ledger.js";
import { MachineLoop } from "./machine-loop.js";
import { SignatureChecker } from "./signatures.js";

/** Fabric's peer.deliveryclient.connTimeout. */
const connectTimeout = seconds(3);

export async function startPeer(config: PeerConfig, { emit, fail }: Surroundings): Promise<Service> {
  const identity = await readIdentity(config);
  const { channel, consenters, transport } = config;
  const chain = await Chain.open({
    folder: join(config.dataDirectory, "ledger"),
    role: "peer",
    channel,
    consenters,
    emit,
  });
  const checker = new SignatureChecker({ remembers: false });
  const machine = await machineOf(config, chain);

  function carryOut(effect: PeerEffect): void {
    switch (effect.kind) {
      case "verify": {
        const { id } = effect;
        checker.check(effect.items).then((results) => loop.push({ kind: "verified", id, results }), fail);
        return;
      }
      case "commit": {
        const { number } = effect.block.header;
        const { block, source, duplicates } = effect;
        chain.append(block, source, duplicates).then(() => loop.push({ kind: "committed", number }), fail);
        return;
      }
      case "source":
        emit(effect);
        return;
      default:
        reader.carryOut(effect);
    }
  }

  const loop = new MachineLoop<PeerInput, PeerEffect>(machine, { kind: "deadline" }, (_, effects) =>
    effects.forEach(carryOut),
  );
  const reader = blockReader({ channel, ...identity, consenters, transport, connectTimeout, emit }, (input) =>
    loop.push(input),
  );
  loop.push({ kind: "start" });
  return {
    detail: "",
    status: () => ({ height: chain.ledger.height, source: machine.source ?? "" }),
    pinSource: (orderer) => {
      if (!consenters.some(({ name }) => name === orderer)) throw new Error(`Pull from "${orderer}": no such orderer`);
      loop.push({ kind: "prefer", orderer });
    },
    [Symbol.asyncDispose]: async () => {
      loop[Symbol.dispose]();
      reader[Symbol.dispose]();
      await chain[Symbol.asyncDispose]();
    },
  };
}

/** The machine as the disk left it. */
async function machineOf(config: PeerConfig, chain: Chain): Promise<PeerMachine> {
  return new PeerMachine({
    consenters: config.consenters,
    preferred: config.blockSources,
    head: headOf(chain.last),
    committed: await transactionsOf(chain.ledger),
    censorshipTimeout: config.censorshipTimeout,
    connectTimeout,
    backoff: { base: config.reconnectBackoffBase, max: config.reconnectBackoffMax },
  });
}

/** Ids of all transactions the ledger holds: what makes a later one a duplicate. */
async function transactionsOf(ledger: Ledger): Promise<readonly string[]> {
  const transactions: string[] = [];
  for (let number = 0; number < ledger.height; number++) {
    const block = decodeBlock(await ledger.read(number));
    if (block.kind === "good") transactions.push(...requestsIn(block.value.data).map(({ requestId }) => requestId));
  }
  return transactions;
}
