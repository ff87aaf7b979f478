// An orderer: the replica and Fabric's application hosted on gRPC, disks and the clock. Everything that decides is in the
// machines; here they are put together. Read smartbft/effect-queue.ts for the order in which their effects meet the world, and
// orderer-ports.ts for what each means.
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { OrdererConfig } from "../boundary/index.js";
import { randomFrom } from "../base/index.js";
import { blockFrom, headOf, membersOf, nonceSize, OrdererApplication } from "../fabric/index.js";
import {
  EffectQueue,
  Replica,
  Turncoat,
  type Insider,
  type TurncoatInput,
  type Twin,
  type WrapperEffect,
} from "../smartbft/index.js";
import { serveBroadcast } from "./broadcast.js";
import { Chain } from "./chain.js";
import { Cluster, type FromOthers } from "./cluster.js";
import { serveDeliver } from "./deliver-server.js";
import type { Service, Surroundings } from "./host.js";
import { readIdentity } from "./identity.js";
import { IngressTurns } from "./ingress-turns.js";
import { MachineLoop } from "./machine-loop.js";
import { decisionOf, OrdererPorts } from "./orderer-ports.js";
import { listen, serverOf } from "./rpc.js";
import { SignatureChecker } from "./signatures.js";
import { Wal } from "./wal.js";

export async function startOrderer(config: OrdererConfig, around: Surroundings): Promise<Service> {
  const { emit, fail } = around;
  const { channel, consenters, dataDirectory, transport } = config;
  const identity = await readIdentity(config);
  const chain = await Chain.open({ folder: join(dataDirectory, "ledger"), role: "orderer", channel, consenters, emit });
  const { wal, entries, repaired } = await Wal.open(join(dataDirectory, "wal"));
  if (repaired !== "") emit({ kind: "log", process: "orderer", text: `write-ahead log repaired: ${repaired}` });

  const members = membersOf(channel, config.clients);
  const checker = new SignatureChecker({ remembers: config.options.fidelity === "improved" });
  const cluster = new Cluster(config, emit);
  const { replica, application } = machinesOf(config, { chain, entries, sign: identity.sign });
  const stopping = new AbortController();
  const parts = { ...around, config, identity, chain, wal, application, checker, cluster, signal: stopping.signal };
  const ports = new OrdererPorts({ ...parts, push: (input) => loop.push(input) });
  const queue = new EffectQueue(ports);
  const loop = new MachineLoop<TurncoatInput, WrapperEffect>(replica, { kind: "deadline" }, (at, effects) =>
    queue.push(at, effects),
  );
  const ingressOptions = { kind: transport.ingress, limit: config.options.incomingMessageBufferSize };
  const ingress = new IngressTurns<FromOthers>(ingressOptions, (input) => loop.push(input));

  const submit: OrdererPorts["submit"] = (envelope, info) => ports.submit(envelope, info);
  const server = serverOf(
    {
      step: (stream) => void cluster.receive(stream, (input) => ingress.offer(input.from, input)).catch(fail),
      broadcast: (stream) => void serveBroadcast(stream, { members, checker, emit, submit }).catch(fail),
      deliver: (stream) => void serveDeliver(stream, { channel, ledger: chain.ledger, emit }).catch(fail),
    },
    transport,
  );
  const port = await listen(server, config.address, config.port);
  loop.push({ kind: "start" });
  return {
    detail: `${config.address}:${port}`,
    status: () => ({ ...replica.status(), height: chain.ledger.height, misbehaviour: replica.misbehaviour }),
    misbehave: (how) => loop.push({ kind: "misbehave", how }),
    [Symbol.asyncDispose]: async () => {
      stopping.abort();
      loop[Symbol.dispose]();
      ingress[Symbol.dispose]();
      server.forceShutdown();
      cluster[Symbol.dispose]();
      queue.stop();
      await ports.idle();
      await wal[Symbol.asyncDispose]();
      await chain[Symbol.asyncDispose]();
    },
  };
}

interface Stored {
  readonly chain: Chain;
  readonly entries: readonly Uint8Array[];
  readonly sign: (bytes: Uint8Array) => Uint8Array;
}

/** The machines as the disks left them; the replica in what may turn it Byzantine. */
function machinesOf(config: OrdererConfig, { chain, entries, sign }: Stored) {
  const { id, consenters } = config;
  const members = membersOf(config.channel, config.clients);
  const nonce = () => randomBytes(nonceSize);
  const applicationAt = (head: OrdererApplication["head"]): OrdererApplication =>
    new OrdererApplication({ id, consenters, members, head, sign, nonce });
  const application = applicationAt(headOf(chain.last));
  const nodes = consenters.map((consenter) => consenter.id).toSorted((left, right) => left - right);
  const options = { ...config.options, selfId: id, nodes, tickPhase: config.tickPhase };
  const restart = (walEntries: readonly Uint8Array[]): Replica =>
    new Replica(options, application, { lastDecision: decisionOf(chain.last), walEntries });
  const twin = (): Twin => {
    const own = applicationAt(headOf(chain.last));
    let lastDecision = decisionOf(chain.last);
    return {
      replica: new Replica(options, own, { lastDecision, walEntries: [] }),
      deliver(decision) {
        const block = blockFrom(decision);
        if (block.kind === "good") own.advance(block.value);
        lastDecision = decision;
      },
      lastDecision: () => lastDecision,
    };
  };
  const random = randomFrom(config.seed, `byzantine/${config.name}`);
  const insider: Insider = { self: id, options, application, random, restart, twin };
  return { replica: new Turncoat(restart(entries), insider, entries), application };
}
