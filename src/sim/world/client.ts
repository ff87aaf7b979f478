// A client of the world: the ClientMachine on simulated Broadcast streams, as node/client.ts.
import { present, seconds } from "../../base/index.js";
import type { Workload } from "../../boundary/index.js";
import {
  BroadcastClient,
  ClientMachine,
  creatorOf,
  dataOfSize,
  envelopeFor,
  type ClientEffect,
  type ClientInput,
} from "../../fabric/index.js";
import { Channel } from "./channel.js";
import { MachineLoop } from "./machine-loop.js";
import type { ConfigOf, Service } from "./service.js";
import { keyOf, nonceFrom, signer, timestampAt, type Site } from "./site.js";

/** As node/client.ts. */
const outstandingMax = 1_000;
const answerTimeout = seconds(30);

export class Client implements Service {
  readonly detail = "";
  readonly #site: Site;
  readonly #machine: ClientMachine;
  readonly #loop: MachineLoop<ClientInput, ClientEffect>;
  readonly #channels: Channel[] = [];
  readonly #targets: ReadonlyMap<string, BroadcastClient>;
  #sizeBytes = 0;

  constructor(site: Site, config: ConfigOf<"client">) {
    this.#site = site;
    const { consenters, transport: settings } = config;
    this.#machine = new ClientMachine({
      orderers: consenters.map(({ name }) => name),
      transaction: this.#transactions(config),
      outstandingMax,
      answerTimeout,
    });
    this.#loop = new MachineLoop<ClientInput, ClientEffect>(site.process, this.#machine, {
      due: { kind: "deadline" },
      stepUs: site.costs.stepUs,
      carryOut: (_, effects) => effects.forEach((effect) => this.#carryOut(effect)),
    });
    this.#targets = new Map(
      consenters.map((target) => {
        const channel = new Channel({ site, target, service: "broadcast", settings });
        this.#channels.push(channel);
        return [target.name, new BroadcastClient(channel, settings, (answer) => this.#loop.push(answer))];
      }),
    );
  }

  readonly startWorkload = ({ ratePerSecond, sizeBytes }: Workload): void => {
    this.#sizeBytes = sizeBytes;
    this.#loop.push({ kind: "workload", ratePerSecond });
  };

  readonly stopWorkload = (): void => this.#loop.push({ kind: "stop" });

  status(): ReturnType<Service["status"]> {
    return { outstanding: this.#machine.outstanding };
  }

  abandon(): void {
    this.#loop.stop();
    for (const channel of this.#channels) channel.abandon();
  }

  #transactions({ channel, mspId }: ConfigOf<"client">) {
    const site = this.#site;
    const creator = creatorOf({ mspId, publicKey: keyOf(site.name) });
    const sign = signer(site);
    return (counter: number) =>
      envelopeFor({
        channel,
        creator,
        nonce: nonceFrom(site.random),
        data: dataOfSize(this.#sizeBytes, counter),
        timestamp: timestampAt(site.process.now()),
        sign,
      });
  }

  #carryOut(effect: ClientEffect): void {
    switch (effect.kind) {
      case "invoked": {
        const { transaction, intendedAt } = effect;
        return this.#site.emit({
          kind: "request",
          transaction,
          state: "invoked",
          intendedAt,
          orderer: "",
          detail: "",
        });
      }
      case "send":
        return this.#to(effect.orderer).send(effect.token, effect.bytes);
      case "giveUp":
        return this.#to(effect.orderer).giveUp(effect.token);
      case "outcome": {
        const { transaction, intendedAt, orderer, outcome: state, detail } = effect;
        return this.#site.emit({ kind: "request", transaction, state, intendedAt, orderer, detail });
      }
    }
  }

  #to(orderer: string): BroadcastClient {
    return present(this.#targets.get(orderer), `orderer "${orderer}"`);
  }
}
