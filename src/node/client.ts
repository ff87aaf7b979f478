// A client: the ClientMachine hosted on Broadcast streams to all orderers. It offers load only when it is told to.
import { randomBytes } from "node:crypto";
import { present, seconds } from "../base/index.js";
import type { ClientConfig } from "../boundary/index.js";
import {
  BroadcastClient,
  ClientMachine,
  dataOfSize,
  envelopeFor,
  nonceSize,
  type ClientEffect,
  type ClientInput,
} from "../fabric/index.js";
import { Channel } from "./channel.js";
import type { Service, Surroundings } from "./host.js";
import { readIdentity } from "./identity.js";
import { MachineLoop } from "./machine-loop.js";
import { wallTime } from "./wall-time.js";

/** Sends to one orderer without an answer; beyond it a black-holed orderer costs no more memory and no more streams. */
const outstandingMax = 1_000;
/** peer.gateway.broadcastTimeout of Fabric's sample configuration. */
const answerTimeout = seconds(30);

export async function startClient(config: ClientConfig, { emit }: Surroundings): Promise<Service> {
  const { creator, sign } = await readIdentity(config);
  const { channel, consenters, transport } = config;
  let sizeBytes = 0;
  const machine = new ClientMachine({
    orderers: consenters.map(({ name }) => name),
    transaction: (counter) => {
      const data = dataOfSize(sizeBytes, counter);
      return envelopeFor({ channel, creator, nonce: randomBytes(nonceSize), data, timestamp: wallTime(), sign });
    },
    outstandingMax,
    answerTimeout,
  });
  const targets = new Map(
    consenters.map((target) => [
      target.name,
      new BroadcastClient(new Channel(target, "broadcast", transport, emit), transport, (answer) => loop.push(answer)),
    ]),
  );
  const to = (orderer: string): BroadcastClient => present(targets.get(orderer), `orderer "${orderer}"`);

  function carryOut(effect: ClientEffect): void {
    switch (effect.kind) {
      case "invoked": {
        const { transaction, intendedAt } = effect;
        emit({ kind: "request", transaction, state: "invoked", intendedAt, orderer: "", detail: "" });
        return;
      }
      case "send":
        to(effect.orderer).send(effect.token, effect.bytes);
        return;
      case "giveUp":
        to(effect.orderer).giveUp(effect.token);
        return;
      case "outcome": {
        const { transaction, intendedAt, orderer, outcome: state, detail } = effect;
        emit({ kind: "request", transaction, state, intendedAt, orderer, detail });
      }
    }
  }

  const loop = new MachineLoop<ClientInput, ClientEffect>(machine, { kind: "deadline" }, (_, effects) =>
    effects.forEach(carryOut),
  );
  return {
    detail: "",
    status: () => ({ outstanding: machine.outstanding }),
    startWorkload: (workload) => {
      sizeBytes = workload.sizeBytes;
      loop.push({ kind: "workload", ratePerSecond: workload.ratePerSecond });
    },
    stopWorkload: () => loop.push({ kind: "stop" }),
    [Symbol.asyncDispose]: () => {
      loop[Symbol.dispose]();
      for (const target of targets.values()) target[Symbol.dispose]();
      return Promise.resolve();
    },
  };
}
