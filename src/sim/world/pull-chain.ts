// Reads a whole chain from another orderer and forgets it: what a Byzantine node does to be a burden. As node/pull-chain.ts.
import type { NodeId } from "../../base/index.js";
import { decodeDeliverResponse, fabricSyncLimits, seekRange, type DeliverReader } from "../../fabric/index.js";
import { Reading } from "./reading.js";
import type { ConfigOf } from "./service.js";
import type { Site } from "./site.js";

export interface PullOptions {
  readonly from: NodeId;
  /** Number of the last block to ask for. */
  readonly last: number;
}

export class PullChain {
  readonly #config: ConfigOf<"orderer">;
  readonly #options: PullOptions;
  readonly #reading: Reading;
  readonly #reader: DeliverReader;
  readonly #done: (blockCount: number) => void;
  #blockCount = 0;
  #over = false;

  /** `done` is told once how many blocks came: when the other has sent all that was asked for, or has ended the stream. */
  constructor(site: Site, config: ConfigOf<"orderer">, options: PullOptions, done: (blockCount: number) => void) {
    this.#config = config;
    this.#options = options;
    this.#done = done;
    // A hundred connections a second are not worth three events each; those who serve them tell of each.
    const quiet: Site = {
      ...site,
      emit: (event) => {
        if (event.kind !== "stream") site.emit(event);
      },
    };
    this.#reading = new Reading(quiet, config);
    this.#reader = this.#reading.reader(fabricSyncLimits.probeTimeout, (input) => {
      if (input.kind === "ended") this.#finish();
      if (input.kind === "response") this.#response(input.bytes);
    });
  }

  start(): void {
    const { from, last } = this.#options;
    const target = this.#config.consenters.find(({ id }) => id === from);
    if (target === undefined) return this.#finish();
    this.#reader.carryOut({ kind: "open", stream: 1, to: target.name, seek: seekRange(0, last) });
  }

  abandon(): void {
    this.#over = true;
    this.#reading.abandon();
  }

  #response(bytes: Uint8Array): void {
    const response = decodeDeliverResponse(bytes);
    if (response.kind === "good" && response.value.kind === "block") this.#blockCount += 1;
    else this.#finish();
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#reader[Symbol.dispose]();
    this.#done(this.#blockCount);
  }
}
