// The event that tells of a block once it is durable: the same words from a node's process and from the simulator.
import { toHex } from "../base/index.js";
import type { BlockEvent } from "../boundary/index.js";
import { requestsIn } from "./application.js";
import { headerHash, viewMetadataOf, type Block } from "./block.js";

/** `bytes`: of the encoded block. */
export function blockEvent(
  block: Block,
  told: Pick<BlockEvent, "role" | "bytes" | "source" | "duplicates">,
): Omit<BlockEvent, "at" | "node"> {
  return {
    kind: "block",
    ...told,
    number: block.header.number,
    hash: toHex(headerHash(block.header)),
    previousHash: toHex(block.header.previousHash),
    view: viewMetadataOf(block)?.view ?? 0,
    transactions: requestsIn(block.data).map(({ requestId }) => requestId),
  };
}
