// One synchronisation of an orderer's chain with the others', as node/catch-up.ts: the Synchroniser decides.
import type { Instant } from "../../base/index.js";
import {
  DeliverReader,
  fabricSyncLimits,
  requestsIn,
  Synchroniser,
  type Block,
  type Head,
  type SyncEffect,
  type SyncInput,
} from "../../fabric/index.js";
import type { RequestInfo } from "../../smartbft/index.js";
import { MachineLoop } from "./machine-loop.js";
import { Reading } from "./reading.js";
import type { ConfigOf } from "./service.js";
import { check, type Site } from "./site.js";

export interface CatchUpOptions {
  readonly site: Site;
  readonly config: ConfigOf<"orderer">;
  readonly head: Head;
  /** Stores a block durably and advances the application by it. */
  readonly store: (block: Block, done: () => void) => void;
  /** All blocks are durable; the requests that they brought. */
  readonly done: (requests: readonly RequestInfo[]) => void;
}

export class CatchUp {
  readonly #options: CatchUpOptions;
  readonly #loop: MachineLoop<SyncInput, SyncEffect>;
  readonly #reader: DeliverReader;
  readonly #reading: Reading;
  readonly #requests: RequestInfo[] = [];
  #storing = 0;
  #ended = false;

  constructor(options: CatchUpOptions) {
    this.#options = options;
    const { site, config, head } = options;
    const { id: self, consenters } = config;
    const machine = new Synchroniser({ self, consenters, head, limits: fabricSyncLimits });
    this.#loop = new MachineLoop<SyncInput, SyncEffect>(site.process, machine, {
      due: { kind: "deadline" },
      stepUs: site.costs.stepUs,
      carryOut: (_: Instant, effects) => effects.forEach((effect) => this.#carryOut(effect)),
    });
    this.#reading = new Reading(site, config);
    this.#reader = this.#reading.reader(fabricSyncLimits.probeTimeout, (input) => this.#loop.push(input));
  }

  start(): void {
    this.#loop.push({ kind: "start" });
  }

  abandon(): void {
    this.#loop.stop();
    this.#reading.abandon();
  }

  #carryOut(effect: SyncEffect): void {
    const { site, store } = this.#options;
    switch (effect.kind) {
      case "verify":
        return check(site, effect.items, (results) => this.#loop.push({ kind: "verified", id: effect.id, results }));
      case "append":
        this.#storing += 1;
        this.#requests.push(...requestsIn(effect.block.data));
        return store(effect.block, () => {
          this.#storing -= 1;
          this.#finish();
        });
      case "left":
        return site.emit({
          kind: "log",
          process: "orderer",
          text: `sync leaves ${effect.orderer}: ${effect.reason}`,
        });
      case "done":
        this.#ended = true;
        return this.#finish();
      default:
        this.#reader.carryOut(effect);
    }
  }

  #finish(): void {
    if (!this.#ended || this.#storing > 0) return;
    this.#reader[Symbol.dispose]();
    this.#loop.stop();
    this.#options.done(this.#requests);
  }
}
