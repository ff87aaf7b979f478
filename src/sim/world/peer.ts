// A peer of the world: the PeerMachine on simulated streams and disk, as node/peer.ts.
import { instant, seconds } from "../../base/index.js";
import { headOf, PeerMachine, type DeliverReader, type PeerEffect, type PeerInput } from "../../fabric/index.js";
import { Chain } from "./chain.js";
import { MachineLoop } from "./machine-loop.js";
import { Reading } from "./reading.js";
import type { ConfigOf, Disks, Service } from "./service.js";
import { check, type Site } from "./site.js";

/** Fabric's peer.deliveryclient.connTimeout. */
const connectTimeout = seconds(3);

/** So long without a block is a pause. Measured are 25 s, which are one, and 2 s, which are none. */
const pauseUs = 10_000_000;

export class Peer implements Service {
  readonly detail = "";
  readonly #site: Site;
  readonly #chain: Chain;
  readonly #machine: PeerMachine;
  readonly #loop: MachineLoop<PeerInput, PeerEffect>;
  readonly #reader: DeliverReader;
  readonly #reading: Reading;
  #blockAt = instant(0);

  constructor(site: Site, config: ConfigOf<"peer">, disks: Disks) {
    this.#site = site;
    const { channel, consenters } = config;
    this.#chain = new Chain({ site, file: disks.blocks, role: "peer", channel, consenters });
    this.#machine = new PeerMachine({
      consenters,
      preferred: config.blockSources,
      head: headOf(this.#chain.last),
      committed: this.#chain.transactions(),
      censorshipTimeout: config.censorshipTimeout,
      connectTimeout,
      backoff: { base: config.reconnectBackoffBase, max: config.reconnectBackoffMax },
    });
    this.#loop = new MachineLoop<PeerInput, PeerEffect>(site.process, this.#machine, {
      due: { kind: "deadline" },
      stepUs: site.costs.stepUs,
      carryOut: (_, effects) => effects.forEach((effect) => this.#carryOut(effect)),
    });
    this.#reading = new Reading(site, config);
    this.#reader = this.#reading.reader(connectTimeout, (input) => this.#loop.push(input));
  }

  start(): void {
    this.#loop.push({ kind: "start" });
  }

  readonly pinSource = (orderer: string): void => this.#loop.push({ kind: "prefer", orderer });

  status(): ReturnType<Service["status"]> {
    return { height: this.#chain.height, source: this.#machine.source ?? "" };
  }

  abandon(): void {
    this.#loop.stop();
    this.#reading.abandon();
  }

  /** A block after a pause is dearer (docs/simulator.md, Costs). */
  #blockCame(): void {
    const { process, costs } = this.#site;
    const at = process.now();
    if (at - this.#blockAt > pauseUs) {
      process.charge(costs.staleUs);
      process.beside(costs.staleBesideUs);
    }
    this.#blockAt = at;
  }

  #carryOut(effect: PeerEffect): void {
    switch (effect.kind) {
      case "verify":
        this.#blockCame();
        return check(this.#site, effect.items, (results) =>
          this.#loop.push({ kind: "verified", id: effect.id, results }),
        );
      case "commit": {
        const { block, source, duplicates } = effect;
        const { number } = block.header;
        // Each transaction was opened and judged; storing the block takes it apart once more.
        this.#site.process.charge(block.data.length * this.#site.costs.requestUs);
        const done = (): void => this.#loop.push({ kind: "committed", number });
        return this.#chain.append(block, source, duplicates, done);
      }
      case "source":
        return this.#site.emit(effect);
      default:
        this.#reader.carryOut(effect);
    }
  }
}
