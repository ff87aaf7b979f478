// An orderer: the replica and Fabric's application hosted on gRPC, disks and the clock. Everything that decides is in the
// machines; here they are put together. Read smartbft/effect-queue.ts for the order in which their effects meet the world, and
// orderer-ports.ts for what each means.
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { OrdererConfig } from "../boundary/index.js";
import { headOf, membersOf, nonceSize, OrdererApplication } from "../fabric/index.js";
import { EffectQueue, Replica, type Effect, type Input } from "../smartbft/index.js";
import { serveBroadcast } from "./broadcast.js";
import { Chain } from "./chain.js";
import { Cluster } from "./cluster.js";
import { serveDeliver } from "./deliver-server.js";
import type { Service, Surroundings } from "./host.js";
import { readIdentity } from "./identity.js";
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
  const checker = new SignatureChecker();
  const cluster = new Cluster(config, emit);
  const { replica, application } = machinesOf(config, { chain, entries, sign: identity.sign });
  const stopping = new AbortController();
  const parts = { ...around, config, identity, chain, wal, application, checker, cluster, signal: stopping.signal };
  const ports = new OrdererPorts({ ...parts, push: (input) => loop.push(input) });
  const queue = new EffectQueue(ports);
  const loop = new MachineLoop<Input, Effect>(replica, { kind: "deadline" }, (at, effects) => queue.push(at, effects));

  const submit = (envelope: Uint8Array) => ports.submit(envelope);
  const server = serverOf(
    {
      step: (stream) => void cluster.receive(stream, (input) => loop.push(input)).catch(fail),
      broadcast: (stream) => void serveBroadcast(stream, { members, checker, emit, submit }).catch(fail),
      deliver: (stream) => void serveDeliver(stream, { channel, ledger: chain.ledger, emit }).catch(fail),
    },
    transport,
  );
  const port = await listen(server, config.address, config.port);
  loop.push({ kind: "start" });
  return {
    detail: `${config.address}:${port}`,
    status: () => ({ ...replica.status(), height: chain.ledger.height }),
    [Symbol.asyncDispose]: async () => {
      stopping.abort();
      loop[Symbol.dispose]();
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

/** The machines as the disks left them. */
function machinesOf(config: OrdererConfig, { chain, entries, sign }: Stored) {
  const { id, consenters } = config;
  const members = membersOf(config.channel, config.clients);
  const nonce = () => randomBytes(nonceSize);
  const application = new OrdererApplication({ id, consenters, members, head: headOf(chain.last), sign, nonce });
  const nodes = consenters.map((consenter) => consenter.id).toSorted((left, right) => left - right);
  const options = { ...config.options, selfId: id, nodes, tickPhase: config.tickPhase };
  const replica = new Replica(options, application, { lastDecision: decisionOf(chain.last), walEntries: entries });
  return { replica, application };
}
