// An orderer: the replica and Fabric's application hosted on gRPC, disks and the clock. Everything that decides is in the
// machines; here they are put together. Read smartbft/effect-queue.ts for the order in which their effects meet the world, and
// orderer-ports.ts for what each means.
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { OrdererConfig } from "../boundary/index.js";
import { membersOf, nonceSize, ordererMachines } from "../fabric/index.js";
import { EffectQueue, IngressTurns, type TurncoatInput, type WrapperEffect } from "../smartbft/index.js";
import { serveBroadcast } from "./broadcast.js";
import { Chain } from "./chain.js";
import { Cluster, type FromOthers } from "./cluster.js";
import { serveDeliver } from "./deliver-server.js";
import type { Service, Surroundings } from "./host.js";
import { readIdentity } from "./identity.js";
import { MachineLoop } from "./machine-loop.js";
import { OrdererPorts } from "./orderer-ports.js";
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
  const { replica, application } = ordererMachines({
    config,
    sign: identity.sign,
    nonce: () => randomBytes(nonceSize),
    last: () => chain.last,
    walEntries: entries,
  });
  const stopping = new AbortController();
  const parts = { ...around, config, identity, chain, wal, application, checker, cluster, signal: stopping.signal };
  const ports = new OrdererPorts({ ...parts, push: (input) => loop.push(input) });
  const queue = new EffectQueue(ports);
  const loop = new MachineLoop<TurncoatInput, WrapperEffect>(replica, { kind: "deadline" }, (at, effects) =>
    queue.push(at, effects),
  );
  const ingress = ingressOf(config, (input) => loop.push(input));

  const submit: OrdererPorts["submit"] = (envelope, info) => ports.submit(envelope, info);
  const server = serverOf(
    {
      step: (stream) => void cluster.receive(stream, (input) => offered(ingress, input)).catch(fail),
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
      ingress.stop();
      server.forceShutdown();
      cluster[Symbol.dispose]();
      queue.stop();
      await ports.idle();
      await wal[Symbol.asyncDispose]();
      await chain[Symbol.asyncDispose]();
    },
  };
}

/** A turn of the ingress is one of the event loop. */
const ingressOf = ({ transport, options }: OrdererConfig, push: (input: FromOthers) => void) =>
  new IngressTurns<FromOthers>(
    {
      kind: transport.ingress,
      limit: options.incomingMessageBufferSize,
      nextTurn: (turn) => void setImmediate(turn),
    },
    push,
  );

/** The promise, if there is one, resolves when the sender may be read again. */
function offered(ingress: IngressTurns<FromOthers>, input: FromOthers): Promise<void> | undefined {
  let go = (): void => undefined;
  const hasRoom = ingress.offer(input.from, input, () => go());
  return hasRoom ? undefined : new Promise((resolve) => (go = resolve));
}
