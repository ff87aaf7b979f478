// A node's chain: the ledger with blocks instead of bytes, genesis at its start, and the event that tells of each block
// once it is durable. Orderers and peers store through here, one block after another.
import { present } from "../base/index.js";
import type { BlockEvent, Consenter } from "../boundary/index.js";
import { blockEvent, decodeBlock, encodeBlock, genesisBlock, type Block } from "../fabric/index.js";
import { OperatingError } from "../system/index.js";
import type { Emit } from "./events.js";
import { Ledger } from "./ledger.js";

export interface ChainOptions {
  readonly folder: string;
  readonly role: BlockEvent["role"];
  readonly channel: string;
  readonly consenters: readonly Consenter[];
  readonly emit: Emit;
}

export class Chain implements AsyncDisposable {
  readonly ledger: Ledger;
  readonly #options: ChainOptions;
  #last: Block;

  private constructor(ledger: Ledger, last: Block, options: ChainOptions) {
    this.ledger = ledger;
    this.#last = last;
    this.#options = options;
  }

  /** Opens the folder's ledger, or begins one with genesis. Rejects when it is of another channel. Caller disposes. */
  static async open(options: ChainOptions): Promise<Chain> {
    const ledger = await Ledger.open(options.folder);
    const genesis = encodeBlock(genesisBlock(options.channel, options.consenters));
    if (ledger.height === 0) await ledger.append(genesis);
    if (!Buffer.from(await ledger.read(0)).equals(genesis)) {
      await ledger[Symbol.asyncDispose]();
      throw new OperatingError(`Open the ledger in "${options.folder}": its genesis block is of another channel`, {
        suggestion: "the node's data folder belongs to another lab, or keys were made anew; remove it",
      });
    }
    const last = await blockAt(ledger, ledger.height - 1);
    return new Chain(ledger, last, options);
  }

  /** Newest stored block. */
  get last(): Block {
    return this.#last;
  }

  /** Resolves when the block is durable and told. `duplicates` are indexes of transactions that a peer marks invalid. */
  async append(block: Block, source: string, duplicates: readonly number[] = []): Promise<void> {
    const bytes = encodeBlock(block);
    await this.ledger.append(bytes);
    this.#last = block;
    const { role, emit } = this.#options;
    emit(blockEvent(block, { role, bytes: bytes.length, source, duplicates }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.ledger[Symbol.asyncDispose]();
  }
}

/** A stored block; its bytes passed a checksum when the ledger was opened. */
async function blockAt(ledger: Ledger, number: number): Promise<Block> {
  const decoded = decodeBlock(await ledger.read(number));
  return present(decoded.kind === "good" ? decoded.value : undefined, `block ${number} of the ledger`);
}
