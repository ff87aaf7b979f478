// The machines of an orderer as its disks left them: Fabric's application, the replica, and around it what may turn it
// Byzantine. Every host of an orderer, in a process and in virtual time, makes them here.
import { randomFrom } from "../base/index.js";
import type { OrdererConfig } from "../boundary/index.js";
import { Replica, Turncoat, type Insider, type Options, type Twin } from "../smartbft/index.js";
import { OrdererApplication, type OrdererApplicationOptions } from "./application.js";
import { headOf, type Block } from "./block.js";
import { blockFrom, storedDecision } from "./decision.js";
import { membersOf } from "./envelope.js";

export interface OrdererParts extends Pick<OrdererApplicationOptions, "sign" | "nonce"> {
  readonly config: OrdererConfig;
  /** Newest block of the ledger, whenever it is asked for. */
  readonly last: () => Block;
  /** What the log holds since its last truncation. */
  readonly walEntries: readonly Uint8Array[];
}

export interface OrdererMachines {
  readonly application: OrdererApplication;
  readonly replica: Turncoat;
}

export function ordererMachines({ config, sign, nonce, last, walEntries }: OrdererParts): OrdererMachines {
  const { id, consenters, channel, clients, tickPhase } = config;
  const members = membersOf(channel, clients);
  const nodes = consenters.map((consenter) => consenter.id).toSorted((left, right) => left - right);
  const options = { ...config.options, selfId: id, nodes, tickPhase };
  const applicationNow = (): OrdererApplication =>
    new OrdererApplication({ id, consenters, members, head: headOf(last()), sign, nonce });
  const application = applicationNow();
  const restart = (entries: readonly Uint8Array[]): Replica =>
    new Replica(options, application, { lastDecision: storedDecision(last()), walEntries: entries });
  const twin = (): Twin => twinOf(options, applicationNow(), last());
  const random = randomFrom(config.seed, `byzantine/${config.name}`);
  const insider: Insider = { self: id, options, application, random, restart, twin };
  return { application, replica: new Turncoat(restart(walEntries), insider, walEntries) };
}

function twinOf(options: Options, application: OrdererApplication, last: Block): Twin {
  let lastDecision = storedDecision(last);
  return {
    replica: new Replica(options, application, { lastDecision, walEntries: [] }),
    deliver(decision) {
      const block = blockFrom(decision);
      if (block.kind === "good") application.advance(block.value);
      lastDecision = decision;
    },
    lastDecision: () => lastDecision,
  };
}
