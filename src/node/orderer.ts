// An orderer: the replica and Fabric's application hosted on gRPC, disks and the clock. Everything that decides is in the
// machines; here their effects meet the world. Read effects.ts for the order in which they do.
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { present } from "../base/index.js";
import type { OrdererConfig } from "../boundary/index.js";
import { blockFrom, decisionFrom, headOf, membersOf, OrdererApplication, type Block } from "../fabric/index.js";
import { Replica, type Decision, type Effect, type Input, type SubmitOutcome, type Trace } from "../smartbft/index.js";
import { privateKeyFrom, sign } from "../system/index.js";
import { serveBroadcast } from "./broadcast.js";
import { Chain } from "./chain.js";
import { Cluster } from "./cluster.js";
import { EffectQueue, type EffectPorts } from "./effects.js";
import type { Service, Surroundings } from "./host.js";
import { MachineLoop } from "./machine-loop.js";
import { listen, serverOf } from "./rpc.js";
import { SignatureChecker } from "./signatures.js";
import { Wal } from "./wal.js";

export async function startOrderer(config: OrdererConfig, around: Surroundings): Promise<Service> {
  const { emit, fail } = around;
  const key = privateKeyFrom(await readFile(config.privateKeyFile, "utf8"));
  const { channel, consenters, dataDirectory } = config;
  const chain = await Chain.open({ folder: join(dataDirectory, "ledger"), role: "orderer", channel, consenters, emit });
  const { wal, entries, repaired } = await Wal.open(join(dataDirectory, "wal"));
  if (repaired !== "") emit({ kind: "log", process: "orderer", text: `write-ahead log repaired: ${repaired}` });
  const members = membersOf(channel, config.clients);
  const application = new OrdererApplication({
    id: config.id,
    consenters,
    members,
    head: headOf(chain.last),
    sign: (bytes) => sign(key, bytes),
    nonce: () => randomBytes(24),
  });
  const nodes = consenters.map(({ id }) => id).toSorted((left, right) => left - right);
  const options = { ...config.options, selfId: config.id, nodes, tickPhase: config.tickPhase };
  const replica = new Replica(options, application, { lastDecision: decisionOf(chain.last), walEntries: entries });

  const checker = new SignatureChecker();
  const cluster = new Cluster(config, emit);
  const submissions = new Submissions();
  const queue = new EffectQueue(portsOf(), fail);
  const loop = new MachineLoop<Input, Effect>(replica, { kind: "deadline" }, (at, effects) => queue.push(at, effects));

  function portsOf(): EffectPorts {
    return {
      persist: (records) => wal.append(records),
      deliver: async (sequence, decision) => {
        await store(decision);
        loop.push({ kind: "delivered", sequence });
      },
      send: (to, bytes, told) => cluster.send(to, bytes, told),
      forward: (to, request) => cluster.forward(to, request),
      synchronise: (id) =>
        loop.push({ kind: "synchronised", id, decision: decisionOf(chain.last), requests: [] }),
      verify: (id, items) => {
        checker.check(items).then((results) => loop.push({ kind: "verified", id, results }), fail);
      },
      submitted: (token, outcome) => submissions.settle(token, outcome),
      trace: (at, trace) => tell(at, trace),
    };
  }

  async function store(decision: Decision): Promise<void> {
    const block = blockFrom(decision);
    if (block.kind === "bad") throw new Error(`Deliver a decision: ${block.reason}`);
    await chain.append(block.value, "decision");
    application.advance(block.value);
  }

  function tell(at: Parameters<EffectPorts["trace"]>[0], trace: Trace): void {
    if (trace.kind === "step") emit({ at, ...trace });
    else if (trace.kind === "received") cluster.tellReceived(trace, at);
  }

  const submit = (envelope: Uint8Array): Promise<SubmitOutcome> =>
    submissions.open((token) => loop.push({ kind: "submit", token, request: envelope }));
  const server = serverOf(
    {
      step: (stream) => void cluster.receive(stream, (input) => loop.push(input)).catch(fail),
      broadcast: (stream) => void serveBroadcast(stream, { members, checker, emit, submit }).catch(fail),
    },
    config.transport,
  );
  const port = await listen(server, config.address, config.port);
  loop.push({ kind: "start" });
  return {
    detail: `${config.address}:${port}`,
    status: () => ({ ...replica.status(), height: chain.ledger.height }),
    [Symbol.asyncDispose]: async () => {
      loop[Symbol.dispose]();
      server.forceShutdown();
      cluster[Symbol.dispose]();
      await wal[Symbol.asyncDispose]();
      await chain[Symbol.asyncDispose]();
    },
  };
}

/** Genesis was decided by nobody. */
function decisionOf(block: Block): Decision | undefined {
  if (block.header.number === 0) return undefined;
  const decision = decisionFrom(block);
  return present(decision.kind === "good" ? decision.value : undefined, `a decision in block ${block.header.number}`);
}

/** Clients' requests on their way into the pool, by token. */
class Submissions {
  readonly #open = new Map<number, (outcome: SubmitOutcome) => void>();
  #next = 1;

  open(submit: (token: number) => void): Promise<SubmitOutcome> {
    const token = this.#next++;
    return new Promise((resolve) => {
      this.#open.set(token, resolve);
      submit(token);
    });
  }

  settle(token: number, outcome: SubmitOutcome): void {
    this.#open.get(token)?.(outcome);
    this.#open.delete(token);
  }
}

