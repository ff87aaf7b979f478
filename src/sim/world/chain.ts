// A node's chain: blocks on its simulated disk, genesis first, and the event that tells of each once it is durable. As
// node/chain.ts and node/ledger.ts.
import { present } from "../../base/index.js";
import type { BlockEvent, Consenter } from "../../boundary/index.js";
import { blockEvent, decodeBlock, encodeBlock, genesisBlock, requestsIn, type Block } from "../../fabric/index.js";
import type { AppendFile } from "./disk.js";
import type { Site } from "./site.js";

export interface ChainOptions {
  readonly site: Site;
  readonly file: AppendFile<Uint8Array>;
  readonly role: BlockEvent["role"];
  readonly channel: string;
  readonly consenters: readonly Consenter[];
}

export class Chain {
  readonly #options: ChainOptions;
  readonly #watchers = new Set<() => void>();
  #last: Block;

  /** What the disk holds, or a chain that begins with genesis. */
  constructor(options: ChainOptions) {
    this.#options = options;
    const { file, channel, consenters } = options;
    if (file.durable.length === 0) file.durable.push(encodeBlock(genesisBlock(channel, consenters)));
    const last = decodeBlock(present(file.durable.at(-1), "a block"));
    this.#last = present(last.kind === "good" ? last.value : undefined, "a last block that can be read");
  }

  get last(): Block {
    return this.#last;
  }

  get height(): number {
    return this.#options.file.durable.length;
  }

  read(number: number): Uint8Array {
    return present(this.#options.file.durable[number], `block ${number}`);
  }

  /** `done` once it is durable and told; blocks in order, calls may overlap. */
  append(block: Block, source: string, duplicates: readonly number[], done: () => void): void {
    const { file, site, role } = this.#options;
    const bytes = encodeBlock(block);
    const { hashKibUs, requestUs } = site.costs;
    site.process.charge((bytes.length * hashKibUs) / 1024 + block.data.length * requestUs);
    file.append(bytes, bytes.length, () => {
      this.#last = block;
      site.emit(blockEvent(block, { role, bytes: bytes.length, source, duplicates }));
      done();
      for (const watcher of this.#watchers) watcher();
    });
  }

  /** Calls after every block that became durable, until the answer is called. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  /** Ids of all transactions the chain holds. */
  transactions(): readonly string[] {
    return this.#options.file.durable.flatMap((bytes) => {
      const block = decodeBlock(bytes);
      return block.kind === "good" ? requestsIn(block.value.data).map(({ requestId }) => requestId) : [];
    });
  }
}
